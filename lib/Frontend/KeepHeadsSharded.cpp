//===- KeepHeadsSharded.cpp - attention without gathering its heads ------------===//

#include "PlanRequests.h"
#include "mlir/IR/Diagnostics.h"

using namespace mlir;
using namespace tpc;

namespace {
/// The requests around one attention op: outputs of the projections, input of the output
/// projection.
struct HeadRegion {
  SmallVector<Operation *, 3> projections;
  Operation *output = nullptr;
};
} // namespace

/// The boundary through which `value` left the module that computed it, if `requests` has it.
static Operation *findProducer(Value value, const Requests &requests) {
  while (Operation *op = value.getDefiningOp()) {
    if (isa<BoundaryOp>(op) && requests.contains(op))
      return op;
    if (!isa<BoundaryOp, RopeOp>(op))
      return nullptr;
    value = op->getOperand(0);
  }
  return nullptr;
}

static Operation *findConsumer(Value value, const Requests &requests) {
  while (value.hasOneUse()) {
    Operation *op = *value.user_begin();
    if (!isa<BoundaryOp>(op))
      return nullptr;
    if (requests.contains(op))
      return op;
    value = op->getResult(0);
  }
  return nullptr;
}

static bool hasSplit(Operation *boundary, ParameterSplit split, const Assignments &assignments) {
  auto found = assignments.find(cast<BoundaryOp>(boundary).getModule());
  return found != assignments.end() && found->second.split.rule &&
         found->second.split.value == split;
}

/// The region of `attention` if the plan gathers all of its operands and splits its result.
static std::optional<HeadRegion> findRegion(AttentionOp attention, const Assignments &assignments,
                                            const Requests &requests) {
  HeadRegion region;
  for (Value operand : {attention.getQ(), attention.getK(), attention.getV()}) {
    Operation *boundary = findProducer(operand, requests);
    if (!boundary || requests.lookup(boundary).port.wanted != Placement::replicate() ||
        !hasSplit(boundary, ParameterSplit::Colwise, assignments))
      return std::nullopt;
    region.projections.push_back(boundary);
  }
  region.output = findConsumer(attention.getOut(), requests);
  if (!region.output || requests.lookup(region.output).port.given != Placement::replicate() ||
      !hasSplit(region.output, ParameterSplit::Rowwise, assignments))
    return std::nullopt;
  return region;
}

/// Bytes that a rank would receive per step to gather `boundary`'s value.
static int64_t getGatheredBytes(Operation *boundary, const PlanLayouts &layouts) {
  int64_t size = layouts.getTensorParallelSize();
  return getBytes(boundary->getResult(0).getType()) / layouts.getDataParallelSize() * (size - 1) /
         size;
}

static void reportSaving(const HeadRegion &region, const Requests &requests,
                         const PlanLayouts &layouts, bool trains) {
  int64_t bytes = 0;
  for (Operation *boundary : region.projections)
    bytes += getGatheredBytes(boundary, layouts);
  if (trains) // The gradient of the split is a gather.
    bytes += getGatheredBytes(region.output, layouts);
  StringRef module = cast<BoundaryOp>(region.output).getModule();
  emitRemark(requests.lookup(region.projections.front()).rule->styleLoc)
      << "'" << module.rsplit('.').first
      << "' keeps its heads sharded instead of gathering queries, keys and values, "
      << "which saves each rank " << bytes
      << " bytes per step; --plan-policy=strict keeps the gathers";
}

LogicalResult tpc::keepHeadsSharded(func::FuncOp function, const Assignments &assignments,
                                    const PlanLayouts &layouts, Requests &requests) {
  if (layouts.getTensorParallelSize() == 1)
    return success();
  bool trains = false;
  for (unsigned i = 0; i < function.getNumResults(); ++i)
    trains |= function.getResultAttr(i, TPCDialect::kOutput) ==
              StringAttr::get(function.getContext(), "loss");
  WalkResult result = function.walk([&](AttentionOp attention) {
    std::optional<HeadRegion> region = findRegion(attention, assignments, requests);
    if (!region)
      return WalkResult::advance();
    reportSaving(*region, requests, layouts, trains);
    for (Operation *boundary : region->projections) {
      auto type = cast<RankedTensorType>(boundary->getResult(0).getType());
      Request &request = requests[boundary];
      request.port.wanted = Placement::shard(-1);
      FailureOr<LayoutAttr> layout =
          layouts.getActivation(*request.port.wanted, type, getGroups(cast<BoundaryOp>(boundary)),
                                cast<BoundaryOp>(boundary).getModule(), request.rule->styleLoc);
      if (failed(layout))
        return WalkResult::interrupt();
      request.wanted = *layout;
    }
    requests[region->output].port.given = std::nullopt;
    requests[region->output].given = {};
    return WalkResult::advance();
  });
  return failure(result.wasInterrupted());
}
