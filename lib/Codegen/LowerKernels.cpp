//===- LowerKernels.cpp - kernel bodies become vector loops in the LLVM dialect ===//

#include "CpuKernelEmitter.h"
#include "mlir/Conversion/ArithToLLVM/ArithToLLVM.h"
#include "mlir/Conversion/ControlFlowToLLVM/ControlFlowToLLVM.h"
#include "mlir/Conversion/LLVMCommon/ConversionTarget.h"
#include "mlir/Conversion/LLVMCommon/TypeConverter.h"
#include "mlir/Conversion/MathToLLVM/MathToLLVM.h"
#include "mlir/Conversion/SCFToControlFlow/SCFToControlFlow.h"
#include "mlir/Conversion/VectorToLLVM/ConvertVectorToLLVM.h"
#include "mlir/Dialect/Arith/Transforms/Passes.h"
#include "mlir/Dialect/ControlFlow/IR/ControlFlowOps.h"
#include "mlir/Dialect/LLVMIR/FunctionCallUtils.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/Math/Transforms/Passes.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "mlir/Transforms/GreedyPatternRewriteDriver.h"
#include "tpc/Codegen/Passes.h"
#include "tpc/Dialect/TPCDialect.h"
#include "llvm/ADT/TypeSwitch.h"

#define DEBUG_TYPE "tpc-lower-kernels"

using namespace mlir;

namespace tpc {
#define GEN_PASS_DEF_LOWERKERNELS
#include "tpc/Codegen/Passes.h.inc"
} // namespace tpc

using namespace tpc;

static LogicalResult emitBody(CpuKernelEmitter &emitter, const KernelPlan &plan) {
  Operation *op = getOnlyOp(emitter.getKernel());
  switch (plan.loop) {
  case KernelLoop::Elements:
    return emitElementsKernel(emitter, plan);
  case KernelLoop::Rows:
    return emitRowsKernel(emitter, plan);
  case KernelLoop::Columns:
    return emitColumnsKernel(emitter, plan);
  case KernelLoop::Copy:
    return emitCopyKernel(emitter, op);
  case KernelLoop::Rope:
    return emitRopeKernel(emitter, cast<RopeOp>(op));
  case KernelLoop::RopeTable:
    return emitRopeTableKernel(emitter, cast<RopeTableOp>(op));
  }
  llvm_unreachable("unknown loop");
}

/// `void name(buffers, begin, end)` in front of the kernel, under its name.
static LLVM::LLVMFuncOp createFunction(func::FuncOp kernel, const KernelInfo &info) {
  MLIRContext *context = kernel.getContext();
  OpBuilder builder(kernel);
  Type index = builder.getI64Type(), none = LLVM::LLVMVoidType::get(context);
  auto type =
      LLVM::LLVMFunctionType::get(none, {LLVM::LLVMPointerType::get(context), index, index});
  auto function = LLVM::LLVMFuncOp::create(builder, kernel.getLoc(), kernel.getName(), type,
                                           LLVM::Linkage::Internal);
  function->setAttr(TPCDialect::kKernel, info.toAttribute(context));
  return function;
}

/// Writes the kernel's function in its place.
static FailureOr<LLVM::LLVMFuncOp> emitFunction(func::FuncOp kernel, int64_t lanes) {
  FailureOr<KernelPlan> plan = KernelPlan::get(kernel);
  if (failed(plan))
    return failure();
  LLVM::LLVMFuncOp function = createFunction(kernel, plan->getInfo(kernel));
  CpuKernelEmitter emitter(kernel, function, lanes);
  emitter.loadPointers([&](unsigned number) { return emitter.integer(number); });
  if (failed(emitBody(emitter, *plan)))
    return failure();
  LLVM::ReturnOp::create(emitter.getBuilder(), kernel.getLoc(), ValueRange());
  kernel.erase();
  return function;
}

/// The same of a group, with the loops of its largest member.
static FailureOr<LLVM::LLVMFuncOp> emitGroupFunction(func::FuncOp kernel, int64_t lanes) {
  FailureOr<KernelGroup> group = KernelGroup::get(kernel);
  if (failed(group))
    return failure();
  func::FuncOp member = group->getLargest();
  FailureOr<KernelPlan> plan = KernelPlan::get(member);
  if (failed(plan))
    return failure();
  LLVM::LLVMFuncOp function = createFunction(kernel, group->getInfo());
  CpuKernelEmitter emitter(member, function, lanes);
  if (failed(emitGroup(emitter, *group, [&] { return emitBody(emitter, *plan); })))
    return failure();
  LLVM::ReturnOp::create(emitter.getBuilder(), kernel.getLoc(), ValueRange());
  kernel.erase();
  eraseUnusedMembers(group->getMembers());
  return function;
}

/// Functions of float32 vectors whose polynomials are as exact as the libraries'; the rest is left
/// to libm.
static LogicalResult approximateMath(LLVM::LLVMFuncOp function) {
  RewritePatternSet patterns(function.getContext());
  populateMathPolynomialApproximationPatterns(patterns, [](StringRef name) {
    return llvm::is_contained({math::ExpOp::getOperationName(), math::ExpM1Op::getOperationName(),
                               math::LogOp::getOperationName(), math::Log2Op::getOperationName(),
                               math::Log1pOp::getOperationName(), math::TanhOp::getOperationName(),
                               math::SinOp::getOperationName(), math::CosOp::getOperationName(),
                               math::ErfOp::getOperationName()},
                              name);
  });
  return applyPatternsGreedily(function, std::move(patterns));
}

