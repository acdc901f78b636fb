//===- ReshardPlanner.cpp -------------------------------------------------===//

#include "tpc/Sharding/ReshardPlanner.h"
#include "PermuteSearch.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/Support/raw_ostream.h"
#include <cmath>

using namespace tpc;
using llvm::ArrayRef;
using llvm::Error;
using llvm::Expected;

double tpc::getSeconds(const ReshardPlan &plan) {
  double seconds = 0;
  for (const ReshardStep &step : plan)
    seconds += step.seconds;
  return seconds;
}

double tpc::getReceivedBytes(const ReshardPlan &plan) {
  double bytes = 0;
  for (const ReshardStep &step : plan)
    bytes += step.receivedBytes;
  return bytes;
}

Layout tpc::getNormalized(const Layout &layout, const Mesh &mesh) {
  Layout result = layout;
  result.open.clear();
  auto isTrivial = [](const AxisRef &ref) { return ref.size == 1; };
  for (AxisList &axes : result.dims) {
    llvm::erase_if(axes, isTrivial);
    axes = getCanonical(axes, mesh);
  }
  llvm::erase_if(result.partial, isTrivial);
  llvm::sort(result.partial);
  result.partial = getCanonical(result.partial, mesh);
  if (!result.isPartial())
    result.partialKind = ReductionKind::Sum;
  return result;
}

//===----------------------------------------------------------------------===//
// Preconditions
//===----------------------------------------------------------------------===//

Error tpc::checkEvenSplit(ArrayRef<int64_t> shape, const Layout &layout, const Mesh &mesh) {
  for (unsigned dim = 0; dim < layout.dims.size(); ++dim) {
    int64_t parts = getSize(layout.dims[dim]);
    if (shape[dim] % parts == 0)
      continue;
    std::string text;
    llvm::raw_string_ostream os(text);
    os << "dimension " << dim << " of size " << shape[dim] << " cannot be split evenly over ";
    llvm::interleaveComma(layout.dims[dim], os, [&](const AxisRef &ref) {
      os << "'" << mesh.axes[ref.axis].name << "'";
    });
    os << " (" << parts << " parts); choose a size that is a multiple of " << parts
       << ", a smaller mesh axis, or leave this dimension whole";
    return llvm::createStringError(text);
  }
  return Error::success();
}

static bool hasOverlap(const Layout &layout) {
  AxisList used = layout.getUsedAxes();
  for (unsigned i = 0; i < used.size(); ++i)
    for (unsigned j = 0; j < i; ++j)
      if (used[i].overlaps(used[j]))
        return true;
  return false;
}

static Error checkRequest(ArrayRef<int64_t> shape, const Layout &from, const Layout &to,
                          const Mesh &mesh) {
  for (const Layout *layout : {&from, &to}) {
    if (layout->dims.size() != shape.size())
      return llvm::createStringError("layout of rank " + std::to_string(layout->dims.size()) +
                                     " for a tensor of rank " + std::to_string(shape.size()));
    if (hasOverlap(*layout))
      return llvm::createStringError("a mesh axis is used twice in " +
                                     toDTensorString(*layout, mesh));
    if (Error error = checkEvenSplit(shape, *layout, mesh))
      return error;
  }
  for (const AxisRef &ref : to.partial)
    if (llvm::none_of(from.partial, [&](const AxisRef &other) { return other.contains(ref); }) ||
        from.partialKind != to.partialKind)
      return llvm::createStringError("cannot make " + toDTensorString(to, mesh) + " out of " +
                                     toDTensorString(from, mesh) +
                                     ": only an op's result becomes Partial");
  return Error::success();
}

//===----------------------------------------------------------------------===//
// Plans
//===----------------------------------------------------------------------===//

/// Joins slices of one dimension that follow each other.
static void append(ReshardPlan &plan, ReshardStep step, const Mesh &mesh) {
  if (!plan.empty() && plan.back().kind == CollectiveKind::Slice &&
      step.kind == CollectiveKind::Slice && plan.back().dim == step.dim) {
    plan.back().axes.append(step.axes);
    plan.back().axes = getCanonical(plan.back().axes, mesh);
    plan.back().result = step.result;
    return;
  }
  plan.push_back(std::move(step));
}

