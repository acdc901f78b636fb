//===- FlattenControlFlow.cpp - the pass tpc-flatten-control-flow ------------===//

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Utils/StaticValueUtils.h"
#include "mlir/IR/IRMapping.h"
#include "tpc/Dialect/TPCDialect.h"
#include "tpc/Frontend/Passes.h"
#include "llvm/ADT/SetVector.h"

#define DEBUG_TYPE "tpc-flatten-control-flow"

using namespace mlir;

namespace tpc {
#define GEN_PASS_DEF_FLATTENCONTROLFLOW
#include "tpc/Frontend/Passes.h.inc"
} // namespace tpc

using namespace tpc;

namespace {

/// Rewrites the body of one function into a straight list.
class Flattener {
public:
  Flattener(func::FuncOp function, int64_t maxOps) : function(function), maxOps(maxOps) {}
  LogicalResult run();

private:
  /// Clones the ops of `block` at the builder; calls and loops among them are flattened in turn.
  LogicalResult cloneBlock(Block &block, OpBuilder &builder, IRMapping &mapping);
  LogicalResult clone(Operation &op, OpBuilder &builder, IRMapping &mapping);
  LogicalResult inlineCall(func::CallOp call, OpBuilder &builder, IRMapping &mapping);
  LogicalResult unroll(scf::ForOp loop, OpBuilder &builder, IRMapping &mapping);

  func::FuncOp function;
  const int64_t maxOps;
  int64_t count = 0;
  llvm::SetVector<Operation *> callStack;
};

} // namespace

static bool isControlFlow(Operation &op) { return isa<func::CallOp, scf::ForOp>(op); }

LogicalResult Flattener::run() {
  if (!llvm::hasSingleElement(function.getBody()))
    return function.emitError("needs a body of one block, got ")
           << function.getBody().getBlocks().size();
  Block &block = function.getBody().front();
  if (llvm::none_of(block, isControlFlow))
    return success();
  callStack.insert(function);
  auto ops = llvm::map_to_vector(block, [](Operation &op) { return &op; });
  OpBuilder builder(function.getContext());
  IRMapping mapping;
  for (Operation *op : ops) {
    builder.setInsertionPointToEnd(&block);
    if (failed(clone(*op, builder, mapping)))
      return failure();
  }
  for (Operation *op : llvm::reverse(ops))
    op->erase();
  return success();
}

LogicalResult Flattener::cloneBlock(Block &block, OpBuilder &builder, IRMapping &mapping) {
  for (Operation &op : block.without_terminator())
    if (failed(clone(op, builder, mapping)))
      return failure();
  return success();
}

/// Index arithmetic on what became constant is evaluated, so that offsets are known.
LogicalResult Flattener::clone(Operation &op, OpBuilder &builder, IRMapping &mapping) {
  if (++count > maxOps)
    return function.emitError("becomes a list of more than ")
           << maxOps << " operations without calls and loops: raise max-ops if that is meant";
  if (auto call = dyn_cast<func::CallOp>(op))
    return inlineCall(call, builder, mapping);
  if (auto loop = dyn_cast<scf::ForOp>(op))
    return unroll(loop, builder, mapping);
  Operation *copy = builder.clone(op, mapping);
  SmallVector<Value, 1> folded;
  if (llvm::all_of(op.getResultTypes(), [](Type type) { return type.isIndex(); }) &&
      succeeded(builder.tryFold(copy, folded)) && !folded.empty()) {
    mapping.map(op.getResults(), folded);
    copy->erase();
  }
  return success();
}

LogicalResult Flattener::inlineCall(func::CallOp call, OpBuilder &builder, IRMapping &mapping) {
  auto callee = SymbolTable::lookupNearestSymbolFrom<func::FuncOp>(call, call.getCalleeAttr());
  if (!callee || !callee.isPrivate() || callee.isExternal() ||
      !llvm::hasSingleElement(callee.getBody()))
    return call.emitOpError("expects a private function with a body of one block, got ")
           << call.getCalleeAttr();
  if (!callStack.insert(callee))
    return call.emitOpError("calls ") << call.getCalleeAttr() << " from within itself";
  IRMapping inner;
  for (auto [argument, operand] : llvm::zip_equal(callee.getArguments(), call.getOperands()))
    inner.map(argument, mapping.lookupOrDefault(operand));
  Block &body = callee.getBody().front();
  if (failed(cloneBlock(body, builder, inner)))
    return failure();
  for (auto [result, value] :
       llvm::zip_equal(call.getResults(), body.getTerminator()->getOperands()))
    mapping.map(result, inner.lookupOrDefault(value));
  callStack.pop_back();
  return success();
}

LogicalResult Flattener::unroll(scf::ForOp loop, OpBuilder &builder, IRMapping &mapping) {
  auto getBound = [&](Value bound) {
    return getConstantIntValue(OpFoldResult(mapping.lookupOrDefault(bound)));
  };
  std::optional<int64_t> first = getBound(loop.getLowerBound()),
                         end = getBound(loop.getUpperBound()), step = getBound(loop.getStep());
  if (!first || !end || !step || *step <= 0)
    return loop.emitOpError("expects constant bounds and a positive constant step: a program is a "
                            "straight list of operations, so its loops are unrolled");
  SmallVector<Value> carried;
  for (Value value : loop.getInitArgs())
    carried.push_back(mapping.lookupOrDefault(value));
  Block &body = *loop.getBody();
  for (int64_t i = *first; i < *end; i += *step) {
    IRMapping inner(mapping);
    Type type = loop.getInductionVar().getType();
    inner.map(loop.getInductionVar(),
              arith::ConstantOp::create(builder, loop.getLoc(), builder.getIntegerAttr(type, i)));
    inner.map(loop.getRegionIterArgs(), carried);
    if (failed(cloneBlock(body, builder, inner)))
      return failure();
    for (auto [value, next] : llvm::zip_equal(carried, body.getTerminator()->getOperands()))
      value = inner.lookupOrDefault(next);
  }
  mapping.map(loop.getResults(), carried);
  return success();
}

/// Private functions that no one calls any more.
static void eraseUncalled(ModuleOp module) {
  for (auto function : llvm::make_early_inc_range(module.getOps<func::FuncOp>()))
    if (function.isPrivate() && !function->hasAttr(TPCDialect::kKernel) &&
        SymbolTable::symbolKnownUseEmpty(function, module))
      function.erase();
}

namespace {
struct FlattenControlFlow : tpc::impl::FlattenControlFlowBase<FlattenControlFlow> {
  using FlattenControlFlowBase::FlattenControlFlowBase;

  void runOnOperation() override {
    for (auto function : getOperation().getOps<func::FuncOp>())
      if (function.isPublic() && !function.isExternal() &&
          failed(Flattener(function, maxOps).run()))
        return signalPassFailure();
    eraseUncalled(getOperation());
  }
};
} // namespace
