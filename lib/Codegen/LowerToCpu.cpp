//===- LowerToCpu.cpp - planned schedules as LLVM functions that call the runtime ===//

#include "EntryLowering.h"
#include "tpc/Codegen/Passes.h"

namespace tpc {
#define GEN_PASS_DEF_LOWERTOCPU
#include "tpc/Codegen/Passes.h.inc"
} // namespace tpc

using namespace mlir;
using namespace tpc;
using Field = RuntimeCalls::Field;

/// The symbols that the runtime looks for: tpc_program of tpc_runtime.h.
static void addProgram(RuntimeCalls &runtime, StringRef manifest, ArrayRef<std::string> entries) {
  auto points = llvm::map_to_vector(entries, [](const std::string &name) -> SmallVector<Field> {
    return {Field::string(name), Field::function("tpc_entry_" + name)};
  });
  runtime.addStructs("tpc_entry_points", points, /*exported=*/false);
  runtime.addStructs("tpc_compiled_program",
                     {{Field::string(manifest), Field::int64(manifest.size()),
                       Field::function("tpc_entry_points"), Field::int64(entries.size()),
                       /*backend=*/Field::null(), /*device_code=*/Field::null(), Field::int64(0)}},
                     /*exported=*/true);
}

/// What is left of the tpc dialect says nothing more to LLVM.
static void dropDialect(ModuleOp module) {
  for (MeshOp mesh : llvm::make_early_inc_range(module.getOps<MeshOp>()))
    mesh.erase();
  for (NamedAttribute attribute : llvm::to_vector(module->getDiscardableAttrs()))
    if (attribute.getName().strref().starts_with("tpc."))
      module->removeDiscardableAttr(attribute.getName());
  module.walk(
      [](LLVM::LLVMFuncOp function) { function->removeDiscardableAttr(TPCDialect::kKernel); });
}

namespace {
struct LowerToCpu : tpc::impl::LowerToCpuBase<LowerToCpu> {
  void runOnOperation() override {
    ModuleOp module = getOperation();
    if (!module->hasAttr(TPCDialect::kArena)) {
      module.emitError("expects planned memory; tpc-plan-memory attaches tpc.arena");
      return signalPassFailure();
    }
    SmallVector<func::FuncOp> entries = getEntries(module);
    llvm::DenseMap<Operation *, int64_t> collectives;
    for (auto [number, op] : llvm::enumerate(getCollectives(module)))
      collectives[op] = number;
    RuntimeCalls runtime(module);
    for (func::FuncOp entry : entries)
      if (failed(verifySchedule(entry)) || failed(EntryLowering(entry, runtime, collectives).run()))
        return signalPassFailure();
    auto names =
        llvm::map_to_vector(entries, [](func::FuncOp entry) { return entry.getName().str(); });
    for (func::FuncOp entry : entries)
      entry.erase();
    if (auto manifest = module->getAttrOfType<StringAttr>(TPCDialect::kManifest);
        manifest && !names.empty())
      addProgram(runtime, manifest.getValue(), names);
    dropDialect(module);
  }
};
} // namespace
