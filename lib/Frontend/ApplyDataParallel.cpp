//===- ApplyDataParallel.cpp - the pass tpc-apply-data-parallel ----------------===//

#include "MeshRoles.h"
#include "StorageLayouts.h"
#include "mlir/IR/Diagnostics.h"
#include "mlir/Pass/Pass.h"
#include "tpc/Dialect/SignatureAttributes.h"
#include "tpc/Frontend/Passes.h"
#include "llvm/ADT/StringSwitch.h"

#define DEBUG_TYPE "tpc-apply-data-parallel"

using namespace mlir;

namespace tpc {
#define GEN_PASS_DEF_APPLYDATAPARALLEL
#include "tpc/Frontend/Passes.h.inc"
} // namespace tpc

using namespace tpc;

static constexpr StringLiteral kBackward = "tpc.backward", kUpdate = "tpc.update";

//===-- reshards where values are made -----------------------------------------===//

/// Brings a returned value to `layout` right behind the op that makes it. The update takes it from
/// there, too.
static void reshard(OpOperand &returned, LayoutAttr layout, Location reason) {
  Value value = returned.get();
  if (!value.getDefiningOp())
    return;
  OpBuilder builder(layout.getContext());
  builder.setInsertionPointAfterValue(value);
  auto made =
      ReshardOp::create(builder, builder.getFusedLoc({value.getLoc(), reason}), value, layout);
  for (StringRef phase : {kBackward, kUpdate})
    if (value.getDefiningOp()->hasAttr(phase))
      made->setAttr(phase, builder.getUnitAttr());
  value.replaceUsesWithIf(made.getResult(), [&](OpOperand &use) {
    Operation *user = use.getOwner();
    return user != made && (user->hasAttr(kUpdate) || isa<func::ReturnOp>(user));
  });
}

/// The sum over data-parallel ranks is formed where a gradient is made, as it will be returned: so
/// nothing larger is kept until the end of the step.
static void reshardGradients(func::FuncOp function, Location reason) {
  for (OpOperand &returned : function.getBody().front().getTerminator()->getOpOperands()) {
    unsigned number = returned.getOperandNumber();
    auto layout = function.getResultAttrOfType<LayoutAttr>(number, TPCDialect::kLayout);
    if (layout && function.getResultAttr(number, TPCDialect::kGradient))
      reshard(returned, layout, reason);
  }
}

//===-- layouts of arguments and results ---------------------------------------===//

/// The uses of a parameter, as it is or cast.
static SmallVector<UseOp> getUses(BlockArgument parameter) {
  SmallVector<UseOp> uses;
  SmallVector<Value> stored{parameter};
  while (!stored.empty())
    for (Operation *user : stored.pop_back_val().getUsers())
      if (auto use = dyn_cast<UseOp>(user))
        uses.push_back(use);
      else if (user->getNumResults() == 1 && getStoredParameter(user->getResult(0)) == parameter)
        stored.push_back(user->getResult(0));
  return uses;
}

namespace {
/// Gives the arguments and results of one function the layouts of a mode.
class StorageSetter {
public:
  StorageSetter(func::FuncOp function, const StorageChooser &layouts)
      : function(function), layouts(layouts) {}

  /// Uses that gather say why: `reason` joins their location.
  void setArguments(Location reason);
  void setResults();
  /// A new parameter, which the update makes as a shard, is brought to its storage where it is
  /// made.
  void reshardParameters(Location reason);

private:
  const StorageLayouts *findOfResult(unsigned number);
  bool isParameter(unsigned number);

  func::FuncOp function;
  const StorageChooser &layouts;
};
} // namespace

void StorageSetter::setArguments(Location reason) {
  SignatureAttributes signature(function);
  for (BlockArgument argument : function.getArguments()) {
    unsigned number = argument.getArgNumber();
    auto param = function.getArgAttrOfType<ParamAttr>(number, TPCDialect::kParam);
    const StorageLayouts *entry = param ? layouts.find(param.getName()) : nullptr;
    if (!entry)
      continue;
    bool isState = function.getArgAttr(number, TPCDialect::kState) != nullptr;
    signature.setArgument(number, TPCDialect::kLayout, isState ? entry->shard : entry->parameter);
    for (UseOp use : getUses(argument)) {
      setLayout(use.getResult(), entry->use);
      if (entry->use != entry->parameter)
        use->setLoc(FusedLoc::get(function.getContext(), {use.getLoc(), reason}));
    }
  }
  signature.write();
}

/// The parameter that a result is, updates, or is the gradient of; null for other results.
const StorageLayouts *StorageSetter::findOfResult(unsigned number) {
  auto param = function.getResultAttrOfType<ParamAttr>(number, TPCDialect::kParam);
  if (auto alias = function.getResultAttrOfType<IntegerAttr>(number, TPCDialect::kAlias))
    param = function.getArgAttrOfType<ParamAttr>(alias.getInt(), TPCDialect::kParam);
  if (auto gradient = function.getResultAttrOfType<StringAttr>(number, TPCDialect::kGradient))
    return layouts.find(gradient.getValue());
  return param ? layouts.find(param.getName()) : nullptr;
}

bool StorageSetter::isParameter(unsigned number) {
  if (auto alias = function.getResultAttrOfType<IntegerAttr>(number, TPCDialect::kAlias))
    return !function.getArgAttr(alias.getInt(), TPCDialect::kState);
  return !function.getResultAttr(number, TPCDialect::kState) &&
         !function.getResultAttr(number, TPCDialect::kGradient);
}

