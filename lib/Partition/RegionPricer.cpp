//===- RegionPricer.cpp ---------------------------------------------------===//

#include "RegionPricer.h"
#include "mlir/Pass/PassManager.h"
#include "tpc/Dialect/SignatureAttributes.h"
#include "tpc/Instrumentation/PassStatistics.h"
#include "tpc/Partition/InsertReshards.h"
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
  SignatureAttributes signature(function);
  for (unsigned number = 0; number < function.getNumArguments(); ++number) {
    auto alternative = function.getArgAttrOfType<LayoutAttr>(number, TPCDialect::kAlternative);
    if (!alternative)
      continue;
    if (takes(function.getArgAttrOfType<ParamAttr>(number, TPCDialect::kParam)))
      signature.setArgument(number, TPCDialect::kLayout, alternative);
    signature.removeArgument(number, TPCDialect::kAlternative);
  }
  signature.write();
}

/// A barrier of the gradient stands for the update: any op would do that lies as its operand does,
/// and this one costs nothing.
void tpc::addUpdates(func::FuncOp function) {
  llvm::StringMap<unsigned> numberOf;
  for (unsigned number = 0; number < function.getNumArguments(); ++number)
    if (auto param = function.getArgAttrOfType<ParamAttr>(number, TPCDialect::kParam))
      numberOf[param.getName()] = number;
  Operation *returned = function.getBody().front().getTerminator();
  OpBuilder builder(returned);
  for (unsigned result = 0, results = function.getNumResults(); result < results; ++result) {
    auto gradient = function.getResultAttrOfType<StringAttr>(result, TPCDialect::kGradient);
    if (!gradient || !numberOf.count(gradient.getValue()))
      continue;
    Value value = returned->getOperand(result);
    auto updated = BarrierOp::create(builder, value.getLoc(), value);
    updated->setAttr("tpc.update", builder.getUnitAttr());
    unsigned number = function.getNumResults();
    auto alias = builder.getI64IntegerAttr(numberOf.lookup(gradient.getValue()));
    returned->insertOperands(number, updated.getResult());
    (void)function.insertResult(
        number, value.getType(),
        builder.getDictionaryAttr(builder.getNamedAttr(TPCDialect::kAlias, alias)));
  }
}

LogicalResult RegionPricer::partition(ModuleOp module, bool strict) {
  PassStatisticsPause pause;
  ScopedDiagnosticHandler silence(module.getContext(), [](Diagnostic &) { return success(); });
  PassManager manager(module.getContext());
  manager.enableVerifier(false); // the program itself is verified after the same passes
  manager.addPass(createApplyDataParallel(storage));
  PropagateLayoutsOptions propagation;
  propagation.machine = machine;
  manager.addPass(createPropagateLayouts(propagation));
  manager.addPass(createPadUneven());
  if (failed(manager.run(module)))
    return failure();
  FailureOr<InsertedReshards> inserted = insertReshards(module, context, planner, strict);
  sawDepartures |= succeeded(inserted) && inserted->departures > 0;
  return success(succeeded(inserted));
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
  return partitionAndPrice(*trial, keepsRequests);
}

std::optional<ProgramPrice> RegionPricer::partitionAndPrice(ModuleOp module, bool strict) {
  auto function = *module.getOps<func::FuncOp>().begin();
  addUpdates(function);
  if (failed(partition(module, strict)))
    return std::nullopt;
  FailureOr<ProgramPrice> price = priceProgram(function, context, planner);
  return succeeded(price) ? std::optional(*price) : std::nullopt;
}

std::optional<ProgramPrice> RegionPricer::priceWhole(func::FuncOp function, bool strict,
                                                     llvm::function_ref<bool(ConstrainOp)> drops,
                                                     llvm::function_ref<bool(ParamAttr)> takes) {
  OwningOpRef<ModuleOp> trial = ModuleOp::create(function.getLoc());
  OpBuilder builder = OpBuilder::atBlockEnd(trial->getBody());
  builder.clone(*getMesh(function->getParentOfType<ModuleOp>()));
  auto program = cast<func::FuncOp>(builder.clone(*function));
  dropInterior(program, drops);
  settleParameters(program, takes);
  return partitionAndPrice(*trial, strict);
}

std::optional<ProgramPrice> RegionPricer::price(func::FuncOp function,
                                                llvm::function_ref<bool(ConstrainOp)> drops,
                                                llvm::function_ref<bool(ParamAttr)> takes) {
  return priceWhole(function, /*strict=*/false, drops, takes);
}

std::optional<ProgramPrice> RegionPricer::priceLiterally(func::FuncOp function) {
  return priceWhole(
      function, /*strict=*/true, [](ConstrainOp) { return false; },
      [](ParamAttr) { return false; });
}
