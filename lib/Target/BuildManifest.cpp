//===- BuildManifest.cpp - the manifest as an attribute of the module ----------===//

#include "tpc/Dialect/TPCDialect.h"
#include "tpc/Target/Manifest.h"
#include "tpc/Target/Passes.h"

namespace tpc {
#define GEN_PASS_DEF_BUILDMANIFEST
#include "tpc/Target/Passes.h.inc"
} // namespace tpc

using namespace mlir;
using namespace tpc;

namespace {
struct BuildManifest : tpc::impl::BuildManifestBase<BuildManifest> {
  using BuildManifestBase::BuildManifestBase;
  void runOnOperation() override {
    FailureOr<Cpu> processor = getCpu(cpu, getOperation().getLoc());
    if (failed(processor))
      return signalPassFailure();
    FailureOr<std::string> manifest = buildManifest(getOperation(), *processor);
    if (failed(manifest))
      return signalPassFailure();
    getOperation()->setAttr(TPCDialect::kManifest, StringAttr::get(&getContext(), *manifest));
  }
};
} // namespace
