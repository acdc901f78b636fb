//===- TPCInterfaces.td - what the passes ask of an op -----------*- tablegen -*-===//

#ifndef TPC_DIALECT_TPCINTERFACES_TD
#define TPC_DIALECT_TPCINTERFACES_TD

include "mlir/IR/OpBase.td"

def TPC_ShardingRuleOpInterface : OpInterface<"ShardingRuleOpInterface"> {
  let cppNamespace = "::tpc";
  let description = [{ How the shards of operands and results depend on each other (tpc/Sharding/ShardingRule.h). }];
  let methods = [
    InterfaceMethod<"The factor rule; one mapping per operand and per result, in order (a non-tensor operand has an empty one).",
                    "::tpc::ShardingRule", "getShardingRule">
  ];
}

def TPC_LocalizableOpInterface : OpInterface<"LocalizableOpInterface"> {
  let cppNamespace = "::tpc";
  let description = [{
    The op on one rank's shards, where that is not the same op on smaller shapes: offsets into a vocabulary,
    positions, global element indices. Ops without it are cloned with local result types.
  }];
  let methods = [
    InterfaceMethod<[{
      Builds the local form and returns one value per result. `context` has the layouts, the mesh and the local
      result types. Emits an error at the op and fails if the layouts cannot be localized.
    }], "::llvm::FailureOr<::llvm::SmallVector<::mlir::Value>>", "localize",
       (ins "::mlir::OpBuilder &":$builder, "::mlir::ValueRange":$operands, "const ::tpc::LocalizationContext &":$context)>
  ];
}

def TPC_DifferentiableOpInterface : OpInterface<"DifferentiableOpInterface"> {
  let cppNamespace = "::tpc";
  let description = [{ Reverse mode: the cotangents of an op's operands as ordinary ops of the same program. }];
  let methods = [
    InterfaceMethod<[{
      Given one cotangent per result (null where nothing flows back), sets `operandCotangents` (one per operand,
      null for operands that need none: integers, constants of the model). At least one cotangent is non-null.
    }], "::llvm::LogicalResult", "buildCotangents",
       (ins "::mlir::OpBuilder &":$builder, "::mlir::ValueRange":$cotangents,
            "::llvm::SmallVectorImpl<::mlir::Value> &":$operandCotangents)>
  ];
}

def TPC_CostOpInterface : OpInterface<"CostOpInterface"> {
  let cppNamespace = "::tpc";
  let description = [{ Work of an op with the shapes it has now. }];
  let methods = [
    InterfaceMethod<"Floating-point operations (a multiply-add is two).", "int64_t", "getFlops">,
    InterfaceMethod<"Bytes read and written if every operand is read and every result written once.",
                    "int64_t", "getBytes", (ins), "", [{ return ::tpc::getOperandAndResultBytes($_op); }]>,
    InterfaceMethod<"What a device is good at when it does this.",
                    "::tpc::WorkKind", "getWorkKind", (ins), "", [{ return ::tpc::WorkKind::Elementwise; }]>,
    InterfaceMethod<[{Operations that model FLOPs utilization counts: those of matrix products and attention, not what is
                    computed a second time; with `masked` also pairs that a causal mask leaves out (the convention of PaLM,
                    Chowdhery et al. 2022, appendix B).}],
                    "int64_t", "getModelFlops", (ins "bool":$masked), "", [{ return 0; }]>
  ];
}

#endif // TPC_DIALECT_TPCINTERFACES_TD
