//===- ProgramPrice.cpp ---------------------------------------------------===//

#include "tpc/Partition/ProgramPrice.h"
#include "tpc/Partition/RuleFit.h"
#include <cmath>

using namespace mlir;
using namespace tpc;

/// The last bits of a sum depend on the order of its terms.
static int64_t toPicoseconds(double seconds) { return std::llround(seconds * 1e12); }

bool ProgramPrice::operator<(const ProgramPrice &other) const {
  return std::pair(toPicoseconds(transferSeconds), flops) <
         std::pair(toPicoseconds(other.transferSeconds), other.flops);
}

namespace {
class Pricer {
public:
  Pricer(const MeshContext &context, ReshardPlanner &planner)
      : context(context), planner(planner) {}

  LogicalResult add(ReshardOp reshard);
  LogicalResult addOp(ShardingRuleOpInterface op);
  ProgramPrice price;

private:
  void addTransfer(ArrayRef<AxisRef> axes, double bytes);
  FailureOr<std::vector<Layout>> readLayouts(ValueRange values);

  const MeshContext &context;
  ReshardPlanner &planner;
};
} // namespace

void Pricer::addTransfer(ArrayRef<AxisRef> axes, double bytes) {
  price.receivedBytes += bytes;
  price.transferSeconds += planner.getCostModel().getTransferSeconds(axes, bytes);
}

FailureOr<std::vector<Layout>> Pricer::readLayouts(ValueRange values) {
  std::vector<Layout> layouts;
  for (Value value : values) {
    FailureOr<Layout> layout = context.readLayout(value);
    if (failed(layout))
      return failure();
    layouts.push_back(*layout);
  }
  return layouts;
}

LogicalResult Pricer::add(ReshardOp reshard) {
  Value input = reshard.getInput();
  FailureOr<std::vector<Layout>> ends = readLayouts({input, reshard.getResult()});
  if (failed(ends))
    return failure();
  llvm::Expected<ReshardPlan> plan =
      planner.plan(getShape(input), getElementBytes(input), ends->front(), ends->back());
  if (!plan)
    return reshard.emitOpError(llvm::toString(plan.takeError()));
  for (const ReshardStep &step : *plan)
    addTransfer(step.axes, step.receivedBytes);
  return success();
}

/// The arithmetic of an op, shared by the ranks of the axes that split it.
LogicalResult Pricer::addOp(ShardingRuleOpInterface op) {
  FailureOr<std::vector<Layout>> operands = readLayouts(op->getOperands()),
                                 results = readLayouts(op->getResults());
  if (failed(operands) || failed(results))
    return failure();
  std::string why;
  ShardingRule rule = op.getShardingRule();
  std::optional<OpSplit> split = findSplit(rule, *operands, *results, context.mesh, why);
  if (!split)
    return op->emitOpError() << "does not fit its rule: " << why;
  auto cost = dyn_cast<CostOpInterface>(op.getOperation());
  double flops = cost ? static_cast<double>(cost.getFlops()) : 0, bytes = 0;
  for (auto [result, layout] : llvm::zip_equal(op->getResults(), *results))
    bytes += static_cast<double>(getBytes(getLocalType(result.getType(), layout)));
  for (auto [factor, axes] : llvm::zip_equal(rule.factors, split->factors)) {
    int64_t parts = getSize(axes);
    flops /= static_cast<double>(parts);
    if (factor.kind == FactorKind::Internal)
      addTransfer(axes, 2 * getReceivedBytes(CollectiveKind::AllReduce, parts, bytes));
  }
  price.flops += flops;
  return success();
}

FailureOr<ProgramPrice> tpc::priceProgram(func::FuncOp function, const MeshContext &context,
                                          ReshardPlanner &planner) {
  Pricer pricer(context, planner);
  for (Operation &op : function.getBody().front()) {
    if (op.hasTrait<OpTrait::ConstantLike>()) // costs nothing, and zeros may be Partial
      continue;
    LogicalResult added = success();
    if (auto reshard = dyn_cast<ReshardOp>(op))
      added = pricer.add(reshard);
    else if (auto compute = dyn_cast<ShardingRuleOpInterface>(op))
      added = pricer.addOp(compute);
    if (failed(added))
      return failure();
  }
  return pricer.price;
}
