//===- RegionPricer.cpp ---------------------------------------------------===//

#include "RegionPricer.h"
#include "mlir/Pass/PassManager.h"
#include "tpc/Instrumentation/PassStatistics.h"
#include "tpc/Partition/Passes.h"
#include "tpc/Propagation/Passes.h"

using namespace mlir;
using namespace tpc;

unsigned tpc::dropInterior(func::FuncOp function, llvm::function_ref<bool(ConstrainOp)> drops) {
  unsigned dropped = 0;
  for (auto request : llvm::make_early_inc_range(function.getOps<ConstrainOp>())) {
    if (!request.getInterior() || !drops(request))
      continue;
    request.replaceAllUsesWith(request.getInput());
    request.erase();
    ++dropped;
  }
  return dropped;
}

void tpc::settleParameters(func::FuncOp function, llvm::function_ref<bool(ParamAttr)> takes) {
  for (BlockArgument argument : function.getArguments()) {
    unsigned number = argument.getArgNumber();
    auto alternative = function.getArgAttrOfType<LayoutAttr>(number, TPCDialect::kAlternative);
    if (!alternative)
      continue;
    if (takes(function.getArgAttrOfType<ParamAttr>(number, TPCDialect::kParam)))
      setLayout(argument, alternative);
    function.removeArgAttr(number, TPCDialect::kAlternative);
  }
}

static LogicalResult partition(ModuleOp module, StringRef machine, StringRef policy) {
  PassStatisticsPause pause;
  ScopedDiagnosticHandler silence(module.getContext(), [](Diagnostic &) { return success(); });
  PassManager manager(module.getContext());
  manager.addPass(createPropagateLayouts());
  manager.addPass(createPadUneven());
  InsertReshardsOptions options;
  options.machine = machine.str();
  options.policy = policy.str();
  manager.addPass(createInsertReshards(options));
  return manager.run(module);
}

std::optional<ProgramPrice> RegionPricer::price(const RegionProgram &region,
                                                const RegionAlternative &way) {
  OwningOpRef<ModuleOp> trial = region.module.get().clone();
  auto function = *trial->getOps<func::FuncOp>().begin();
  if (way.dropsInterior)
    dropInterior(function, [](ConstrainOp) { return true; });
  settleParameters(function, [&](ParamAttr) { return way.takesAlternative; });
  bool keepsRequests = llvm::any_of(function.getOps<ConstrainOp>(),
                                    [](ConstrainOp request) { return request.getInterior(); });
  if (failed(partition(*trial, machine, keepsRequests ? "strict" : "optimize")))
    return std::nullopt;
  FailureOr<ProgramPrice> price = priceProgram(function, context, planner);
  return succeeded(price) ? std::optional(*price) : std::nullopt;
}
