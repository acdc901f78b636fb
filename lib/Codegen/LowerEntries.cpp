//===- LowerEntries.cpp --------------------------------------------------------===//

#include "LowerEntries.h"

using namespace mlir;
using namespace tpc;
using Field = RuntimeCalls::Field;

Field tpc::addBackend(ModuleOp module, StringRef name) {
  OpBuilder builder = OpBuilder::atBlockBegin(module.getBody());
  auto type = LLVM::LLVMArrayType::get(builder.getI8Type(), 0);
  LLVM::GlobalOp::create(builder, module.getLoc(), type, /*isConstant=*/true,
                         LLVM::Linkage::External, name, Attribute());
  return Field::function(name);
}

FailureOr<llvm::DenseMap<Operation *, int64_t>> tpc::numberCollectives(ModuleOp module) {
  if (!module->hasAttr(TPCDialect::kArena))
    return module.emitError("expects planned memory; tpc-plan-memory attaches tpc.arena");
  llvm::DenseMap<Operation *, int64_t> collectives;
  for (auto [number, op] : llvm::enumerate(getCollectives(module)))
    collectives[op] = number;
  return collectives;
}

/// The symbols that the runtime looks for: tpc_program of tpc_runtime.h.
static void addProgram(RuntimeCalls &runtime, StringRef manifest, ArrayRef<std::string> entries,
                       const ProgramTarget &target) {
  auto points = llvm::map_to_vector(entries, [](const std::string &name) -> SmallVector<Field> {
    return {Field::string(name), Field::function("tpc_entry_" + name)};
  });
  runtime.addStructs("tpc_entry_points", points, /*exported=*/false);
  runtime.addStructs(
      "tpc_compiled_program",
      {{Field::string(manifest), Field::int64(manifest.size()), Field::function("tpc_entry_points"),
        Field::int64(entries.size()), target.backend, target.deviceCode}},
      /*exported=*/true);
}

/// What is left of the tpc dialect says nothing more to LLVM.
static void dropDialect(ModuleOp module) {
  for (MeshOp mesh : llvm::make_early_inc_range(module.getOps<MeshOp>()))
    mesh.erase();
  for (NamedAttribute attribute : llvm::to_vector(module->getDiscardableAttrs()))
    if (attribute.getName().strref().starts_with("tpc."))
      module->removeDiscardableAttr(attribute.getName());
  for (auto function : module.getOps<LLVM::LLVMFuncOp>())
    function->removeDiscardableAttr(TPCDialect::kKernel);
}

void tpc::finishEntries(ModuleOp module, RuntimeCalls &runtime, const ProgramTarget &target) {
  SmallVector<std::string> names;
  for (func::FuncOp entry : getEntries(module)) {
    names.push_back(entry.getName().str());
    entry.erase();
  }
  if (auto manifest = module->getAttrOfType<StringAttr>(TPCDialect::kManifest);
      manifest && !names.empty())
    addProgram(runtime, manifest.getValue(), names, target);
  dropDialect(module);
}
