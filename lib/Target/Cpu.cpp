//===- Cpu.cpp -----------------------------------------------------------------===//

#include "tpc/Target/Cpu.h"
#include "mlir/Support/LLVM.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/MC/MCSubtargetInfo.h"
#include "llvm/MC/TargetRegistry.h"
#include "llvm/Support/TargetSelect.h"
#include "llvm/TargetParser/Host.h"
#include "llvm/TargetParser/SubtargetFeature.h"
#include "llvm/TargetParser/Triple.h"

using namespace mlir;
using namespace tpc;

std::string Cpu::getFeatureString() const {
  return llvm::join(
      llvm::map_range(features, [](const std::string &feature) { return "+" + feature; }), ",");
}

static Cpu getNativeCpu() {
  Cpu cpu{llvm::sys::getHostCPUName().str(), {}};
  for (auto &feature : llvm::sys::getHostCPUFeatures())
    if (feature.second)
      cpu.features.push_back(feature.first().str());
  llvm::sort(cpu.features);
  return cpu;
}

/// The subtarget called `name`, null if LLVM knows none.
static std::unique_ptr<llvm::MCSubtargetInfo> getSubtarget(StringRef name) {
  llvm::InitializeNativeTarget();
  llvm::Triple triple(llvm::sys::getProcessTriple());
  std::string error;
  const llvm::Target *target = llvm::TargetRegistry::lookupTarget(triple, error);
  if (!target)
    return nullptr;
  std::unique_ptr<llvm::MCSubtargetInfo> none(target->createMCSubtargetInfo(triple, "", ""));
  if (!none || !none->isCPUStringValid(name))
    return nullptr;
  return std::unique_ptr<llvm::MCSubtargetInfo>(target->createMCSubtargetInfo(triple, name, ""));
}

FailureOr<Cpu> tpc::getCpu(StringRef name, Location loc) {
  if (name == "native")
    return getNativeCpu();
  std::unique_ptr<llvm::MCSubtargetInfo> subtarget = getSubtarget(name);
  if (!subtarget)
    return emitError(loc)
           << "unknown processor '" << name
           << "': --cpu takes native, x86-64-v2, x86-64-v3, x86-64-v4 or a name that LLVM knows";
  Cpu cpu{name.str(), {}};
  // Names that a processor can be asked for; the subtarget has tuning flags besides.
  for (auto &feature : llvm::sys::getHostCPUFeatures())
    if (subtarget->checkFeatures(("+" + feature.first()).str()))
      cpu.features.push_back(feature.first().str());
  llvm::sort(cpu.features);
  return cpu;
}