static ReshardPlan makePlan(ArrayRef<ReshardNode> path, const ReshardSearch &search,
                            const AtomTable &atoms, ReductionKind kind, const CostModel &cost) {
  ReshardPlan plan;
  for (size_t i = 1; i < path.size(); ++i) {
    const ReshardNode &node = path[i];
    const ReshardState &before = path[i - 1].state;
    double bytes = search.getLocalBytes(before);
    AxisList axes = atoms.getAxes(atoms.getMoved(node.kind, node.dim, before, node.state));
    append(plan,
           {node.kind, node.dim, node.splitDim, axes,
            getNormalized(atoms.getLayout(node.state, kind), cost.getMesh()),
            cost.getSeconds(node.kind, axes, bytes),
            getReceivedBytes(node.kind, getSize(axes), bytes)},
           cost.getMesh());
  }
  return plan;
}

static void appendAxes(std::string &key, ArrayRef<AxisRef> axes) {
  for (const AxisRef &ref : axes)
    key += std::to_string(ref.axis) + ":" + std::to_string(ref.pre) + ":" +
           std::to_string(ref.size) + ",";
  key += ";";
}

static std::string getMemoKey(ArrayRef<int64_t> shape, int64_t elementBytes, const Layout &from,
                              const Layout &to) {
  std::string key = std::to_string(elementBytes) + "|";
  for (int64_t size : shape)
    key += std::to_string(size) + "x";
  for (const Layout *layout : {&from, &to}) {
    for (const AxisList &axes : layout->dims)
      appendAxes(key, axes);
    key += std::to_string(static_cast<unsigned>(layout->partialKind));
    appendAxes(key, layout->partial);
  }
  return key;
}

/// Of the bounds of two parts of an axis, does one always divide the other?
static bool nests(const AxisRef &a, const AxisRef &b) {
  for (int64_t x : {a.pre, a.pre * a.size})
    for (int64_t y : {b.pre, b.pre * b.size})
      if (x % y != 0 && y % x != 0)
        return false;
  return true;
}

/// `layout` without the axes that do not nest with those of `other`: dp:(1)2 where it has dp:(1)3.
static Layout dropUnnested(Layout layout, const Layout &other) {
  AxisList used = other.getUsedAxes();
  auto clashes = [&](const AxisRef &ref) {
    return llvm::any_of(
        used, [&](const AxisRef &axis) { return ref.axis == axis.axis && !nests(ref, axis); });
  };
  for (AxisList &axes : layout.dims)
    llvm::erase_if(axes, clashes);
  llvm::erase_if(layout.partial, clashes);
  return layout;
}

/// Of more parts permutes are not enumerated: there are factorially many.
static constexpr unsigned maxParts = 8;

/// The cheapest way that moves `atoms` as they are, of less than `limit` femtoseconds.
static std::vector<ReshardNode> findPath(ReshardSearch &search, const CostModel &cost,
                                         const AtomTable &atoms, ArrayRef<int64_t> shape,
                                         const ReshardState &from, const ReshardState &to,
                                         int64_t memoryCap, int64_t limit) {
  if (atoms.size() <= maxParts)
    return search.run(from, limit);
  if (!cost.hasEqualLinks()) {
    search.leavePermutesOut(nullptr);
    return search.run(from, limit);
  }
  PermuteSearch permutes(cost, atoms, shape, search.getLowerBound(), from, to, memoryCap, limit);
  std::vector<ReshardNode> permuted = permutes.getPath();
  if (!permuted.empty())
    limit = permuted.back().price.first;
  search.leavePermutesOut(&permutes);
  std::vector<ReshardNode> path = search.run(from, limit);
  return path.empty() ? permuted : path;
}

