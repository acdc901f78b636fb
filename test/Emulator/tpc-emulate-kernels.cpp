//===- tpc-emulate-kernels.cpp - kernels for a GPU as LLVM IR for the CPU ------===//
//
// Reads a module after tpc-lower-kernels-to-gpu and prints LLVM IR with one function per kernel,
//
//   void name(const uint64_t *parameters)
//
// and the number of its parameters as the constant int64_t name_parameters. The function is
// the program of one thread: what a GPU's thread asks of its processor (its number, a barrier, an
// exchange with its warp) is a call of Emulator.cpp. The bodies are those that a GPU gets: what is
// tested here is the kernel, not a copy of it.
//
//===----------------------------------------------------------------------===//

#include "mlir/Conversion/Passes.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Arith/Transforms/Passes.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Parser/Parser.h"
#include "mlir/Pass/PassManager.h"
#include "mlir/Target/LLVMIR/Dialect/Builtin/BuiltinToLLVMIRTranslation.h"
#include "mlir/Target/LLVMIR/Dialect/LLVMIR/LLVMToLLVMIRTranslation.h"
#include "mlir/Target/LLVMIR/Export.h"
#include "mlir/Transforms/GreedyPatternRewriteDriver.h"
#include "tpc/Codegen/GpuKernelInfo.h"
#include "tpc/InitAllDialects.h"
#include "llvm/IR/Module.h"

using namespace mlir;

namespace {

class Emulation {
public:
  explicit Emulation(ModuleOp module) : module(module), builder(module.getContext()) {}

  /// Leaves functions of the LLVM dialect only.
  LogicalResult run();

private:
  void createNumber(gpu::GPUFuncOp kernel, StringRef suffix, int64_t value);
  void convert(gpu::GPUFuncOp kernel);
  void loadParameters(Block &entry, bool byValue);
  void replaceDeviceOps(LLVM::LLVMFuncOp function);
  Value call(Location loc, StringRef name, TypeRange results, ValueRange operands);

  ModuleOp module;
  OpBuilder builder;
};

} // namespace

Value Emulation::call(Location loc, StringRef name, TypeRange results, ValueRange operands) {
  if (!module.lookupSymbol(name)) {
    OpBuilder::InsertionGuard guard(builder);
    builder.setInsertionPointToStart(module.getBody());
    Type result = results.empty() ? LLVM::LLVMVoidType::get(builder.getContext()) : results[0];
    LLVM::LLVMFuncOp::create(
        builder, loc, name,
        LLVM::LLVMFunctionType::get(result, llvm::to_vector(operands.getTypes())));
  }
  auto op = LLVM::CallOp::create(builder, loc, results, name, operands);
  return results.empty() ? Value() : op.getResult();
}

/// Every parameter is 8 bytes wide, unless the only one is a table `byValue`.
void Emulation::loadParameters(Block &entry, bool byValue) {
  Location loc = module.getLoc();
  Type pointer = LLVM::LLVMPointerType::get(builder.getContext());
  builder.setInsertionPointToStart(&entry);
  unsigned count = entry.getNumArguments();
  Value parameters = entry.addArgument(pointer, loc);
  for (unsigned number = 0; number < count; ++number) {
    Value slot = LLVM::GEPOp::create(builder, loc, pointer, builder.getI64Type(), parameters,
                                     ArrayRef<LLVM::GEPArg>{static_cast<int32_t>(number)});
    Value argument = entry.getArgument(number);
    if (byValue) {
      argument.replaceAllUsesWith(parameters);
      continue;
    }
    argument.replaceAllUsesWith(LLVM::LoadOp::create(builder, loc, argument.getType(), slot));
  }
  entry.eraseArguments(0, count);
}

void Emulation::replaceDeviceOps(LLVM::LLVMFuncOp function) {
  Type i64 = builder.getI64Type(), i32 = builder.getI32Type();
  function.walk([&](Operation *op) {
    Location loc = op->getLoc();
    builder.setInsertionPoint(op);
    if (isa<gpu::ThreadIdOp, gpu::BlockIdOp>(op)) {
      StringRef name = isa<gpu::ThreadIdOp>(op) ? "tpc_emulated_thread" : "tpc_emulated_block";
      Value number = call(loc, name, i64, {});
      op->getResult(0).replaceAllUsesWith(
          arith::IndexCastUIOp::create(builder, loc, builder.getIndexType(), number));
    } else if (isa<gpu::BarrierOp>(op)) {
      call(loc, "tpc_emulated_barrier", {}, {});
    } else if (auto shuffle = dyn_cast<gpu::ShuffleOp>(op)) {
      shuffle.getShuffleResult().replaceAllUsesWith(
          call(loc, "tpc_emulated_exchange", i32, {shuffle.getValue(), shuffle.getOffset()}));
    } else if (isa<gpu::ReturnOp>(op)) {
      LLVM::ReturnOp::create(builder, loc, ValueRange());
    } else {
      return;
    }
    op->erase();
  });
}

