//===- LayoutReasons.cpp --------------------------------------------------===//

#include "tpc/Partition/LayoutReasons.h"
#include "tpc/Dialect/Provenance.h"
#include "llvm/ADT/SmallSet.h"

using namespace mlir;
using namespace tpc;

/// Modules that one way to an annotation names at most; of a longer one the nearest.
static constexpr unsigned kMaxLinks = 6;
/// Farther from any annotation than every value that knows one.
static constexpr unsigned kNoAnnotation = 1u << 20;

/// Numbers of the mesh axes that a layout uses.
static llvm::SmallSet<unsigned, 4> getAxisNumbers(const Layout &layout) {
  llvm::SmallSet<unsigned, 4> axes;
  for (const AxisRef &axis : layout.getUsedAxes())
    axes.insert(axis.axis);
  return axes;
}

/// The parts of mesh axis `axis` in a list, or in each list of a layout.
static AxisList select(ArrayRef<AxisRef> list, unsigned axis) {
  AxisList selected;
  llvm::copy_if(list, std::back_inserter(selected),
                [&](const AxisRef &ref) { return ref.axis == axis; });
  return selected;
}

static bool differ(const Layout &a, const Layout &b, unsigned axis) {
  for (auto [left, right] : llvm::zip_equal(a.dims, b.dims))
    if (select(left, axis) != select(right, axis))
      return true;
  return select(a.partial, axis) != select(b.partial, axis);
}

/// Do annotations speak here: is this an argument, or does the op's location tell? Ops of an
/// imported model stand in modules, and a line is an annotation's; in a module that was written as
/// text every op has a line, its own.
static bool hasAnnotation(Value value) {
  Operation *op = value.getDefiningOp();
  if (!op)
    return getAnnotation(value.getLoc()) != nullptr;
  return getAnnotation(op->getLoc()) && !getModuleName(op->getLoc()).empty();
}

//===----------------------------------------------------------------------===//
// What propagation recorded
//===----------------------------------------------------------------------===//

/// Null if nothing was recorded of the op for this axis.
DictionaryAttr LayoutReasons::getRecord(Operation *op, unsigned axis) const {
  auto records = op->getAttrOfType<DictionaryAttr>(kWhy);
  return records ? records.getAs<DictionaryAttr>(context.mesh.axes[axis].name) : DictionaryAttr();
}

Location LayoutReasons::addRecord(Location link, Operation *op, unsigned axis) const {
  DictionaryAttr record = getRecord(op, axis);
  return record ? getRecordedLoc(link, record.getAs<ArrayAttr>("says")) : link;
}

Location LayoutReasons::getLink(Operation *op, unsigned axis) const {
  return addRecord(getLinkLoc(op), op, axis);
}

/// Where the record says that the axis came from; nothing if the value does not lie as recorded.
std::optional<LayoutReasons::Source>
LayoutReasons::getRecordedSource(Operation *op, const Layout &layout, unsigned axis) const {
  DictionaryAttr record = getRecord(op, axis);
  auto dim = record ? record.getAs<IntegerAttr>("dim") : IntegerAttr();
  if (!dim || dim.getInt() >= static_cast<int64_t>(layout.dims.size()) ||
      select(layout.dims[dim.getInt()], axis).empty())
    return std::nullopt;
  if (record.contains("at"))
    return Source{Value(), 1};
  auto from = record.getAs<IntegerAttr>("from");
  if (!from)
    return std::nullopt;
  Value operand = op->getOperand(from.getInt());
  const Source *source = find(operand, axis);
  if (!source || source->distance >= kNoAnnotation)
    return std::nullopt;
  return Source{operand, source->distance + 1};
}

//===----------------------------------------------------------------------===//
// Noting sources
//===----------------------------------------------------------------------===//

const LayoutReasons::Source *LayoutReasons::find(Value value, unsigned axis) const {
  auto found = sources.find({value, axis});
  return found == sources.end() ? nullptr : &found->second;
}

void LayoutReasons::define(Value value, const Layout &layout, bool isAsked) {
  Operation *op = value.getDefiningOp();
  bool isEnd = isAsked || hasAnnotation(value);
  for (unsigned axis : getAxisNumbers(layout)) {
    Source nearest{Value(), isEnd ? 0 : kNoAnnotation};
    std::optional<Source> recorded =
        op && nearest.distance ? getRecordedSource(op, layout, axis) : std::nullopt;
    if (recorded)
      nearest = *recorded;
    else if (op && nearest.distance)
      for (Value operand : op->getOperands())
        if (const Source *source = find(operand, axis);
            source && source->distance < nearest.distance)
          nearest = {operand, source->distance + 1};
    sources[{value, axis}] = nearest;
  }
}

//===----------------------------------------------------------------------===//
// Telling them
//===----------------------------------------------------------------------===//

