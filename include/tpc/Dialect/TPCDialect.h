//===- TPCDialect.h - the tpc dialect: attributes, interfaces, ops -------------===//

#ifndef TPC_DIALECT_TPCDIALECT_H
#define TPC_DIALECT_TPCDIALECT_H

#include "mlir/Bytecode/BytecodeOpInterface.h"
#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/BuiltinTypes.h"
#include "mlir/IR/Dialect.h"
#include "mlir/IR/OpDefinition.h"
#include "mlir/IR/OpImplementation.h"
#include "mlir/IR/SymbolTable.h"
#include "mlir/Interfaces/FunctionInterfaces.h"
#include "mlir/Interfaces/InferTypeOpInterface.h"
#include "mlir/Interfaces/SideEffectInterfaces.h"
#include "tpc/Dialect/LocalizationContext.h"
#include "tpc/Sharding/Layout.h"
#include "tpc/Sharding/ReshardPlanner.h"
#include "tpc/Sharding/ShardingRule.h"
#include "tpc/Sharding/Work.h"
#include <array>

#include "tpc/Dialect/TPCDialect.h.inc"
#include "tpc/Dialect/TPCEnums.h.inc"

namespace tpc {
/// A contraction of two operands, of whichever op; the letters of their dimensions.
struct Contraction {
  mlir::Operation *op;
  mlir::Value lhs, rhs, result;
  llvm::StringRef lhsDims, rhsDims, resultDims;
};

/// Sum of the sizes of all tensor operands and results of `op`, in bytes.
int64_t getOperandAndResultBytes(mlir::Operation *op);
/// What `op` asks of a device with the shapes it has now; std::nullopt for what costs it nothing:
/// reshapes, index arithmetic, collectives.
std::optional<Work> getWork(mlir::Operation *op);
/// Bytes of a static-shaped tensor (i1 counts as one byte).
int64_t getBytes(mlir::Type type);
/// A float that is stored to save space and computed with in f32: bf16, f16.
bool isNarrowFloat(mlir::Type elementType);

/// The divisor of an integer division or remainder, which traps where it is zero; null for other
/// ops.
mlir::OpOperand *getIntegerDivisor(mlir::Operation *op);
} // namespace tpc

#define GET_ATTRDEF_CLASSES
#include "tpc/Dialect/TPCAttributes.h.inc"

#define GET_TYPEDEF_CLASSES
#include "tpc/Dialect/TPCTypes.h.inc"

#include "tpc/Dialect/TPCInterfaces.h.inc"

namespace tpc {
/// `sum`, as ops print it; the attribute itself is `#tpc.reduction<sum>`.
mlir::ParseResult parseReductionKind(mlir::OpAsmParser &parser, ReductionKindAttr &kind);
void printReductionKind(mlir::OpAsmPrinter &printer, mlir::Operation *op, ReductionKindAttr kind);
/// `["dp", "tp":(1)2]`, as collectives print their axes.
mlir::ParseResult parseAxisArray(mlir::OpAsmParser &parser, mlir::ArrayAttr &axes);
void printAxisArray(mlir::OpAsmPrinter &printer, mlir::Operation *op, mlir::ArrayAttr axes);
/// `[1.0, 0.1]` with as many digits as it takes to read the same numbers back.
mlir::ParseResult parseNumbers(mlir::OpAsmParser &parser, mlir::DenseF64ArrayAttr &numbers);
void printNumbers(mlir::OpAsmPrinter &printer, mlir::Operation *op,
                  mlir::DenseF64ArrayAttr numbers);
/// `tensor<8xf32>, tensor<f32>`, the types of operands and results, or, of a started collective,
/// `tensor<8xf32> -> !tpc.pending<tensor<8xf32>>`.
mlir::ParseResult parseSameOrPending(mlir::OpAsmParser &parser,
                                     llvm::SmallVectorImpl<mlir::Type> &operands,
                                     llvm::SmallVectorImpl<mlir::Type> &results);
void printSameOrPending(mlir::OpAsmPrinter &printer, mlir::Operation *op, mlir::TypeRange operands,
                        mlir::TypeRange results);
mlir::ParseResult parseSameOrPending(mlir::OpAsmParser &parser, mlir::Type &operand,
                                     mlir::Type &result);
void printSameOrPending(mlir::OpAsmPrinter &printer, mlir::Operation *op, mlir::Type operand,
                        mlir::Type result);
} // namespace tpc

#define GET_OP_CLASSES
#include "tpc/Dialect/TPCOps.h.inc"

namespace tpc {

/// The mesh that `symbol` names in the module around `op`, or a null op.
MeshOp lookupMesh(mlir::Operation *op, mlir::FlatSymbolRefAttr symbol);
/// The only mesh of a module, or a null op.
MeshOp getMesh(mlir::ModuleOp module);

/// The layout of an op result or of a function argument; null if it has none.
LayoutAttr getLayout(mlir::Value value);
/// Attaches a layout to an op result or a function argument.
void setLayout(mlir::Value value, LayoutAttr layout);

/// The function argument with `tpc.param` that `value` is as the parameter is stored: itself, cast
/// to another element type, or behind a barrier. Null for other values.
mlir::BlockArgument getStoredParameter(mlir::Value value);

/// Collectives' axes in the theory's form.
AxisList getAxes(mlir::ArrayAttr axes, const Mesh &mesh);
AxisAttr getAxisAttr(mlir::MLIRContext *context, const AxisRef &axis, const Mesh &mesh);

/// The end of a started collective; null if `collective` is in its synchronous form.
WaitOp getWait(mlir::Operation *collective);
/// What a collective delivers: its own results or those of its wait.
mlir::ResultRange getDelivered(mlir::Operation *collective);

/// Attaches the tpc interfaces to the upstream ops that tpc programs use.
void registerUpstreamModels(mlir::DialectRegistry &registry);
/// The differentiable ones among them; called by registerUpstreamModels.
void registerUpstreamDifferentiation(mlir::DialectRegistry &registry);

} // namespace tpc

#endif // TPC_DIALECT_TPCDIALECT_H
