//===- FormKernels.cpp - entry programs become lists of kernel launches --------===//

#include "ExpandCompound.h"
#include "FuseAccumulation.h"
#include "KernelClusters.h"
#include "KernelPlan.h"
#include "WidenFloats.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/IR/Dominance.h"
#include "mlir/IR/IRMapping.h"
#include "mlir/IR/PatternMatch.h"
#include "mlir/Transforms/CSE.h"
#include "tpc/Codegen/Passes.h"
#include "tpc/Dialect/TPCDialect.h"
#include "llvm/ADT/SetVector.h"
#include "llvm/ADT/StringSet.h"

#define DEBUG_TYPE "tpc-form-kernels"

using namespace mlir;

namespace tpc {
#define GEN_PASS_DEF_FORMKERNELS
#include "tpc/Codegen/Passes.h.inc"
} // namespace tpc

using namespace tpc;

static bool isInline(Operation *op) { return op && getPlacement(op) == Placement::Inline; }

//===-- kernels of a module ----------------------------------------------------===//

namespace {

/// Outlines lists of ops as private functions; equal bodies are one function.
class KernelLibrary {
public:
  explicit KernelLibrary(ModuleOp module) : module(module) {
    for (Operation &op : module.getOps())
      if (auto symbol = dyn_cast<SymbolOpInterface>(op))
        names.insert(symbol.getName());
  }

  /// Replaces `ops` (in program order) by a launch at the builder's insertion point: all uses of
  /// their results by others are the launch's. The ops stay, without uses, for the caller to erase.
  FailureOr<LaunchOp> outline(OpBuilder &builder, ArrayRef<Operation *> ops);

private:
  func::FuncOp build(ArrayRef<Operation *> ops, ArrayRef<Value> outputs, SetVector<Value> &inputs);
  FailureOr<func::FuncOp> deduplicate(func::FuncOp kernel, ArrayRef<Operation *> ops);
  std::string getName(func::FuncOp kernel, ArrayRef<Operation *> ops);

  ModuleOp module;
  llvm::StringSet<> names;
  llvm::StringMap<func::FuncOp> kernels; ///< by printed body
};

} // namespace

/// Clones the inline op that defines `value` and those it needs; anything else becomes an input.
static void cloneInline(OpBuilder &builder, Value value, IRMapping &mapping, func::FuncOp kernel,
                        SetVector<Value> &inputs) {
  if (mapping.contains(value))
    return;
  Operation *op = value.getDefiningOp();
  if (isInline(op)) {
    for (Value operand : op->getOperands())
      cloneInline(builder, operand, mapping, kernel, inputs);
    Operation *clone = builder.clone(*op, mapping);
    clone->setDiscardableAttrs(builder.getDictionaryAttr({}));
    return;
  }
  inputs.insert(value);
  mapping.map(value, kernel.getBody().front().addArgument(value.getType(), value.getLoc()));
}

func::FuncOp KernelLibrary::build(ArrayRef<Operation *> ops, ArrayRef<Value> outputs,
                                  SetVector<Value> &inputs) {
  MLIRContext *context = module.getContext();
  auto kernel =
      func::FuncOp::create(ops.front()->getLoc(), "kernel", FunctionType::get(context, {}, {}));
  kernel.setPrivate();
  OpBuilder builder = OpBuilder::atBlockBegin(&kernel.getBody().emplaceBlock());
  IRMapping mapping;
  for (Operation *op : ops) {
    for (Value operand : op->getOperands())
      cloneInline(builder, operand, mapping, kernel, inputs);
    builder.clone(*op, mapping)->setDiscardableAttrs(builder.getDictionaryAttr({}));
  }
  auto results = llvm::map_to_vector(outputs, [&](Value output) { return mapping.lookup(output); });
  func::ReturnOp::create(builder, kernel.getLoc(), results);
  kernel.setFunctionType(FunctionType::get(context, kernel.getBody().front().getArgumentTypes(),
                                           TypeRange(ValueRange(results))));
  IRRewriter rewriter(context);
  DominanceInfo dominance(kernel);
  eliminateCommonSubExpressions(rewriter, dominance, kernel);
  return kernel;
}

/// `kernel_rms_norm_4x768`: the compound ops that it holds, and the shape that it runs over.
std::string KernelLibrary::getName(func::FuncOp kernel, ArrayRef<Operation *> ops) {
  llvm::SetVector<StringRef> words;
  for (Operation *op : ops)
    words.insert(op->hasAttr(kOrigin) ? op->getAttrOfType<StringAttr>(kOrigin).getValue()
                                      : op->getName().stripDialect());
  std::string name = "kernel";
  for (StringRef word : ArrayRef(words.getArrayRef()).take_front(3))
    name += "_" + word.str();
  auto shape = cast<RankedTensorType>(kernel.getNumArguments() &&
                                              isa<RankedTensorType>(kernel.getArgumentTypes()[0])
                                          ? kernel.getArgumentTypes()[0]
                                          : kernel.getResultTypes()[0])
                   .getShape();
  for (auto [dim, size] : llvm::enumerate(shape))
    name += (dim ? "x" : "_") + std::to_string(size);
  std::string unique = name;
  for (int number = 1; !names.insert(unique).second; ++number)
    unique = name + "_" + std::to_string(number);
  return unique;
}