/// Without the instruction LLVM calls a function per element that no library here has.
static LogicalResult expandBf16Casts(LLVM::LLVMFuncOp function) {
  RewritePatternSet patterns(function.getContext());
  arith::populateExpandBFloat16Patterns(patterns);
  return applyPatternsGreedily(function, std::move(patterns));
}

/// Functions that LLVM has no intrinsic for, and those whose expansion into others loses digits.
static StringRef getLibraryFunction(Operation *op) {
  return llvm::TypeSwitch<Operation *, StringRef>(op)
      .Case([](math::ErfOp) { return "erf"; })
      .Case([](math::ErfcOp) { return "erfc"; })
      .Case([](math::CbrtOp) { return "cbrt"; })
      .Case([](math::ExpM1Op) { return "expm1"; })
      .Case([](math::Log1pOp) { return "log1p"; })
      .Case([](math::AsinhOp) { return "asinh"; })
      .Case([](math::AcoshOp) { return "acosh"; })
      .Case([](math::AtanhOp) { return "atanh"; })
      .Default(StringRef());
}

/// The prefix keeps the symbol apart from entries of the same name; assemblers do not see it.
static FailureOr<LLVM::LLVMFuncOp> declareLibraryFunction(OpBuilder &builder, Operation *op,
                                                          StringRef name) {
  Type type = getElementTypeOrSelf(op->getResult(0));
  if (!type.isF32() && !type.isF64())
    return op->emitOpError("is a call of the C library, which has it for f32 and f64, got ")
           << type;
  std::string symbol = ("\1" + name + (type.isF32() ? "f" : "")).str();
  auto module = op->getParentOfType<ModuleOp>();
  return LLVM::lookupOrCreateFn(builder, module, symbol, {type}, type);
}

static LogicalResult callLibrary(Operation *op, StringRef name) {
  OpBuilder builder(op);
  Location loc = op->getLoc();
  FailureOr<LLVM::LLVMFuncOp> function = declareLibraryFunction(builder, op, name);
  if (failed(function))
    return failure();
  Value input = op->getOperand(0), result;
  if (auto type = dyn_cast<VectorType>(input.getType())) {
    result = arith::ConstantOp::create(builder, loc, builder.getZeroAttr(type));
    for (int64_t lane = 0; lane < type.getNumElements(); ++lane) {
      Value element = vector::ExtractOp::create(builder, loc, input, lane);
      auto call = LLVM::CallOp::create(builder, loc, *function, element);
      result = vector::InsertOp::create(builder, loc, call.getResult(), result, lane);
    }
  } else {
    result = LLVM::CallOp::create(builder, loc, *function, input).getResult();
  }
  op->replaceAllUsesWith(ValueRange{result});
  op->erase();
  return success();
}

static LogicalResult callMathLibrary(LLVM::LLVMFuncOp function) {
  return failure(function
                     .walk([](Operation *op) {
                       StringRef name = getLibraryFunction(op);
                       return WalkResult(name.empty() ? success() : callLibrary(op, name));
                     })
                     .wasInterrupted());
}

static LogicalResult convertToLLVM(LLVM::LLVMFuncOp function) {
  MLIRContext *context = function.getContext();
  LLVMTypeConverter converter(context);
  RewritePatternSet patterns(context);
  populateSCFToControlFlowConversionPatterns(patterns);
  populateVectorToLLVMConversionPatterns(converter, patterns, /*reassociateFPReductions=*/true);
  populateMathToLLVMConversionPatterns(converter, patterns);
  arith::populateCeilFloorDivExpandOpsPatterns(patterns);
  arith::populateArithToLLVMConversionPatterns(converter, patterns);
  cf::populateControlFlowToLLVMConversionPatterns(converter, patterns);
  LLVMConversionTarget target(*context);
  return applyFullConversion(function, target, std::move(patterns));
}

namespace {
struct LowerKernels : tpc::impl::LowerKernelsBase<LowerKernels> {
  using Base::Base;

  void runOnOperation() override {
    if (vectorBits != 128 && vectorBits != 256 && vectorBits != 512) {
      getOperation().emitError("expected vector-bits to be 128, 256 or 512, got ")
          << vectorBits.getValue();
      return signalPassFailure();
    }
    for (func::FuncOp group : KernelGroup::getGroups(getOperation()))
      if (failed(lower(emitGroupFunction(group, vectorBits / 32))))
        return signalPassFailure();
    for (auto kernel : llvm::make_early_inc_range(getOperation().getOps<func::FuncOp>()))
      if (kernel->hasAttr(TPCDialect::kKernel) &&
          failed(lower(emitFunction(kernel, vectorBits / 32))))
        return signalPassFailure();
  }

  LogicalResult lower(FailureOr<LLVM::LLVMFuncOp> function) {
    if (failed(function) || failed(approximateMath(*function)) ||
        failed(callMathLibrary(*function)) || (expandBf16 && failed(expandBf16Casts(*function))))
      return failure();
    return convertToLLVM(*function);
  }
};
} // namespace