/// The line of the annotation that an argument took an axis over from; null for other values, and
/// if the layout is its own.
static LocationAttr getAskedAt(Value value, StringRef axis) {
  auto argument = dyn_cast<BlockArgument>(value);
  if (!argument)
    return {};
  auto function = cast<func::FuncOp>(argument.getOwner()->getParentOp());
  auto records = function.getArgAttrOfType<DictionaryAttr>(argument.getArgNumber(), kWhy);
  auto record = records ? records.getAs<DictionaryAttr>(axis) : DictionaryAttr();
  return record ? record.getAs<LocationAttr>("at") : LocationAttr();
}

/// An argument, an op with an annotation of its own, or one that took over what a user asked for,
/// at the end of a way.
Location LayoutReasons::getEnd(Value value, unsigned axis) const {
  Operation *op = value.getDefiningOp();
  if (LocationAttr line = getAskedAt(value, context.mesh.axes[axis].name))
    return FusedLoc::get(value.getContext(), {value.getLoc(), Location(line)});
  if (!op)
    return value.getLoc();
  std::string place = getModuleName(op->getLoc());
  LocationAttr line = getAnnotation(op->getLoc());
  if (line && !place.empty())
    return getDecisionLoc(place, line);
  if (line && isa<ReshardOp>(op)) // the request that is met
    return line;
  DictionaryAttr record = getRecord(op, axis);
  auto asked = record ? record.getAs<LocationAttr>("at") : LocationAttr();
  Location link = getLink(op, axis);
  return asked ? FusedLoc::get(op->getContext(), {link, Location(asked)}) : link;
}

/// From `value` to the annotation, one link per module on the way, or per op where there are none.
void LayoutReasons::addWay(Value value, unsigned axis, Links &links) const {
  std::string place;
  unsigned count = 0;
  for (const Source *source = find(value, axis); source; source = find(value, axis)) {
    Operation *op = value.getDefiningOp();
    if (!source->value)
      return links.push_back(getEnd(value, axis));
    if (std::string here = getModuleName(op->getLoc());
        (here.empty() || here != place) && count < kMaxLinks) {
      if (!isa<UseOp>(op)) {
        links.push_back(getLink(op, axis));
        ++count;
      }
      place = here;
    }
    value = source->value;
  }
}

/// The ways of all operands of `op` that use the axis, but of `except`; the shortest first.
/// Arguments that took it over themselves tell only where nothing else does.
void LayoutReasons::addOperands(Operation *op, unsigned axis, Value except, Links &links) const {
  SmallVector<std::pair<unsigned, unsigned>> ways; // distance, operand
  for (OpOperand &operand : op->getOpOperands())
    if (const Source *source = find(operand.get(), axis); source && operand.get() != except)
      ways.push_back({source->distance, operand.getOperandNumber()});
  auto isDerived = [&](const std::pair<unsigned, unsigned> &way) {
    return getAskedAt(op->getOperand(way.second), context.mesh.axes[axis].name) != nullptr;
  };
  if (!llvm::all_of(ways, isDerived))
    llvm::erase_if(ways, isDerived);
  llvm::sort(ways);
  for (auto [distance, number] : ways)
    addWay(op->getOperand(number), axis, links);
}

/// The op that made `value`, and why it made it so.
void LayoutReasons::addProducer(Value value, unsigned axis, Links &links) const {
  Operation *op = value.getDefiningOp();
  const Source *source = find(value, axis);
  if (!source)
    return;
  if (!op || !source->value)
    return addWay(value, axis, links);
  if (!isa<UseOp>(op))
    links.push_back(getLink(op, axis));
  addOperands(op, axis, Value(), links);
}

static bool isRequest(Operation *op) { return isa<ConstrainOp, ReshardOp>(op); }

/// Is `user` at the end of the step, where a value is rather told by the op that made it? (A
/// request tells for itself.)
static bool endsStep(Operation *user) {
  return user->hasTrait<OpTrait::IsTerminator>() ||
         (user->hasAttr("tpc.update") && !isRequest(user));
}

Location LayoutReasons::getReshardLoc(Value value, const Layout &from, const Layout &to,
                                      Operation *user) const {
  Operation *producer = value.getDefiningOp();
  SmallVector<Location> links;
  if (producer && endsStep(user))
    links.append({producer->getLoc(), getLinkLoc(user)});
  for (unsigned axis = 0; axis < context.mesh.axes.size(); ++axis) {
    if (!differ(from, to, axis))
      continue;
    if (links.empty())
      links.push_back(addRecord(user->getLoc(), user, axis));
    addProducer(value, axis, links);
    if (!isRequest(user) && !endsStep(user))
      addOperands(user, axis, value, links);
  }
  return links.empty() ? user->getLoc() : Location(FusedLoc::get(user->getContext(), links));
}

Location LayoutReasons::getLocWithReasons(Operation *op) const {
  SmallVector<Location> links{op->getLoc()};
  for (unsigned axis = 0; axis < context.mesh.axes.size(); ++axis)
    addOperands(op, axis, Value(), links);
  return FusedLoc::get(op->getContext(), links);
}