FailureOr<func::FuncOp> KernelLibrary::deduplicate(func::FuncOp kernel, ArrayRef<Operation *> ops) {
  std::string text;
  llvm::raw_string_ostream stream(text);
  kernel.print(stream, OpPrintingFlags().assumeVerified().useLocalScope());
  auto [entry, inserted] = kernels.try_emplace(text, kernel);
  if (!inserted) {
    kernel.erase();
    return entry->second;
  }
  kernel.setName(getName(kernel, ops));
  module.getBody()->push_back(kernel);
  FailureOr<KernelPlan> plan = KernelPlan::get(kernel);
  if (failed(plan))
    return failure();
  kernel->setAttr(TPCDialect::kKernel, plan->getInfo(kernel).toAttribute(module.getContext()));
  return kernel;
}

FailureOr<LaunchOp> KernelLibrary::outline(OpBuilder &builder, ArrayRef<Operation *> ops) {
  llvm::SmallPtrSet<Operation *, 16> inside(ops.begin(), ops.end());
  std::function<bool(Operation *)> isOutside = [&](Operation *user) {
    return isInline(user) ? llvm::any_of(user->getUsers(), isOutside) : !inside.contains(user);
  };
  SmallVector<Value> outputs;
  for (Operation *op : ops)
    for (Value result : op->getResults())
      if (llvm::any_of(result.getUsers(), isOutside))
        outputs.push_back(result);
  SetVector<Value> inputs;
  FailureOr<func::FuncOp> kernel = deduplicate(build(ops, outputs, inputs), ops);
  if (failed(kernel))
    return failure();
  auto launch = LaunchOp::create(builder, ops.back()->getLoc(), TypeRange(ValueRange(outputs)),
                                 kernel->getName(), inputs.getArrayRef());
  for (auto [output, result] : llvm::zip_equal(outputs, launch.getResults()))
    output.replaceUsesWithIf(result, [&](OpOperand &use) {
      return isOutside(use.getOwner()) && use.getOwner() != launch;
    });
  return launch;
}

//===-- one entry program ------------------------------------------------------===//

/// Every op has a place, or an error.
static LogicalResult verifyPlacement(Block &block) {
  for (Operation &op : block)
    if (getPlacement(&op) == Placement::Unknown)
      return op.emitOpError("has no place in a schedule: expected a runtime operation, a reshape, "
                            "a splat constant, or "
                            "an operation on tensors of one static shape that a kernel can hold");
  return success();
}

/// Whether `user` can evaluate the inline op's value inside its own kernel.
static bool canInline(Operation *op, Operation *user) {
  Placement placement = getPlacement(user);
  if (placement == Placement::Inline)
    return true;
  auto broadcast = dyn_cast<BroadcastOp>(op);
  return placement == Placement::Grid && (!broadcast || KernelSpace::get(user).accepts(broadcast));
}

/// Constants and broadcasts that someone needs in memory become kernels of their own.
static LogicalResult materializeInlineOps(func::FuncOp function, KernelLibrary &library) {
  Block &block = function.getBody().front();
  for (Operation &op : llvm::make_early_inc_range(block)) {
    auto needsMemory = [&](OpOperand &use) { return !canInline(&op, use.getOwner()); };
    if (!isInline(&op) || llvm::none_of(op.getUses(), needsMemory))
      continue;
    OpBuilder builder(&op);
    builder.setInsertionPointAfter(&op);
    Operation *copy = builder.clone(op);
    op.getResult(0).replaceUsesWithIf(copy->getResult(0), needsMemory);
    builder.setInsertionPointAfter(copy);
    if (failed(library.outline(builder, {copy})))
      return failure();
    copy->erase();
  }
  return success();
}

static void eraseDeadOps(Block &block) {
  for (Operation &op : llvm::make_early_inc_range(llvm::reverse(block)))
    if (isOpTriviallyDead(&op))
      op.erase();
}

static LogicalResult formKernels(func::FuncOp function, KernelLibrary &library) {
  Block &block = function.getBody().front();
  fuseAccumulation(function);
  widenNarrowFloats(function);
  expandCompoundOps(function);
  eraseDeadOps(block);
  if (failed(verifyPlacement(block)) || failed(materializeInlineOps(function, library)))
    return failure();
  eraseDeadOps(block);
  KernelClusters clusters(block);
  clusters.recomputeUnaryValues();
  auto schedule = clusters.getSchedule();
  Operation *terminator = block.getTerminator();
  OpBuilder builder(terminator);
  for (ArrayRef<Operation *> unit : schedule) {
    if (unit.front() == terminator)
      continue;
    builder.setInsertionPoint(terminator);
    if (getPlacement(unit.front()) == Placement::Entry)
      unit.front()->moveBefore(terminator);
    else if (failed(library.outline(builder, unit)))
      return failure();
  }
  eraseDeadOps(block);
  return success();
}

namespace {
struct FormKernels : tpc::impl::FormKernelsBase<FormKernels> {
  void runOnOperation() override {
    KernelLibrary library(getOperation());
    for (auto function : llvm::make_early_inc_range(getOperation().getOps<func::FuncOp>())) {
      if (function.isExternal() || function->hasAttr(TPCDialect::kKernel))
        continue;
      if (!function.getBody().hasOneBlock()) {
        function.emitOpError("expected one block: entry programs are straight lists");
        return signalPassFailure();
      }
      if (failed(formKernels(function, library)))
        return signalPassFailure();
    }
  }
};
} // namespace
