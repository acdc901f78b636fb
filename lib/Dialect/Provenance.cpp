//===- Provenance.cpp ----------------------------------------------------------===//

#include "tpc/Dialect/Provenance.h"
#include "mlir/IR/Builders.h"
#include "llvm/ADT/SetVector.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/ADT/StringMap.h"

using namespace mlir;
using namespace tpc;

/// Marks a fused location whose members are ops that became one.
static constexpr StringLiteral kCombined = "combined";

static StringAttr getCombinedMark(MLIRContext *context) {
  return StringAttr::get(context, kCombined);
}

//===-- making -----------------------------------------------------------------===//

Location tpc::getRequestLoc(Location line, StringRef module) {
  MLIRContext *context = line.getContext();
  return FusedLoc::get(context, {line, NameLoc::get(StringAttr::get(context, module))});
}

Location tpc::getLinkLoc(Operation *op) {
  StringAttr name = op->getName().getIdentifier();
  if (std::string place = getModuleName(op->getLoc()); !place.empty())
    return NameLoc::get(name, NameLoc::get(StringAttr::get(op->getContext(), place)));
  LocationAttr line = getAnnotation(op->getLoc());
  return line ? Location(NameLoc::get(name, Location(line))) : UnknownLoc::get(op->getContext());
}

Location tpc::getDecisionLoc(StringRef name, Location line) {
  return NameLoc::get(StringAttr::get(line.getContext(), name), line);
}

Location tpc::getRecordedLoc(Location link, ArrayAttr record) {
  return FusedLoc::get({link}, record, link.getContext());
}

Location tpc::getCombinedLoc(MLIRContext *context, ArrayRef<Location> members) {
  return FusedLoc::get(members, getCombinedMark(context), context);
}

//===-- reading ----------------------------------------------------------------===//

/// The members of combined ops, else the location itself.
static ArrayRef<Location> getMembers(const Location &loc) {
  auto fused = dyn_cast<FusedLoc>(loc);
  if (fused && fused.getMetadata() == getCombinedMark(loc.getContext()))
    return fused.getLocations();
  return loc;
}

namespace {
/// The links of chains, the nearest first, and the record of each that has one.
struct Links {
  void collect(Location loc);
  llvm::SetVector<Attribute> links;
  llvm::DenseMap<Attribute, ArrayAttr> records;
};
} // namespace

void Links::collect(Location loc) {
  auto fused = dyn_cast<FusedLoc>(loc);
  if (!fused) {
    if (!isa<UnknownLoc>(loc))
      links.insert(LocationAttr(loc));
    return;
  }
  for (Location part : fused.getLocations())
    collect(part);
  if (auto record = dyn_cast_if_present<ArrayAttr>(fused.getMetadata()); record && !links.empty())
    records.try_emplace(links.back(), record);
}

static std::string findModule(Location loc) {
  Links links;
  links.collect(loc);
  for (Attribute link : links.links)
    if (auto name = dyn_cast<NameLoc>(link); name && isa<UnknownLoc>(name.getChildLoc()))
      return name.getName().str();
  return {};
}

/// "model.layers.0.mlp", "model.layers.1.mlp" -> "model.layers".
static StringRef getCommonName(StringRef a, StringRef b) {
  while (a != b) {
    StringRef &longer = a.size() >= b.size() ? a : b;
    longer = longer.contains('.') ? longer.rsplit('.').first : StringRef();
  }
  return a;
}

/// The part of a model that most of `names` are in: what stands before their first dot.
static StringRef getFrequentRoot(ArrayRef<std::string> names) {
  llvm::StringMap<unsigned> counts;
  StringRef best;
  for (StringRef name : names)
    if (StringRef root = name.split('.').first; ++counts[root] > counts.lookup(best))
      best = root;
  return best;
}

std::string tpc::getModuleName(Location loc) {
  std::vector<std::string> names;
  for (Location member : getMembers(loc))
    names.push_back(findModule(member));
  StringRef root = getFrequentRoot(names);
  std::optional<StringRef> common;
  for (StringRef name : names)
    if (name.split('.').first == root)
      common = common ? getCommonName(*common, name) : name;
  return common.value_or("").str();
}

LocationAttr tpc::getAnnotation(Location loc) {
  LocationAttr found;
  loc->walk([&](Location part) {
    if (!isa<FileLineColRange>(part))
      return WalkResult::advance();
    found = part;
    return WalkResult::interrupt();
  });
  return found;
}

std::string tpc::getPlace(LocationAttr loc) {
  std::string text;
  llvm::raw_string_ostream os(text);
  if (auto line = dyn_cast<FileLineColRange>(loc))
    os << line.getFilename().getValue() << ":" << line.getStartLine() << ":"
       << line.getStartColumn();
  else
    os << loc;
  return text;
}

static void describe(Attribute link, std::vector<ChainLink> &chain) {
  if (auto line = dyn_cast<FileLineColRange>(link))
    chain.push_back({getPlace(line), {}});
  auto name = dyn_cast<NameLoc>(link);
  if (!name)
    return;
  std::string text = name.getName().str();
  if (auto line = dyn_cast<FileLineColRange>(name.getChildLoc()))
    chain.push_back({getPlace(line), {}});
  else if (auto place = dyn_cast<NameLoc>(name.getChildLoc()))
    text += " of " + place.getName().str();
  chain.push_back({text, {}});
}

std::vector<ChainLink> tpc::getChain(Location loc) {
  Links links;
  for (Location member : getMembers(loc))
    links.collect(member);
  std::vector<ChainLink> chain;
  for (Attribute link : llvm::reverse(links.links)) {
    describe(link, chain);
    if (ArrayAttr record = links.records.lookup(link))
      for (auto sentence : record.getAsRange<StringAttr>())
        chain.back().record.push_back(sentence.str());
  }
  return chain;
}
