//===- TargetDefaults.cpp --------------------------------------------------===//

#include "tpc/Pipelines/TargetDefaults.h"
#include "llvm/ADT/StringSwitch.h"

using namespace tpc;

TargetDefaults tpc::getDefaults(const TargetName &target) {
  if (!target.isCuda())
    return {"shared-memory", /*overlap=*/false, /*overlapMemory=*/64 << 20};
  llvm::StringRef machine = llvm::StringSwitch<llvm::StringRef>(target.arch)
                                .Case("sm_80", "a100x8")
                                .Case("sm_100", "b200x8")
                                .Case("sm_120", "rtx-pro-6000x8")
                                .Default("h100x8");
  return {machine, /*overlap=*/true, /*overlapMemory=*/1 << 30};
}
