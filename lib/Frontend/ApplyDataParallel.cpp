//===- ApplyDataParallel.cpp - where parameters, gradients and state are stored -===//

#include "MeshRoles.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/Diagnostics.h"
#include "mlir/Pass/Pass.h"
#include "tpc/Frontend/Passes.h"
#include "llvm/ADT/StringMap.h"
#include "llvm/ADT/StringSwitch.h"

#define DEBUG_TYPE "tpc-apply-data-parallel"

using namespace mlir;

namespace tpc {
#define GEN_PASS_DEF_APPLYDATAPARALLEL
#include "tpc/Frontend/Passes.h.inc"
} // namespace tpc

using namespace tpc;

static constexpr StringLiteral kBackward = "tpc.backward", kUpdate = "tpc.update";

namespace {
enum class DataParallelMode { Ddp, Zero1, Zero2, Fsdp };

/// Layouts of one parameter and of what belongs to it.
struct StorageLayouts {
  LayoutAttr use;       ///< in computation: the plan's, without the storage axis
  LayoutAttr parameter; ///< between steps
  LayoutAttr shard;     ///< of its gradient and its optimizer state
};

/// Chooses layouts per parameter: the same in all functions.
class LayoutChooser {
public:
  LayoutChooser(MeshOp op, const AxisRef &axis, DataParallelMode mode)
      : symbol(FlatSymbolRefAttr::get(op.getSymNameAttr())), mesh(op.getMesh().getMesh()),
        axis(axis), mode(mode) {}

  /// Visits the parameters among the arguments. Fails if one is split over the storage axis
  /// already.
  LogicalResult addParameters(func::FuncOp function);
  const StorageLayouts *find(StringRef parameter) const {
    auto found = layouts.find(parameter);
    return found == layouts.end() ? nullptr : &found->second;
  }

private:
  LogicalResult add(BlockArgument argument, ParamAttr param);
  Layout getShard(Layout layout, BlockArgument argument, ParamAttr param) const;

  FlatSymbolRefAttr symbol;
  Mesh mesh;
  AxisRef axis;
  DataParallelMode mode;
  llvm::StringMap<StorageLayouts> layouts;
};

/// Rewrites one function.
class DataParallelApplier {
public:
  DataParallelApplier(func::FuncOp function, const LayoutChooser &layouts, StringRef reason)
      : function(function), layouts(layouts),
        reason(NameLoc::get(StringAttr::get(function.getContext(), reason))) {}

  void setArguments();
  void setResults();
  void constrainResults();
  unsigned gatherAgainInBackward();

private:
  const StorageLayouts *findOfResult(unsigned number);
  bool isParameter(unsigned number);
  void constrain(OpOperand &returned, LayoutAttr layout);

  func::FuncOp function;
  const LayoutChooser &layouts;
  Location reason; ///< the option, as an annotation's location
};
} // namespace

//===-- layouts ----------------------------------------------------------------===//

/// The first dimension, in Hugging Face's order, that the axis divides below what splits it
/// already. (FSDP2 takes dimension 0 and pads.)
Layout LayoutChooser::getShard(Layout layout, BlockArgument argument, ParamAttr param) const {
  ArrayRef<int64_t> shape = cast<RankedTensorType>(argument.getType()).getShape();
  for (unsigned dim = 0; dim < shape.size(); ++dim)
    if (shape[dim] % (getSize(layout.dims[dim]) * axis.size) == 0) {
      layout.dims[dim].push_back(axis);
      return layout;
    }
  emitRemark(argument.getLoc()) << "'" << param.getName() << "' is whole on every rank of "
                                << toString(axis, mesh) << ", which divides none of its dimensions";
  return layout;
}

LogicalResult LayoutChooser::add(BlockArgument argument, ParamAttr param) {
  LayoutAttr attribute = getLayout(argument);
  int64_t rank = cast<RankedTensorType>(argument.getType()).getRank();
  Layout layout = attribute ? attribute.getLayout(mesh) : Layout::replicated(rank);
  if (llvm::any_of(layout.getUsedAxes(),
                   [&](const AxisRef &used) { return used.axis == axis.axis; }))
    return emitError(argument.getLoc())
           << "parameter '" << param.getName() << "' is split over " << mesh.axes[axis.axis].name
           << " already, got " << toDTensorString(layout, mesh)
           << ": that axis is for the data-parallel mode to use";
  Layout shard = axis.size > 1 ? getShard(layout, argument, param) : layout;
  StorageLayouts &entry = layouts[param.getName()];
  entry.use = LayoutAttr::get(symbol, layout, mesh);
  entry.shard = LayoutAttr::get(symbol, shard, mesh);
  entry.parameter = mode == DataParallelMode::Fsdp ? entry.shard : entry.use;
  return success();
}

LogicalResult LayoutChooser::addParameters(func::FuncOp function) {
  for (BlockArgument argument : function.getArguments()) {
    unsigned number = argument.getArgNumber();
    auto param = function.getArgAttrOfType<ParamAttr>(number, TPCDialect::kParam);
    if (param && !function.getArgAttr(number, TPCDialect::kState) && !find(param.getName()) &&
        failed(add(argument, param)))
      return failure();
  }
  return success();
}

//===-- one function -----------------------------------------------------------===//

