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

namespace {
struct CountFlops : tpc::impl::CountFlopsBase<CountFlops> {
  void runOnOperation() override {
    for (auto function : getOperation().getOps<func::FuncOp>()) {
      if (!function.isPublic())
        continue;
      int64_t flops = 0;
      function.walk([&](CostOpInterface op) {
        if (isa<ContractOp, AttentionOp, AttentionGradOp>(op))
          flops += op.getFlops();
      });
      function->setAttr("tpc.flops", IntegerAttr::get(IntegerType::get(&getContext(), 64), flops));
    }
  }
};
} // namespace
