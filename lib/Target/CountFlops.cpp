//===- CountFlops.cpp - the work that model FLOPs utilization is about ---------===//

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "tpc/Dialect/TPCDialect.h"
#include "tpc/Target/Passes.h"

namespace tpc {
#define GEN_PASS_DEF_COUNTFLOPS
#include "tpc/Target/Passes.h.inc"
} // namespace tpc

using namespace mlir;
using namespace tpc;

/// One rank's program counts its share only, or repeats what others count.
static LogicalResult verifyGlobal(func::FuncOp function) {
  for (unsigned argument = 0; argument < function.getNumArguments(); ++argument)
    if (function.getArgAttr(argument, TPCDialect::kGlobal))
      return function.emitError("is one rank's program: operations are counted before "
                                "tpc-localize, argument ")
             << argument << " is a shard";
  return success();
}

/// The operations of products and attention; floating-point, as a step of a large model has more
/// than 64 bits count. Fails at an op whose own operations are out of sight.
static FailureOr<double> count(func::FuncOp function) {
  double flops = 0;
  for (Operation &op : function.getOps()) {
    if (isa<CallOpInterface>(op) || op.getNumRegions() != 0)
      return op.emitOpError("has operations inside that would not be counted: run "
                            "tpc-flatten-control-flow and tpc-convert-linalg first");
    if (isa<ContractOp, AttentionOp, AttentionGradOp>(op))
      flops += static_cast<double>(cast<CostOpInterface>(op).getFlops());
  }
  return flops;
}

namespace {
struct CountFlops : tpc::impl::CountFlopsBase<CountFlops> {
  void runOnOperation() override {
    for (auto function : getOperation().getOps<func::FuncOp>()) {
      if (!function.isPublic())
        continue;
      FailureOr<double> flops = failure();
      if (succeeded(verifyGlobal(function)))
        flops = count(function);
      if (failed(flops))
        return signalPassFailure();
      function->setAttr("tpc.flops", FloatAttr::get(Float64Type::get(&getContext()), *flops));
    }
  }
};
} // namespace
