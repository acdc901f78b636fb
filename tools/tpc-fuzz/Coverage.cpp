//===- Coverage.cpp ----------------------------------------------------------------------===//

#include "Coverage.h"
#include "tpc/Dialect/TPCDialect.h"
#include "llvm/Support/Format.h"
#include "llvm/Support/raw_ostream.h"

using namespace mlir;
using namespace tpc;
using namespace tpc::fuzz;

void Coverage::add(ModuleOp module) {
  module.walk([&](Operation *op) { ++counts[op->getName().getStringRef()]; });
}

/// Ops with a rule that no program has when layouts are propagated.
static bool isElsewhere(RegisteredOperationName name) {
  return name.getStringRef() == BoundaryOp::getOperationName() || // gone by tpc-apply-plan
         name.getStringRef() == WithinOp::getOperationName();     // made by tpc-pad-uneven
}

bool Coverage::print(MLIRContext &context) const {
  bool complete = true;
  for (RegisteredOperationName name : context.getRegisteredOperations()) {
    if (!name.hasInterface<ShardingRuleOpInterface>() || isElsewhere(name))
      continue;
    uint64_t count = counts.lookup(name.getStringRef());
    llvm::outs() << llvm::format("%-24s", name.getStringRef().str().c_str());
    if (count)
      llvm::outs() << count << "\n";
    else
      llvm::outs() << "NEVER\n";
    complete &= count > 0;
  }
  return complete;
}
