//===- SerializeKernels.cpp - kernels as PTX or cubin --------------------------===//

#include "mlir/Conversion/ControlFlowToLLVM/ControlFlowToLLVM.h"
#include "mlir/Conversion/LLVMCommon/TypeConverter.h"
#include "mlir/Conversion/Passes.h"
#include "mlir/Dialect/ControlFlow/IR/ControlFlowOps.h"
#include "mlir/Dialect/LLVMIR/NVVMDialect.h"
#include "mlir/Pass/PassManager.h"
#include "mlir/Target/LLVM/NVVM/Target.h"
#include "mlir/Target/LLVMIR/Dialect/Builtin/BuiltinToLLVMIRTranslation.h"
#include "mlir/Target/LLVMIR/Dialect/GPU/GPUToLLVMIRTranslation.h"
#include "mlir/Target/LLVMIR/Dialect/LLVMIR/LLVMToLLVMIRTranslation.h"
#include "mlir/Target/LLVMIR/Dialect/NVVM/NVVMToLLVMIRTranslation.h"
#include "mlir/Transforms/DialectConversion.h"
#include "tpc/Codegen/GpuKernelInfo.h"
#include "tpc/Codegen/TargetInfo.h"
#include "tpc/Target/Gpu.h"
#include "tpc/Target/Passes.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/ADT/StringSwitch.h"

using namespace mlir;

namespace tpc {
#define GEN_PASS_DEF_SERIALIZEKERNELS
#include "tpc/Target/Passes.h.inc"
} // namespace tpc

using namespace tpc;

static void registerTranslations(MLIRContext *context) {
  DialectRegistry registry;
  registerBuiltinDialectTranslation(registry);
  registerGPUDialectTranslation(registry);
  registerLLVMDialectTranslation(registry);
  registerNVVMDialectTranslation(registry);
  NVVM::registerNVVMTargetInterfaceExternalModels(registry);
  context->appendDialectRegistry(registry);
}

/// The upstream pass takes whole modules only.
static LogicalResult convertBranches(gpu::GPUModuleOp module) {
  MLIRContext *context = module.getContext();
  LLVMTypeConverter converter(context);
  RewritePatternSet patterns(context);
  cf::populateControlFlowToLLVMConversionPatterns(converter, patterns);
  ConversionTarget target(*context);
  target.addIllegalDialect<cf::ControlFlowDialect>();
  target.addLegalDialect<LLVM::LLVMDialect>();
  return applyPartialConversion(module, target, std::move(patterns));
}

/// Parameters that are passed by value, by kernel; the conversion forgets it.
static llvm::StringMap<Attribute> getValueParameters(gpu::GPUModuleOp module) {
  llvm::StringMap<Attribute> types;
  for (auto kernel : module.getOps<gpu::GPUFuncOp>())
    if (kernel.getNumArguments() == 1)
      types[kernel.getName()] = kernel.getArgAttr(0, LLVM::LLVMDialect::getByValAttrName());
  return types;
}

static void setValueParameters(gpu::GPUModuleOp module, const llvm::StringMap<Attribute> &types) {
  for (auto kernel : module.getOps<LLVM::LLVMFuncOp>())
    if (Attribute type = types.lookup(kernel.getName()))
      kernel.setArgAttr(0, LLVM::LLVMDialect::getByValAttrName(), type);
}

/// Names what no conversion takes with the types that it has.
static LogicalResult checkConverted(gpu::GPUModuleOp module) {
  WalkResult result = module.walk([&](Operation *op) -> WalkResult {
    if (op == module || isa<LLVM::LLVMDialect, NVVM::NVVMDialect>(op->getDialect()))
      return WalkResult::advance();
    return op->emitOpError("has no code for a GPU, got ") << op->getResultTypes();
  });
  return failure(result.wasInterrupted());
}

/// Functions of the gpu dialect and what they hold become functions of the LLVM and NVVM dialects.
/// Vectors of the gpu dialect's ops go first: what is left of them is plain.
static LogicalResult convertToNvvm(gpu::GPUModuleOp module) {
  PassManager passes(module.getContext(), gpu::GPUModuleOp::getOperationName());
  llvm::StringMap<Attribute> valueParameters = getValueParameters(module);
  passes.addPass(createSCFToControlFlowPass());
  ConvertGpuOpsToNVVMOpsOptions options;
  options.useBarePtrCallConv = true;
  passes.addPass(createConvertGpuOpsToNVVMOps(options));
  passes.addPass(createConvertVectorToLLVMPass());
  passes.addPass(createConvertMathToLLVMPass());
  passes.addPass(createArithToLLVMConversionPass());
  if (failed(passes.run(module)) || failed(convertBranches(module)))
    return failure();
  setValueParameters(module, valueParameters);
  PassManager last(module.getContext(), gpu::GPUModuleOp::getOperationName());
  last.addPass(createReconcileUnrealizedCastsPass());
  return failure(failed(last.run(module)) || failed(checkConverted(module)));
}

