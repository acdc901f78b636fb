//===- Provenance.cpp ----------------------------------------------------------===//

#include "tpc/Dialect/Provenance.h"
#include "mlir/IR/Builders.h"
#include "llvm/ADT/SetVector.h"
#include "llvm/ADT/StringExtras.h"

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
  StringAttr place = StringAttr::get(op->getContext(), getModuleName(op->getLoc()));
  return NameLoc::get(op->getName().getIdentifier(), NameLoc::get(place));
}

Location tpc::getParameterLoc(MLIRContext *context, StringRef name) {
  return NameLoc::get(StringAttr::get(context, "parameter"),
                      NameLoc::get(StringAttr::get(context, name)));
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

/// The links of one chain, the nearest first.
static void collectLinks(Location loc, llvm::SetVector<Attribute> &links) {
  if (auto fused = dyn_cast<FusedLoc>(loc)) {
    for (Location part : fused.getLocations())
      collectLinks(part, links);
  } else if (!isa<UnknownLoc>(loc)) {
    links.insert(LocationAttr(loc));
  }
}

static bool isLinkOfOp(NameLoc name) { return isa<NameLoc>(name.getChildLoc()); }

static std::string findModule(Location loc) {
  llvm::SetVector<Attribute> links;
  collectLinks(loc, links);
  for (Attribute link : links)
    if (auto name = dyn_cast<NameLoc>(link); name && !isLinkOfOp(name))
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

std::string tpc::getModuleName(Location loc) {
  ArrayRef<Location> members = getMembers(loc);
  std::string name = findModule(members.front());
  for (Location member : members.drop_front())
    name = getCommonName(name, findModule(member)).str();
  return name;
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

static std::string describe(Attribute link) {
  if (auto file = dyn_cast<FileLineColRange>(link))
    return (file.getFilename().getValue() + ":" + Twine(file.getStartLine()) + ":" +
            Twine(file.getStartColumn()))
        .str();
  auto name = dyn_cast<NameLoc>(link);
  if (!name)
    return {};
  if (!isLinkOfOp(name))
    return name.getName().str();
  StringRef place = cast<NameLoc>(name.getChildLoc()).getName();
  return (name.getName().getValue() + " of " + place).str();
}

std::vector<std::string> tpc::getChain(Location loc) {
  llvm::SetVector<Attribute> links;
  for (Location member : getMembers(loc))
    collectLinks(member, links);
  std::vector<std::string> chain;
  for (Attribute link : llvm::reverse(links))
    if (std::string text = describe(link); !text.empty())
      chain.push_back(std::move(text));
  return chain;
}
