//===- TargetInfo.cpp ----------------------------------------------------------===//

#include "tpc/Codegen/TargetInfo.h"
#include "llvm/ADT/StringExtras.h"

using namespace mlir;
using namespace tpc;

static constexpr StringLiteral kTarget = "tpc.target";

ArrayRef<StringLiteral> tpc::getCudaArchitectures() {
  static constexpr StringLiteral names[] = {"sm_80", "sm_90", "sm_100", "sm_120"};
  return names;
}

FailureOr<TargetName> tpc::getTarget(ModuleOp module) {
  Attribute attribute = module->getAttr(kTarget);
  if (!attribute)
    return TargetName();
  auto dictionary = dyn_cast<DictionaryAttr>(attribute);
  auto get = [&](StringRef key) {
    auto text = dictionary ? dictionary.getAs<StringAttr>(key) : StringAttr();
    return text ? text.str() : std::string();
  };
  TargetName target{get("name"), get("arch")};
  if (target.name != "cpu" && target.name != "cuda")
    return module.emitError("expects tpc.target with the name 'cpu' or 'cuda', got ") << attribute;
  if (target.isCuda() && !llvm::is_contained(getCudaArchitectures(), target.arch))
    return module.emitError("expects tpc.target with an architecture of ")
           << llvm::join(getCudaArchitectures(), ", ") << ", got '" << target.arch << "'";
  return target;
}

void tpc::setTarget(ModuleOp module, const TargetName &target) {
  if (!target.isCuda()) {
    module->removeAttr(kTarget);
    return;
  }
  Builder builder(module.getContext());
  auto entry = [&](StringRef key, StringRef value) {
    return builder.getNamedAttr(key, builder.getStringAttr(value));
  };
  module->setAttr(
      kTarget, builder.getDictionaryAttr({entry("name", target.name), entry("arch", target.arch)}));
}

TargetInfo::~TargetInfo() = default;

std::unique_ptr<TargetInfo> TargetInfo::get(ModuleOp module) {
  FailureOr<TargetName> target = getTarget(module);
  if (failed(target))
    return nullptr;
  return target->isCuda() ? createCudaTargetInfo(target->arch) : createCpuTargetInfo();
}
