//===- CountFlops.cpp - the work that model FLOPs utilization is about ---------===//

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "tpc/Dialect/TPCDialect.h"
#include "tpc/Sharding/MachineModel.h"
#include "tpc/Target/Manifest.h"
#include "tpc/Target/Passes.h"
#include "llvm/ADT/MapVector.h"

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

namespace {
/// Floating-point, as a step of a large model has more than 64 bits count.
struct ModelFlops {
  double causal = 0, palm = 0;
  llvm::MapVector<Type, double> byType; ///< causal, by the type of the first operand's elements
};
} // namespace

/// The operations of products and attention. Fails at an op whose own operations are out of sight.
static FailureOr<ModelFlops> count(func::FuncOp function) {
  ModelFlops flops;
  for (Operation &op : function.getOps()) {
    if (isa<CallOpInterface>(op) || op.getNumRegions() != 0)
      return op.emitOpError("has operations inside that would not be counted: run "
                            "tpc-flatten-control-flow and tpc-convert-linalg first");
    if (auto cost = dyn_cast<CostOpInterface>(op)) {
      auto causal = static_cast<double>(cost.getModelFlops(/*masked=*/false));
      flops.causal += causal;
      if (causal > 0)
        flops.byType[getElementTypeOrSelf(op.getOperand(0))] += causal;
      flops.palm += static_cast<double>(cost.getModelFlops(/*masked=*/true));
    }
  }
  return flops;
}

namespace {
struct CountFlops : tpc::impl::CountFlopsBase<CountFlops> {
  using CountFlopsBase::CountFlopsBase;

  void runOnOperation() override {
    llvm::MapVector<Type, double> byType;
    for (auto function : getOperation().getOps<func::FuncOp>()) {
      if (!function.isPublic())
        continue;
      FailureOr<ModelFlops> flops = failure();
      if (succeeded(verifyGlobal(function)))
        flops = count(function);
      if (failed(flops))
        return signalPassFailure();
      for (auto [type, count] : flops->byType)
        byType[type] += count;
      Builder builder(&getContext());
      function->setAttr(TPCDialect::kFlops, builder.getF64FloatAttr(flops->causal));
      function->setAttr(TPCDialect::kPalmFlops, builder.getF64FloatAttr(flops->palm));
    }
    if (!machine.empty() && failed(attachPeak(byType)))
      signalPassFailure();
  }

  LogicalResult attachPeak(const llvm::MapVector<Type, double> &byType);
};
} // namespace

LogicalResult CountFlops::attachPeak(const llvm::MapVector<Type, double> &byType) {
  llvm::Expected<MachineModel> model = MachineModel::load(machine);
  if (!model)
    return getOperation().emitError(llvm::toString(model.takeError()));
  std::string type;
  if (auto most = llvm::max_element(byType, llvm::less_second()); most != byType.end())
    llvm::raw_string_ostream(type) << most->first;
  Builder builder(&getContext());
  getOperation()->setAttr(
      kPeak, builder.getDictionaryAttr(
                 {builder.getNamedAttr("machine", builder.getStringAttr(model->name)),
                  builder.getNamedAttr("flops", builder.getF64FloatAttr(model->getFlops(type)))}));
  return success();
}
