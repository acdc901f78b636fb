//===- ExactSizes.cpp -----------------------------------------------------===//

#include "ExactSizes.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"

using namespace mlir;
using namespace tpc;

namespace {

/// Gives one op its exact sizes.
class ExactOp {
public:
  ExactOp(Operation *op, PaddedSizes &sizes, const MeshContext &context)
      : op(op), sizes(sizes), context(context), builder(op) {}

  bool run() {
    auto interface = dyn_cast<ShardingRuleOpInterface>(op);
    if (!interface || op->getNumResults() == 0)
      return false;
    ShardingRule rule = interface.getShardingRule();
    bool changed = false;
    for (auto [use, mapping] : llvm::zip_equal(op->getOpOperands(), rule.operands))
      changed |= cut(use, getExactDims(use.get(), rule, mapping));
    builder.setInsertionPointAfter(op);
    for (auto [result, mapping] : llvm::zip_equal(op->getResults(), rule.results))
      changed |= extend(result, getExactDims(result, rule, mapping));
    return changed;
  }

private:
  /// The padded dimensions whose size the op depends on. Elements of a constant that differ have no
  /// place but their own.
  SmallVector<unsigned> getExactDims(Value value, const ShardingRule &rule,
                                     const TensorMapping &mapping) const {
    SmallVector<unsigned> dims = sizes.getPaddedDims(value);
    auto constant = dyn_cast<arith::ConstantOp>(op);
    if (constant && !isa<SplatElementsAttr>(constant.getValue()))
      return dims;
    llvm::erase_if(dims, [&](unsigned dim) {
      return mapping[dim].size() == 1 && !rule.factors[mapping[dim].front()].exact;
    });
    return dims;
  }

  LayoutAttr getWholeLayout(Value value, ArrayRef<unsigned> dims) const {
    Layout layout = getLayout(value).getLayout(context.mesh);
    for (unsigned dim : dims)
      layout.dims[dim].clear();
    return context.getAttr(layout);
  }

  SmallVector<OpFoldResult> repeat(Value value, int64_t number) {
    return SmallVector<OpFoldResult>(getShape(value).size(), builder.getIndexAttr(number));
  }
  SmallVector<OpFoldResult> getSizes(Value value) {
    return getAsIndexOpFoldResult(builder.getContext(), getShape(value));
  }

  bool cut(OpOperand &use, ArrayRef<unsigned> dims) {
    if (dims.empty())
      return false;
    Value value = use.get();
    Value exact = tensor::ExtractSliceOp::create(
        builder, op->getLoc(), cast<RankedTensorType>(value.getType()), value, repeat(value, 0),
        getSizes(value), repeat(value, 1));
    sizes.setAlike(exact, value);
    sizes.setExact(exact, dims);
    setAttributes(exact, getWholeLayout(value, dims));
    use.set(exact);
    return true;
  }

  bool extend(Value exact, ArrayRef<unsigned> dims) {
    if (dims.empty())
      return false;
    Value zeros = arith::ConstantOp::create(builder, op->getLoc(),
                                            cast<TypedAttr>(builder.getZeroAttr(exact.getType())));
    auto padded = tensor::InsertSliceOp::create(
        builder, op->getLoc(), exact, zeros, repeat(exact, 0), getSizes(exact), repeat(exact, 1));
    exact.replaceAllUsesExcept(padded, padded);
    setLayout(exact, getWholeLayout(exact, dims));
    for (Value made : {zeros, Value(padded)}) {
      sizes.setAlike(made, exact);
      setAttributes(made, getLayout(exact));
    }
    sizes.setExact(exact, dims);
    return true;
  }

  void setAttributes(Value made, LayoutAttr layout) {
    copyPhase(made.getDefiningOp(), op);
    setLayout(made, layout);
  }

  Operation *op;
  PaddedSizes &sizes;
  const MeshContext &context;
  OpBuilder builder;
};

} // namespace

unsigned tpc::insertExactSizes(func::FuncOp function, PaddedSizes &sizes,
                               const MeshContext &context) {
  unsigned count = 0;
  for (Operation &op : llvm::make_early_inc_range(function.getBody().front().without_terminator()))
    count += ExactOp(&op, sizes, context).run();
  return count;
}
