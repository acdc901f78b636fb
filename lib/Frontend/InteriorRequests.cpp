//===- InteriorRequests.cpp - what a plan asks for inside a block --------------===//

#include "PlanRequests.h"
#include "llvm/ADT/DenseSet.h"
#include "llvm/ADT/StringSet.h"

using namespace mlir;
using namespace tpc;

static StringRef getParent(StringRef module) { return module.rsplit('.').first; }

/// What a boundary passes on, however many boundaries it has passed before.
static Value getSource(BoundaryOp boundary) {
  while (auto inner = boundary.getInput().getDefiningOp<BoundaryOp>())
    boundary = inner;
  return boundary.getInput();
}

static SmallVector<Value> getBorder(const ModulePorts &ports) {
  SmallVector<Value> border = llvm::map_to_vector(ports.inputs, getSource);
  llvm::append_range(border, llvm::map_range(ports.outputs, getSource));
  return border;
}

/// Containers that contain no container.
static SmallVector<StringRef> findBlocks(const Modules &modules) {
  llvm::StringSet<> outer;
  for (const auto &[name, ports] : modules)
    if (ports.kind == ModuleKind::Container)
      outer.insert(getParent(name));
  SmallVector<StringRef> blocks;
  for (const auto &[name, ports] : modules)
    if (ports.kind == ModuleKind::Container && !outer.contains(name))
      blocks.push_back(name);
  return blocks;
}

void tpc::markInterior(const Modules &modules, Requests &requests) {
  llvm::DenseSet<Value> requested;
  llvm::StringMap<SmallVector<Operation *>> byParent;
  for (auto &[boundary, request] : requests) {
    requested.insert(getSource(cast<BoundaryOp>(boundary)));
    byParent[getParent(cast<BoundaryOp>(boundary).getModule())].push_back(boundary);
  }
  for (StringRef block : findBlocks(modules)) {
    SmallVector<Value> border = getBorder(modules.find(block)->second);
    if (!llvm::all_of(border, [&](Value value) { return requested.contains(value); }))
      continue;
    for (Operation *boundary : byParent[block])
      requests[boundary].interior =
          !llvm::is_contained(border, getSource(cast<BoundaryOp>(boundary)));
  }
}
