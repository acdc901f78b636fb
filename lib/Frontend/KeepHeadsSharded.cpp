//===- KeepHeadsSharded.cpp - attention without gathering its heads ------------===//

#include "PlanRequests.h"
#include "mlir/IR/Diagnostics.h"
#include "llvm/ADT/StringExtras.h"

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

/// "model.layers.*.self_attn": what the modules of all layers have in common.
static std::string getPattern(StringRef module) {
  SmallVector<StringRef> parts;
  module.split(parts, '.');
  for (StringRef &part : parts)
    if (llvm::all_of(part, llvm::isDigit))
      part = "*";
  return llvm::join(parts, ".");
}

namespace {
/// What keeping heads sharded saves, one entry for modules of one pattern by one line of the plan.
class Savings {
public:
  Savings(const Requests &requests, const PlanLayouts &layouts, bool trains)
      : requests(requests), layouts(layouts), trains(trains) {}
  void add(const HeadRegion &region);
  void report() const;

private:
  struct Saving {
    std::string module; ///< the first
    unsigned modules = 0;
    int64_t bytes = 0; ///< that each rank does not receive, per step
  };
  const Requests &requests;
  const PlanLayouts &layouts;
  bool trains;
  llvm::MapVector<std::pair<const PlanRule *, StringAttr>, Saving> savings;
};
} // namespace

void Savings::add(const HeadRegion &region) {
  auto output = cast<BoundaryOp>(region.output);
  StringRef module = output.getModule().rsplit('.').first;
  const PlanRule *rule = requests.lookup(region.projections.front()).rule;
  Saving &saving = savings[{rule, StringAttr::get(output.getContext(), getPattern(module))}];
  if (saving.modules++ == 0)
    saving.module = module.str();
  for (Operation *boundary : region.projections)
    saving.bytes += getGatheredBytes(boundary, layouts);
  if (trains) // The gradient of the split is a gather.
    saving.bytes += getGatheredBytes(region.output, layouts);
}

void Savings::report() const {
  for (const auto &[key, saving] : savings) {
    InFlightDiagnostic remark = emitRemark(key.first->styleLoc);
    if (saving.modules == 1)
      remark << "'" << saving.module << "' keeps its heads";
    else
      remark << saving.modules << " modules matching '" << key.second.getValue()
             << "' keep their heads";
    remark << " sharded instead of gathering queries, keys and values, which saves each rank "
           << saving.bytes << " bytes per step; --plan-policy=strict keeps the gathers";
  }
}

LogicalResult tpc::keepHeadsSharded(func::FuncOp function, const Assignments &assignments,
                                    const PlanLayouts &layouts, Requests &requests) {
  if (layouts.getTensorParallelSize() == 1)
    return success();
  bool trains = false;
  for (unsigned i = 0; i < function.getNumResults(); ++i)
    trains |= function.getResultAttr(i, TPCDialect::kOutput) ==
              StringAttr::get(function.getContext(), "loss");
  Savings savings(requests, layouts, trains);
  WalkResult result = function.walk([&](AttentionOp attention) {
    std::optional<HeadRegion> region = findRegion(attention, assignments, requests);
    if (!region)
      return WalkResult::advance();
    savings.add(*region);
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
  savings.report();
  return failure(result.wasInterrupted());
}
