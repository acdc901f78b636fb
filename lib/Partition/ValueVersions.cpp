//===- ValueVersions.cpp --------------------------------------------------===//

#include "tpc/Partition/ValueVersions.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/IR/Matchers.h"

using namespace mlir;
using namespace tpc;

/// Added to the price of giving up a split that the user asked for, so that it happens only where
/// an op leaves no other way.
static constexpr double kGiveUpSplit = 1e3;

/// A sum is put off past an op only while the result is not much larger than the summands.
static constexpr int64_t kGrowthOfContraction = 8;

//===----------------------------------------------------------------------===//
// Partial values
//===----------------------------------------------------------------------===//

/// May `op` take the operands with these numbers as Partial, together?
static bool isLinearIn(Operation *op, ArrayRef<unsigned> numbers) {
  auto interface = dyn_cast<ShardingRuleOpInterface>(op);
  if (!interface || isa<BoundaryOp, ConstrainOp, ReshardOp>(op))
    return false;
  for (const auto &set : interface.getShardingRule().linearSets)
    if (llvm::all_of(numbers, [&](unsigned number) { return llvm::is_contained(set, number); }))
      return true;
  return false;
}

static bool growsTooMuch(Operation *op, Value operand) {
  ShardingRule rule = cast<ShardingRuleOpInterface>(op).getShardingRule();
  bool contracts = llvm::any_of(
      rule.factors, [](const Factor &factor) { return factor.kind == FactorKind::Reduction; });
  int64_t limit = getBytes(operand.getType()) * (contracts ? kGrowthOfContraction : 1);
  return llvm::any_of(op->getResultTypes(), [&](Type type) { return getBytes(type) > limit; });
}

bool tpc::passesAllUsers(Value value) {
  llvm::MapVector<Operation *, SmallVector<unsigned, 2>> users;
  for (OpOperand &use : value.getUses())
    users[use.getOwner()].push_back(use.getOperandNumber());
  return llvm::all_of(users, [&](auto &user) {
    return isLinearIn(user.first, user.second) && !growsTooMuch(user.first, value);
  });
}

//===----------------------------------------------------------------------===//
// Entries
//===----------------------------------------------------------------------===//

static bool isArgumentWith(Value value, StringRef attribute) {
  auto argument = dyn_cast<BlockArgument>(value);
  if (!argument)
    return false;
  auto function = cast<FunctionOpInterface>(argument.getOwner()->getParentOp());
  return function.getArgAttr(argument.getArgNumber(), attribute) != nullptr;
}

static bool isParameter(Value value) {
  return value.getDefiningOp<UseOp>() || getStoredParameter(value);
}

void ValueVersions::define(Value value, const Layout &layout, const Layout &wanted) {
  Entry entry;
  entry.versions.push_back({layout, value});
  entry.wanted = wanted;
  entry.passes =
      layout.isPartial() && layout.partialKind == ReductionKind::Sum && passesAllUsers(value);
  entry.isParameter = isParameter(value);
  entries[value] = std::move(entry);
  reasons.define(value, layout);
  if (isArgumentWith(value, TPCDialect::kInput))
    inputAxes.append(layout.getUsedAxes());
}

void ValueVersions::define(Value value, Value made, const Layout &layout) {
  Entry entry;
  entry.versions.push_back({layout, made});
  entry.wanted = layout;
  entries[value] = std::move(entry);
}

void ValueVersions::addRequest(Value value, const Layout &layout, Operation *request) {
  entries.find(getRoot(value))->second.requests.push_back({layout, request});
}

Value ValueVersions::getRoot(Value value) const {
  auto alias = aliases.find(value);
  return alias == aliases.end() ? value : alias->second;
}

std::vector<Layout> ValueVersions::getLayouts(Value value) const {
  std::vector<Layout> layouts;
  for (const Version &version : find(value).versions)
    layouts.push_back(version.layout);
  return layouts;
}

std::vector<Layout> ValueVersions::getRequested(Value value) const {
  std::vector<Layout> layouts;
  for (const Request &request : find(value).requests)
    layouts.push_back(request.layout);
  return layouts;
}

AxisList ValueVersions::getPassingAxes(Value value) const {
  const Entry &entry = find(value);
  return entry.passes ? entry.versions.front().layout.partial : AxisList();
}

bool ValueVersions::isFree(Value value, const Layout &layout) const {
  Value root = getRoot(value);
  if (root.getDefiningOp<WithinOp>())
    return !layout.isPartial();
  auto constant = root.getDefiningOp<arith::ConstantOp>();
  auto splat = constant ? dyn_cast<SplatElementsAttr>(constant.getValue()) : SplatElementsAttr();
  if (!splat)
    return false;
  // Zeros on every rank sum to zero.
  return !layout.isPartial() || (layout.partialKind == ReductionKind::Sum &&
                                 (matchPattern(constant.getResult(), m_Zero()) ||
                                  matchPattern(constant.getResult(), m_AnyZeroFloat())));
}

