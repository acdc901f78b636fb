//===- WidenFloats.cpp ---------------------------------------------------------===//

#include "WidenFloats.h"
#include "ExpandCompound.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "tpc/Dialect/TPCDialect.h"

using namespace mlir;
using namespace tpc;

static bool isNarrow(Type type) {
  return isa<RankedTensorType>(type) && isNarrowFloat(getElementTypeOrSelf(type));
}

/// Casts and selections keep the bits or round by themselves, and so does what only moves elements.
static bool computes(Operation *op) {
  if (isa<arith::ExtFOp, arith::TruncFOp, arith::SelectOp>(op))
    return false;
  return OpTrait::hasElementwiseMappableTraits(op) ||
         isa<ReduceOp, RmsNormOp, RmsNormGradOp, LayerNormOp, LayerNormGradOp, CrossEntropyOp,
             CrossEntropyGradOp, SumSquaresOp, AdamWOp>(op);
}

/// A cast of an operand or result of `op`, under its name.
template <typename CastOp>
static Value makeCast(OpBuilder &builder, Operation *op, Type type, Value value) {
  auto made = CastOp::create(builder, op->getLoc(), type, value);
  made->setAttr(kOrigin, builder.getStringAttr(op->getName().stripDialect()));
  return made;
}

static void widen(Operation *op) {
  OpBuilder builder(op);
  auto getWide = [&](Type type) -> Type {
    return isNarrow(type) ? cast<RankedTensorType>(type).clone(builder.getF32Type()) : type;
  };
  SmallVector<Value> operands(op->getOperands());
  for (Value &operand : operands)
    if (isNarrow(operand.getType()))
      operand = makeCast<arith::ExtFOp>(builder, op, getWide(operand.getType()), operand);
  auto types = llvm::map_to_vector(op->getResultTypes(), getWide);
  Operation *wide = mlir::clone(builder, op, types, operands);
  for (auto [result, value] : llvm::zip_equal(op->getResults(), wide->getResults()))
    result.replaceAllUsesWith(isNarrow(result.getType())
                                  ? makeCast<arith::TruncFOp>(builder, op, result.getType(), value)
                                  : Value(value));
  op->erase();
}

void tpc::widenNarrowFloats(func::FuncOp function) {
  for (Operation &op : llvm::make_early_inc_range(function.getBody().front()))
    if (computes(&op) && (llvm::any_of(op.getOperandTypes(), isNarrow) ||
                          llvm::any_of(op.getResultTypes(), isNarrow)))
      widen(&op);
}
