//===- EmitObject.cpp - LLVM dialect to optimized IR and to an object ----------===//

#include "mlir/Target/LLVMIR/Dialect/Builtin/BuiltinToLLVMIRTranslation.h"
#include "mlir/Target/LLVMIR/Dialect/LLVMIR/LLVMToLLVMIRTranslation.h"
#include "mlir/Target/LLVMIR/Export.h"
#include "tpc/Target/Target.h"
#include "llvm/IR/LegacyPassManager.h"
#include "llvm/IR/Module.h"
#include "llvm/MC/TargetRegistry.h"
#include "llvm/Passes/PassBuilder.h"
#include "llvm/Support/TargetSelect.h"
#include "llvm/Target/TargetMachine.h"
#include "llvm/TargetParser/Host.h"
#include "llvm/TargetParser/Triple.h"

using namespace mlir;
using namespace tpc;

/// The machine that code is generated for.
static std::unique_ptr<llvm::TargetMachine> createTargetMachine(const Cpu &cpu, Location loc) {
  llvm::InitializeNativeTarget();
  llvm::InitializeNativeTargetAsmPrinter();
  llvm::Triple triple(llvm::sys::getProcessTriple());
  std::string error;
  const llvm::Target *target = llvm::TargetRegistry::lookupTarget(triple, error);
  if (!target) {
    emitError(loc) << "no code generator: " << error;
    return nullptr;
  }
  return std::unique_ptr<llvm::TargetMachine>(
      target->createTargetMachine(triple, cpu.name, cpu.getFeatureString(), llvm::TargetOptions(),
                                  llvm::Reloc::PIC_, std::nullopt, llvm::CodeGenOptLevel::Default));
}

/// What the runtime looks up stays visible: the program, or the entries where there is none. All
/// else is internal, so that names of kernels never clash with the runtime's.
static void internalize(llvm::Module &module) {
  bool program = module.getNamedGlobal("tpc_compiled_program");
  for (llvm::Function &function : module)
    if (!function.isDeclaration() && (program || !function.getName().starts_with("tpc_entry_")))
      function.setLinkage(llvm::GlobalValue::InternalLinkage);
}

static void setFunctionAttributes(llvm::Module &module, const Cpu &cpu) {
  for (llvm::Function &function : module) {
    if (function.isDeclaration())
      continue;
    function.addFnAttr("target-cpu", cpu.name);
    if (!cpu.features.empty())
      function.addFnAttr("target-features", cpu.getFeatureString());
    function.addFnAttr(llvm::Attribute::NoUnwind);
  }
}

static void optimize(llvm::Module &module, llvm::TargetMachine &machine) {
  llvm::LoopAnalysisManager loops;
  llvm::FunctionAnalysisManager functions;
  llvm::CGSCCAnalysisManager components;
  llvm::ModuleAnalysisManager modules;
  llvm::PassBuilder builder(&machine);
  builder.registerModuleAnalyses(modules);
  builder.registerCGSCCAnalyses(components);
  builder.registerFunctionAnalyses(functions);
  builder.registerLoopAnalyses(loops);
  builder.crossRegisterProxies(loops, functions, components, modules);
  builder.buildPerModuleDefaultPipeline(llvm::OptimizationLevel::O3).run(module, modules);
}

static std::unique_ptr<llvm::Module> translate(ModuleOp module, const Cpu &cpu,
                                               llvm::TargetMachine &machine,
                                               llvm::LLVMContext &context) {
  DialectRegistry registry;
  registerBuiltinDialectTranslation(registry);
  registerLLVMDialectTranslation(registry);
  module.getContext()->appendDialectRegistry(registry);
  std::unique_ptr<llvm::Module> translated = translateModuleToLLVMIR(module, context, "tpc");
  if (!translated) {
    module.emitError("cannot be translated to LLVM IR");
    return nullptr;
  }
  translated->setTargetTriple(machine.getTargetTriple());
  translated->setDataLayout(machine.createDataLayout());
  internalize(*translated);
  setFunctionAttributes(*translated, cpu);
  optimize(*translated, machine);
  return translated;
}

LogicalResult tpc::emitLlvm(ModuleOp module, const Cpu &cpu, llvm::raw_ostream &os) {
  auto machine = createTargetMachine(cpu, module.getLoc());
  llvm::LLVMContext context;
  auto translated = machine ? translate(module, cpu, *machine, context) : nullptr;
  if (!translated)
    return failure();
  translated->print(os, nullptr);
  return success();
}

LogicalResult tpc::emitObject(ModuleOp module, const Cpu &cpu, llvm::raw_pwrite_stream &os) {
  auto machine = createTargetMachine(cpu, module.getLoc());
  llvm::LLVMContext context;
  auto translated = machine ? translate(module, cpu, *machine, context) : nullptr;
  if (!translated)
    return failure();
  llvm::legacy::PassManager passes;
  if (machine->addPassesToEmitFile(passes, os, nullptr, llvm::CodeGenFileType::ObjectFile))
    return module.emitError("the code generator cannot write object files");
  passes.run(*translated);
  return success();
}