/// The cheapest plan of less than `limit` femtoseconds.
std::optional<ReshardPlan> ReshardPlanner::search(ArrayRef<int64_t> shape, int64_t elementBytes,
                                                  const Layout &from, const Layout &to,
                                                  int64_t limit) const {
  AtomTable atoms = llvm::cantFail(AtomTable::create(from, to, cost.getMesh()));
  ReshardState first = atoms.getState(from), last = atoms.getState(to);
  ReshardSearch coarse(cost, atoms, shape, elementBytes, last, memoryCap);
  std::vector<ReshardNode> path =
      findPath(coarse, cost, atoms, shape, first, last, memoryCap, limit);
  if (!path.empty())
    limit = path.back().price.first;
  AtomTable parts = atoms.getRefined();
  bool mayImprove =
      parts.size() > atoms.size() && (parts.size() <= maxParts || cost.hasEqualLinks());
  if (mayImprove && !coarse.isProven(first, limit)) {
    ReshardState last = parts.getState(to);
    ReshardSearch fine(cost, parts, shape, elementBytes, last, memoryCap);
    std::vector<ReshardNode> better =
        findPath(fine, cost, parts, shape, parts.getState(from), last, memoryCap, limit);
    if (!better.empty())
      return makePlan(better, fine, parts, from.partialKind, cost);
  }
  if (path.empty())
    return std::nullopt;
  return makePlan(path, coarse, atoms, from.partialKind, cost);
}

Expected<ReshardPlan> ReshardPlanner::plan(ArrayRef<int64_t> shape, int64_t elementBytes,
                                           const Layout &source, const Layout &destination) {
  const Mesh &mesh = cost.getMesh();
  Layout from = getNormalized(source, mesh), to = getNormalized(destination, mesh);
  std::string key = getMemoKey(shape, elementBytes, from, to);
  if (auto known = memo.find(key); known != memo.end())
    return known->second;
  if (Error error = checkRequest(shape, from, to, mesh))
    return error;
  if (Layout common = dropUnnested(from, to); common != from) {
    Expected<ReshardPlan> first = plan(shape, elementBytes, from, common);
    Expected<ReshardPlan> second = plan(shape, elementBytes, common, to);
    if (!first || !second)
      return llvm::joinErrors(first.takeError(), second.takeError());
    first->append(*second);
    return memo[key] = *first;
  }
  std::optional<ReshardPlan> found =
      search(shape, elementBytes, from, to, std::numeric_limits<int64_t>::max());
  if (!found)
    return llvm::createStringError("no way from " + toDTensorString(from, mesh) + " to " +
                                   toDTensorString(to, mesh) + " within " +
                                   std::to_string(memoryCap) + " bytes of intermediate memory");
  return memo[key] = *found;
}

std::optional<double> ReshardPlanner::getSecondsBelow(double limit, ArrayRef<int64_t> shape,
                                                      int64_t elementBytes, const Layout &source,
                                                      const Layout &destination) {
  const Mesh &mesh = cost.getMesh();
  Layout from = getNormalized(source, mesh), to = getNormalized(destination, mesh);
  std::string key = getMemoKey(shape, elementBytes, from, to);
  auto known = memo.find(key);
  // Beyond an hour, plans that take parts by way of another, and what cannot be planned: as usual.
  bool searches = known == memo.end() && limit < 3600 && dropUnnested(from, to) == from;
  if (searches) {
    if (auto entry = atLeast.find(key); entry != atLeast.end() && entry->second >= limit)
      return std::nullopt;
    if (Error error = checkRequest(shape, from, to, mesh)) {
      llvm::consumeError(std::move(error));
      return std::nullopt;
    }
    std::optional<ReshardPlan> found =
        search(shape, elementBytes, from, to, std::llround(limit * 1e15));
    if (!found) {
      atLeast[key] = limit;
      return std::nullopt;
    }
    memo[key] = *found;
  }
  Expected<ReshardPlan> found = plan(shape, elementBytes, from, to);
  if (!found) {
    llvm::consumeError(found.takeError());
    return std::nullopt;
  }
  double seconds = tpc::getSeconds(*found);
  return seconds < limit ? std::optional(seconds) : std::nullopt;
}