void StorageSetter::setResults() {
  SignatureAttributes signature(function);
  for (unsigned number = 0; number < function.getNumResults(); ++number)
    if (const StorageLayouts *entry = findOfResult(number))
      signature.setResult(number, TPCDialect::kLayout,
                          isParameter(number) ? entry->parameter : entry->shard);
  signature.write();
}

void StorageSetter::reshardParameters(Location reason) {
  for (OpOperand &returned : function.getBody().front().getTerminator()->getOpOperands()) {
    unsigned number = returned.getOperandNumber();
    const StorageLayouts *entry = findOfResult(number);
    if (entry && function.getResultAttr(number, TPCDialect::kAlias) && isParameter(number) &&
        entry->parameter != entry->shard)
      reshard(returned, entry->parameter, reason);
  }
}

//===-- the second gather ------------------------------------------------------===//

/// The operands of backward ops that are a use of `parameter`.
static SmallVector<OpOperand *> findBackwardUses(BlockArgument parameter) {
  SmallVector<OpOperand *> found;
  for (UseOp use : getUses(parameter))
    for (OpOperand &operand : use->getUses())
      if (operand.getOwner()->hasAttr(kBackward))
        found.push_back(&operand);
  return found;
}

static Operation *findFirstOwner(ArrayRef<OpOperand *> operands) {
  return (*llvm::min_element(operands,
                             [](OpOperand *a, OpOperand *b) {
                               return a->getOwner()->isBeforeInBlock(b->getOwner());
                             }))
      ->getOwner();
}

/// Gives the backward ops a use of their own of each parameter that is gathered, behind a barrier;
/// returns how many.
static unsigned gatherAgainInBackward(func::FuncOp function) {
  unsigned count = 0;
  for (BlockArgument argument : function.getArguments()) {
    SmallVector<OpOperand *> operands = findBackwardUses(argument);
    if (operands.empty())
      continue;
    auto forwardUse = operands.front()->get().getDefiningOp<UseOp>();
    LayoutAttr layout = getLayout(forwardUse.getResult());
    if (layout == getLayout(argument))
      continue;
    OpBuilder builder(findFirstOwner(operands));
    auto barrier = BarrierOp::create(builder, forwardUse.getLoc(), forwardUse.getInput());
    auto use = UseOp::create(builder, forwardUse.getLoc(), barrier);
    setLayout(use.getResult(), layout);
    for (Operation *op : {barrier.getOperation(), use.getOperation()})
      op->setAttr(kBackward, builder.getUnitAttr());
    for (OpOperand *operand : operands)
      operand->set(use.getResult());
    ++count;
  }
  return count;
}

//===-- the pass ---------------------------------------------------------------===//

static std::optional<DataParallelMode> parseMode(StringRef mode) {
  return llvm::StringSwitch<std::optional<DataParallelMode>>(mode)
      .Case("ddp", DataParallelMode::Ddp)
      .Case("zero1", DataParallelMode::Zero1)
      .Case("zero2", DataParallelMode::Zero2)
      .Case("fsdp", DataParallelMode::Fsdp)
      .Default(std::nullopt);
}

namespace {
struct ApplyDataParallel : tpc::impl::ApplyDataParallelBase<ApplyDataParallel> {
  using Base::Base;

  void runOnOperation() override {
    if (failed(run()))
      signalPassFailure();
  }

private:
  LogicalResult run() {
    std::optional<DataParallelMode> parsed = parseMode(mode);
    if (!parsed)
      return getOperation().emitError("mode is ddp, zero1, zero2 or fsdp, got '") << mode << "'";
    MeshOp mesh = getMesh(getOperation());
    if (!mesh)
      return getOperation().emitError("expects one tpc.mesh");
    FailureOr<MeshRoles> roles = MeshRoles::read(mesh);
    if (failed(roles))
      return failure();
    if (*parsed != DataParallelMode::Ddp && !roles->storage)
      return mesh.emitError() << mode
                              << " stores parts of the model on the ranks of the mesh axis dp, "
                              << "or replica and shard, which this mesh has not: add dp=1 or more";
    if (*parsed != DataParallelMode::Ddp &&
        failed(
            setLayouts(mesh, AxisRef::whole(mesh.getMesh().getMesh(), *roles->storage), *parsed)))
      return failure();
    if (getSize(roles->batch) > 1)
      for (auto function : getFunctions())
        reshardGradients(function, getReason());
    return success();
  }

  /// The option, as an annotation's location.
  Location getReason() { return NameLoc::get(StringAttr::get(&getContext(), "--dp-mode=" + mode)); }

  SmallVector<func::FuncOp> getFunctions() {
    return llvm::to_vector(
        llvm::make_filter_range(getOperation().getOps<func::FuncOp>(),
                                [](func::FuncOp function) { return !function.isExternal(); }));
  }

  LogicalResult setLayouts(MeshOp mesh, const AxisRef &axis, DataParallelMode parsed) {
    StorageChooser layouts(mesh, axis, parsed);
    for (func::FuncOp function : getFunctions())
      if (failed(layouts.addParameters(function)))
        return failure();
    for (func::FuncOp function : getFunctions()) {
      StorageSetter setter(function, layouts);
      setter.setArguments(getReason());
      setter.setResults();
      setter.reshardParameters(getReason());
      if (parsed == DataParallelMode::Fsdp && reshardAfterForward)
        numGathers += gatherAgainInBackward(function);
    }
    return success();
  }
};
} // namespace