void DataParallelApplier::setArguments() {
  for (BlockArgument argument : function.getArguments()) {
    unsigned number = argument.getArgNumber();
    auto param = function.getArgAttrOfType<ParamAttr>(number, TPCDialect::kParam);
    const StorageLayouts *entry = param ? layouts.find(param.getName()) : nullptr;
    if (!entry)
      continue;
    bool isState = function.getArgAttr(number, TPCDialect::kState) != nullptr;
    setLayout(argument, isState ? entry->shard : entry->parameter);
    for (Operation *user : argument.getUsers())
      if (auto use = dyn_cast<UseOp>(user))
        setLayout(use.getResult(), entry->use);
  }
}

/// The parameter that a result is, updates, or is the gradient of; null for other results.
const StorageLayouts *DataParallelApplier::findOfResult(unsigned number) {
  auto param = function.getResultAttrOfType<ParamAttr>(number, TPCDialect::kParam);
  if (auto alias = function.getResultAttrOfType<IntegerAttr>(number, TPCDialect::kAlias))
    param = function.getArgAttrOfType<ParamAttr>(alias.getInt(), TPCDialect::kParam);
  if (auto gradient = function.getResultAttrOfType<StringAttr>(number, TPCDialect::kGradient))
    return layouts.find(gradient.getValue());
  return param ? layouts.find(param.getName()) : nullptr;
}

bool DataParallelApplier::isParameter(unsigned number) {
  if (auto alias = function.getResultAttrOfType<IntegerAttr>(number, TPCDialect::kAlias))
    return !function.getArgAttr(alias.getInt(), TPCDialect::kState);
  return !function.getResultAttr(number, TPCDialect::kState) &&
         !function.getResultAttr(number, TPCDialect::kGradient);
}

void DataParallelApplier::setResults() {
  for (unsigned number = 0; number < function.getNumResults(); ++number)
    if (const StorageLayouts *entry = findOfResult(number))
      function.setResultAttr(number, TPCDialect::kLayout,
                             isParameter(number) ? entry->parameter : entry->shard);
}

/// A gradient is brought to its shard, and a new parameter, which the update makes as a shard, to
/// its storage where it is made: so nothing larger is kept until the end of the step.
void DataParallelApplier::constrainResults() {
  for (OpOperand &returned : function.getBody().front().getTerminator()->getOpOperands()) {
    unsigned number = returned.getOperandNumber();
    const StorageLayouts *entry = findOfResult(number);
    if (!entry || !returned.get().getDefiningOp())
      continue;
    if (function.getResultAttr(number, TPCDialect::kGradient) && entry->shard != entry->use)
      constrain(returned, entry->shard);
    if (function.getResultAttr(number, TPCDialect::kAlias) && isParameter(number) &&
        entry->parameter != entry->shard)
      constrain(returned, entry->parameter);
  }
}

void DataParallelApplier::constrain(OpOperand &returned, LayoutAttr layout) {
  Value value = returned.get();
  OpBuilder builder(function.getContext());
  builder.setInsertionPointAfterValue(value);
  Location loc = builder.getFusedLoc({value.getLoc(), reason});
  auto request = ConstrainOp::create(builder, loc, value, layout, /*interior=*/false,
                                     /*module=*/StringAttr());
  for (StringRef phase : {kBackward, kUpdate})
    if (value.getDefiningOp()->hasAttr(phase))
      request->setAttr(phase, builder.getUnitAttr());
  value.replaceUsesWithIf(request.getResult(), [&](OpOperand &use) {
    Operation *user = use.getOwner();
    return user != request && (user->hasAttr(kUpdate) || isa<func::ReturnOp>(user));
  });
}

/// The operands of backward ops that are a use of `parameter`.
static SmallVector<OpOperand *> findBackwardUses(BlockArgument parameter) {
  SmallVector<OpOperand *> found;
  for (Operation *user : parameter.getUsers())
    if (isa<UseOp>(user))
      for (OpOperand &use : user->getUses())
        if (use.getOwner()->hasAttr(kBackward))
          found.push_back(&use);
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
unsigned DataParallelApplier::gatherAgainInBackward() {
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
    auto barrier = BarrierOp::create(builder, forwardUse.getLoc(), argument);
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
    if (*parsed == DataParallelMode::Ddp)
      return success();
    MeshOp mesh = getMesh(getOperation());
    if (!mesh)
      return getOperation().emitError("expects one tpc.mesh");
    FailureOr<MeshRoles> roles = MeshRoles::read(mesh);
    if (failed(roles))
      return failure();
    if (!roles->storage)
      return mesh.emitError() << mode
                              << " stores parts of the model on the ranks of the mesh axis dp, "
                              << "or replica and shard, which this mesh has not: add dp=1 or more";
    return apply(mesh, AxisRef::whole(mesh.getMesh().getMesh(), *roles->storage), *parsed);
  }

  LogicalResult apply(MeshOp mesh, const AxisRef &axis, DataParallelMode parsed) {
    LayoutChooser layouts(mesh, axis, parsed);
    for (auto function : getOperation().getOps<func::FuncOp>())
      if (!function.isExternal() && failed(layouts.addParameters(function)))
        return failure();
    for (auto function : getOperation().getOps<func::FuncOp>()) {
      if (function.isExternal())
        continue;
      DataParallelApplier applier(function, layouts, "--dp-mode=" + mode);
      applier.setArguments();
      applier.setResults();
      applier.constrainResults();
      if (parsed == DataParallelMode::Fsdp && reshardAfterForward)
        numGathers += applier.gatherAgainInBackward();
    }
    return success();
  }
};
} // namespace