/// The first library function that the code calls without having it.
static StringRef getUnresolvedFunction(StringRef ptx) {
  size_t position = ptx.find("__nv_");
  return position == StringRef::npos
             ? StringRef()
             : ptx.substr(position).take_while([](char c) { return llvm::isAlnum(c) || c == '_'; });
}

/// Whether the code needs libdevice, so that a missing toolkit is an error.
static bool callsLibrary(gpu::GPUModuleOp module) {
  return llvm::any_of(module.getOps<LLVM::LLVMFuncOp>(), [](LLVM::LLVMFuncOp function) {
    return function.isExternal() && function.getName().starts_with("__nv_");
  });
}

/// The oldest PTX that knows the architecture.
static NVVM::NVVMTargetAttr getTargetAttr(MLIRContext *context, StringRef arch) {
  StringRef features = llvm::StringSwitch<StringRef>(arch)
                           .Case("sm_120", "+ptx87")
                           .Case("sm_100", "+ptx86")
                           .Default("+ptx80");
  return NVVM::NVVMTargetAttr::get(context, /*optLevel=*/3, "nvptx64-nvidia-cuda", arch, features);
}

FailureOr<std::string> tpc::serializeKernels(gpu::GPUModuleOp module, StringRef arch, GpuCode code,
                                             StringRef toolkit) {
  MLIRContext *context = module.getContext();
  registerTranslations(context);
  if (failed(convertToNvvm(module)))
    return failure();
  std::string folder;
  if (code == GpuCode::Cubin || callsLibrary(module)) {
    FailureOr<std::string> found = findCudaToolkit(toolkit, module.getLoc());
    if (failed(found))
      return failure();
    folder = *found;
  }
  std::string unresolved;
  auto checkPtx = [&](StringRef ptx) { unresolved = getUnresolvedFunction(ptx).str(); };
  gpu::TargetOptions options(folder, {}, "", "",
                             code == GpuCode::Ptx ? gpu::CompilationTarget::Assembly
                                                  : gpu::CompilationTarget::Binary,
                             {}, {}, {}, {}, checkPtx);
  Attribute target = getTargetAttr(context, arch);
  auto bytes = cast<gpu::TargetAttrInterface>(target).serializeToObject(module, options);
  if (!unresolved.empty())
    return module.emitError("calls '") << unresolved << "', which the toolkit's libdevice lacks";
  if (!bytes)
    return module.emitError("cannot be translated to code for ") << arch;
  return std::string(bytes->begin(), bytes->end());
}

namespace {
struct SerializeKernels : tpc::impl::SerializeKernelsBase<SerializeKernels> {
  using Base::Base;

  void runOnOperation() override {
    if (failed(checkOptions()))
      return signalPassFailure();
    auto module = getOperation().lookupSymbol<gpu::GPUModuleOp>(GpuKernelInfo::kModule);
    if (!module)
      return;
    if (format == "nvvm") {
      if (failed(convertToNvvm(module)))
        signalPassFailure();
      return;
    }
    FailureOr<std::string> bytes = serializeKernels(module, arch, getCode(), toolkit);
    if (failed(bytes))
      return signalPassFailure();
    replaceByBinary(module, *bytes);
  }

private:
  GpuCode getCode() const { return format == "ptx" ? GpuCode::Ptx : GpuCode::Cubin; }

  LogicalResult checkOptions() {
    if (!llvm::is_contained(getCudaArchitectures(), arch))
      return getOperation().emitError("expected arch to be one of ")
             << llvm::join(getCudaArchitectures(), ", ") << ", got " << arch.getValue();
    if (!llvm::is_contained({"nvvm", "ptx", "cubin"}, StringRef(format)))
      return getOperation().emitError("expected format to be nvvm, ptx or cubin, got ")
             << format.getValue();
    return success();
  }

  void replaceByBinary(gpu::GPUModuleOp module, StringRef bytes) {
    OpBuilder builder(module);
    auto kind = getCode() == GpuCode::Ptx ? gpu::CompilationTarget::Assembly
                                          : gpu::CompilationTarget::Binary;
    Attribute object =
        gpu::ObjectAttr::get(getTargetAttr(&getContext(), arch), kind, builder.getStringAttr(bytes),
                             DictionaryAttr(), gpu::KernelTableAttr());
    gpu::BinaryOp::create(builder, module.getLoc(), module.getName(), nullptr,
                          builder.getArrayAttr({object}));
    module.erase();
  }
};
} // namespace
