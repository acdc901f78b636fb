//===- TPCOpBase.td - what all ops share -------------------------*- tablegen -*-===//

#ifndef TPC_DIALECT_TPCOPBASE_TD
#define TPC_DIALECT_TPCOPBASE_TD

include "mlir/IR/BuiltinAttributeInterfaces.td"
include "mlir/IR/OpBase.td"
include "mlir/IR/SymbolInterfaces.td"
include "mlir/Interfaces/InferTypeOpInterface.td"
include "mlir/Interfaces/SideEffectInterfaces.td"
include "tpc/Dialect/TPCAttributes.td"
include "tpc/Dialect/TPCInterfaces.td"

class TPC_Op<string mnemonic, list<Trait> traits = []> : Op<TPC_Dialect, mnemonic, traits>;

def TPC_Tensor : StaticShapeTensorOf<[AnyFloat, AnySignlessInteger]>;
def TPC_Float : StaticShapeTensorOf<[AnyFloat]>;
def TPC_Integer : StaticShapeTensorOf<[AnySignlessInteger]>;
def TPC_Mask : StaticShapeTensorOf<[I1]>;
def TPC_FloatScalar : 0DTensorOf<[AnyFloat]>;
def TPC_IntegerScalar : 0DTensorOf<[AnySignlessInteger]>;

def TPC_Rule : DeclareOpInterfaceMethods<TPC_ShardingRuleOpInterface>;
def TPC_Cost : DeclareOpInterfaceMethods<TPC_CostOpInterface, ["getFlops"]>;
def TPC_Local : DeclareOpInterfaceMethods<TPC_LocalizableOpInterface>;
def TPC_Grad : DeclareOpInterfaceMethods<TPC_DifferentiableOpInterface>;

#endif // TPC_DIALECT_TPCOPBASE_TD