/// For whoever launches the kernel: how many words of 8 bytes it takes, and whether as one table.
void Emulation::createNumber(gpu::GPUFuncOp kernel, StringRef suffix, int64_t value) {
  LLVM::GlobalOp::create(builder, kernel.getLoc(), builder.getI64Type(), /*isConstant=*/true,
                         LLVM::Linkage::External, (kernel.getName() + suffix).str(),
                         builder.getI64IntegerAttr(value));
}

void Emulation::convert(gpu::GPUFuncOp kernel) {
  builder.setInsertionPointToEnd(module.getBody());
  auto type = LLVM::LLVMFunctionType::get(LLVM::LLVMVoidType::get(builder.getContext()),
                                          {LLVM::LLVMPointerType::get(builder.getContext())});
  auto function = LLVM::LLVMFuncOp::create(builder, kernel.getLoc(), kernel.getName(), type);
  std::optional<NamedAttribute> table =
      kernel.getNumArguments() == 1
          ? kernel.getArgAttrDict(0).getNamed(LLVM::LLVMDialect::getByValAttrName())
          : std::nullopt;
  int64_t parameters = kernel.getNumArguments();
  if (table)
    parameters =
        cast<LLVM::LLVMArrayType>(cast<TypeAttr>(table->getValue()).getValue()).getNumElements();
  createNumber(kernel, "_parameters", parameters);
  createNumber(kernel, "_table", table.has_value());
  function.getBody().takeBody(kernel.getBody());
  loadParameters(function.getBody().front(), table.has_value());
  replaceDeviceOps(function);
}

LogicalResult Emulation::run() {
  gpu::GPUModuleOp kernels;
  for (Operation &op : llvm::make_early_inc_range(module.getBody()->getOperations()))
    if (auto found = dyn_cast<gpu::GPUModuleOp>(op))
      kernels = found;
    else
      op.erase();
  if (!kernels)
    return module.emitError("expected kernels: run tpc-lower-kernels-to-gpu");
  for (Operation &op : llvm::make_early_inc_range(kernels.getBody()->getOperations())) {
    if (auto kernel = dyn_cast<gpu::GPUFuncOp>(op))
      convert(kernel);
    else if (isa<LLVM::GlobalOp>(op))
      op.moveBefore(module.getBody(), module.getBody()->end());
  }
  kernels.erase();
  RewritePatternSet casts(module.getContext()); // not every processor rounds to bf16
  arith::populateExpandBFloat16Patterns(casts);
  if (failed(applyPatternsGreedily(module, std::move(casts))))
    return failure();
  PassManager passes(module.getContext());
  passes.addPass(createSCFToControlFlowPass());
  passes.addPass(createConvertMathToLLVMPass());
  passes.addPass(createConvertMathToLibmPass()); // in the place of libdevice
  passes.addPass(createConvertVectorToLLVMPass());
  passes.addPass(createArithToLLVMConversionPass());
  passes.addPass(createConvertFuncToLLVMPass());
  passes.addPass(createConvertControlFlowToLLVMPass());
  passes.addPass(createReconcileUnrealizedCastsPass());
  return passes.run(module);
}

int main(int argc, char **argv) {
  DialectRegistry registry;
  tpc::registerAllDialects(registry);
  registerBuiltinDialectTranslation(registry);
  registerLLVMDialectTranslation(registry);
  MLIRContext context(registry);
  context.loadAllAvailableDialects();
  OwningOpRef<ModuleOp> module =
      argc == 2 ? parseSourceFile<ModuleOp>(argv[1], &context) : OwningOpRef<ModuleOp>();
  if (!module || failed(Emulation(*module).run()))
    return 1;
  llvm::LLVMContext llvmContext;
  std::unique_ptr<llvm::Module> translated = translateModuleToLLVMIR(*module, llvmContext);
  if (!translated)
    return 1;
  translated->print(llvm::outs(), nullptr);
  return 0;
}