//===----------------------------------------------------------------------===//
// Prices
//===----------------------------------------------------------------------===//

/// Does going from `from` to `to` take an axis off a dimension?
static bool gathers(const Layout &from, const Layout &to) {
  for (auto [before, after] : llvm::zip_equal(from.dims, to.dims))
    if (after.size() < before.size() || !std::equal(before.begin(), before.end(), after.begin()))
      return true;
  return false;
}

/// Does going from `from` to `to` take one of `axes` off a dimension?
static bool gathersOver(ArrayRef<AxisRef> axes, const Layout &from, const Layout &to) {
  for (auto [before, after] : llvm::zip_equal(from.dims, to.dims))
    for (const AxisRef &axis : axes)
      if (llvm::is_contained(before, axis) && !llvm::is_contained(after, axis))
        return true;
  return false;
}

/// Does `layout` keep what the user split: a parameter over any axis, any value over the axes of
/// the batch?
bool ValueVersions::isKept(const Entry &entry, const Layout &layout) const {
  const Layout &made = entry.versions.front().layout;
  return !(entry.isParameter && gathers(made, layout)) && !gathersOver(inputAxes, made, layout);
}

std::pair<int, double> ValueVersions::findSource(Value value, const Layout &layout,
                                                 double limit) const {
  const Entry &entry = find(value);
  double givenUp = isKept(entry, layout) ? 0 : kGiveUpSplit;
  std::pair<int, double> best = {-1, limit - givenUp};
  for (auto [number, version] : llvm::enumerate(entry.versions)) {
    std::optional<double> seconds = planner.getSecondsBelow(
        best.second, getShape(value), getElementBytes(value), version.layout, layout);
    if (seconds)
      best = {static_cast<int>(number), *seconds};
  }
  best.second += givenUp;
  return best;
}

std::optional<double> ValueVersions::getSeconds(Value value, const Layout &layout,
                                                double limit) const {
  if (!isa<RankedTensorType>(value.getType()) || isFree(value, layout))
    return 0;
  auto [source, seconds] = findSource(value, layout, limit);
  return source < 0 ? std::nullopt : std::optional<double>(seconds);
}

//===----------------------------------------------------------------------===//
// New versions
//===----------------------------------------------------------------------===//

/// The later of the user's phase and, where a value is only returned, of its own.
static void markPhase(Operation *op, Operation *user, Operation *producer) {
  bool returned = user->hasTrait<OpTrait::IsTerminator>();
  copyPhase(op, user);
  if (returned && producer)
    copyPhase(op, producer);
}

Value ValueVersions::reshard(const Version &source, const Layout &layout, Operation *needer,
                             Operation *user) {
  Location loc = reasons.getReshardLoc(source.value, source.layout, layout, needer);
  OpBuilder builder(user);
  LayoutAttr attribute = context.getAttr(layout);
  auto op = ReshardOp::create(builder, loc, source.value, attribute);
  markPhase(op, user, source.value.getDefiningOp());
  setLayout(op.getResult(), attribute);
  reasons.define(op.getResult(), layout, /*isAsked=*/isa<ConstrainOp, ReshardOp>(needer));
  ++numReshards;
  return op.getResult();
}

/// Does who takes the value as `layout` leave all that was asked for undone?
bool ValueVersions::departs(const Entry &entry, const Layout &layout) {
  auto isMet = [&](const Request &request) {
    return request.layout == layout || llvm::any_of(entry.versions, [&](const Version &version) {
             return version.layout == request.layout;
           });
  };
  return !entry.requests.empty() && llvm::none_of(entry.requests, isMet);
}

Value ValueVersions::get(Value value, const Layout &layout, Operation *user) {
  if (!isa<RankedTensorType>(value.getType()))
    return value;
  Value root = getRoot(value);
  Entry &entry = entries.find(root)->second;
  numDepartures += departs(entry, layout);
  for (const Version &version : entry.versions)
    if (version.layout == layout)
      return version.value;
  Value made;
  if (isFree(root, layout)) {
    made = OpBuilder(user).clone(*root.getDefiningOp())->getResult(0);
    setLayout(made, context.getAttr(layout));
  } else {
    auto [source, seconds] = findSource(root, layout);
    // The location says who needs it: the request that asks for it, or the op.
    auto request = llvm::find_if(entry.requests,
                                 [&](const Request &request) { return request.layout == layout; });
    Operation *needer = request == entry.requests.end() ? user : request->op;
    made = reshard(entry.versions[source], layout, needer, user);
  }
  entry.versions.push_back({layout, made});
  return made;
}
