//===- Reducer.cpp -----------------------------------------------------------------===//

#include "Reducer.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "tpc/Dialect/TPCDialect.h"

using namespace mlir;
using namespace tpc;
using namespace tpc::fuzz;

/// Ways to make a program smaller. Each tries its `number`-th place: false if there is none.
using Reduction = bool (*)(func::FuncOp function, unsigned number, bool &changed);

static Operation *getReturn(func::FuncOp function) {
  return function.getBody().front().getTerminator();
}

//===-- what can be taken away ---------------------------------------------------------===//

static bool dropResult(func::FuncOp function, unsigned number, bool &changed) {
  if (number >= function.getNumResults())
    return false;
  changed = function.getNumResults() > 1;
  if (changed) {
    getReturn(function)->eraseOperand(number);
    (void)function.eraseResult(number);
  }
  return true;
}

static Operation *getOp(func::FuncOp function, unsigned number) {
  Block &body = function.getBody().front();
  unsigned count = body.getOperations().size() - 1;
  return number < count ? &*std::prev(body.end(), number + 2) : nullptr;
}

/// The op's operand of its result's type takes its place.
static bool bypass(func::FuncOp function, unsigned number, bool &changed) {
  Operation *op = getOp(function, number);
  if (!op)
    return false;
  for (Value operand : op->getOperands())
    if (op->getNumResults() == 1 && operand.getType() == op->getResult(0).getType()) {
      op->getResult(0).replaceAllUsesWith(operand);
      changed = true;
      return true;
    }
  return true;
}

/// The op's float results become arguments.
static bool cut(func::FuncOp function, unsigned number, bool &changed) {
  Operation *op = getOp(function, number);
  if (!op)
    return false;
  if (op->getNumOperands() == 0)
    return true;
  for (Value result : op->getResults()) {
    auto type = dyn_cast<RankedTensorType>(result.getType());
    if (!type || !isa<FloatType>(type.getElementType()) || result.use_empty())
      continue;
    unsigned argument = function.getNumArguments();
    (void)function.insertArgument(argument, type, {}, op->getLoc());
    result.replaceAllUsesWith(function.getArgument(argument));
    changed = true;
  }
  return true;
}

static bool dropArgumentLayout(func::FuncOp function, unsigned number, bool &changed) {
  if (number >= function.getNumArguments())
    return false;
  changed = function.removeArgAttr(number, TPCDialect::kLayout) != nullptr;
  return true;
}

static bool dropParameter(func::FuncOp function, unsigned number, bool &changed) {
  if (number >= function.getNumArguments())
    return false;
  changed = function.removeArgAttr(number, TPCDialect::kParam) != nullptr;
  return true;
}

static bool dropResultLayout(func::FuncOp function, unsigned number, bool &changed) {
  if (number >= function.getNumResults())
    return false;
  auto name = StringAttr::get(function.getContext(), TPCDialect::kLayout);
  changed = function.removeResultAttr(number, name) != nullptr;
  return true;
}

//===-- layouts ------------------------------------------------------------------------===//

/// Without the `number`-th axis, counted over its dimensions; null past the last.
static LayoutAttr dropAxis(LayoutAttr layout, unsigned &number) {
  SmallVector<DimLayoutAttr> dims(layout.getDims());
  for (DimLayoutAttr &dim : dims) {
    if (number >= dim.getAxes().size()) {
      number -= dim.getAxes().size();
      continue;
    }
    SmallVector<AxisAttr> axes(dim.getAxes());
    axes.erase(axes.begin() + number);
    dim = DimLayoutAttr::get(layout.getContext(), axes, dim.getOpen());
    return LayoutAttr::get(layout.getContext(), layout.getMesh(), dims, layout.getPartialKind(),
                           layout.getPartial());
  }
  return {};
}

/// Takes one axis off the layout of one argument, constraint or result.
static bool simplifyLayout(func::FuncOp function, unsigned number, bool &changed) {
  auto name = StringAttr::get(function.getContext(), TPCDialect::kLayout);
  auto shrink = [&](LayoutAttr layout) { return layout ? dropAxis(layout, number) : LayoutAttr(); };
  changed = true;
  for (unsigned i = 0; i < function.getNumArguments(); ++i)
    if (LayoutAttr smaller = shrink(function.getArgAttrOfType<LayoutAttr>(i, name))) {
      function.setArgAttr(i, name, smaller);
      return true;
    }
  for (unsigned i = 0; i < function.getNumResults(); ++i)
    if (LayoutAttr smaller = shrink(function.getResultAttrOfType<LayoutAttr>(i, name))) {
      function.setResultAttr(i, name, smaller);
      return true;
    }
  for (auto op : function.getOps<ConstrainOp>())
    if (LayoutAttr smaller = shrink(op.getLayout())) {
      op.setLayoutAttr(smaller);
      return true;
    }
  return changed = false;
}

/// An axis of the mesh becomes one of size one; fails where a layout uses a part of it.
static bool shrinkMesh(func::FuncOp function, unsigned number, bool &changed) {
  MeshOp op = getMesh(function->getParentOfType<ModuleOp>());
  Mesh mesh = op.getMesh().getMesh();
  if (number >= mesh.axes.size())
    return false;
  changed = mesh.axes[number].size > 1;
  mesh.axes[number].size = 1;
  op.setMeshAttr(MeshAttr::get(op.getContext(), mesh));
  return true;
}

//===-- the search -----------------------------------------------------------------------===//

/// What nobody uses goes with what was taken away.
static void eraseUnused(func::FuncOp function) {
  for (Operation &op : llvm::make_early_inc_range(llvm::reverse(function.getBody().front())))
    if (!isa<func::ReturnOp>(op) && op.use_empty())
      op.erase();
  for (unsigned i = function.getNumArguments(); i-- > 0;)
    if (function.getNumArguments() > 1 && function.getArgument(i).use_empty())
      (void)function.eraseArgument(i);
}

/// Tries every place of one kind; true if anything went.
static bool exhaust(FuzzCase &fuzzCase, Reduction reduction,
                    llvm::function_ref<bool(const FuzzCase &)> fails) {
  bool any = false;
  for (unsigned number = 0;;) {
    FuzzCase smaller = fuzzCase.clone();
    func::FuncOp function = *smaller.module->getOps<func::FuncOp>().begin();
    bool changed = false;
    if (!reduction(function, number, changed))
      return any;
    eraseUnused(function);
    if (!changed || !fails(smaller)) {
      ++number;
      continue;
    }
    fuzzCase = std::move(smaller);
    any = true;
  }
}

void tpc::fuzz::reduce(FuzzCase &fuzzCase, llvm::function_ref<bool(const FuzzCase &)> fails) {
  static const Reduction reductions[] = {
      dropResult,         cut,           bypass,           shrinkMesh,
      dropArgumentLayout, dropParameter, dropResultLayout, simplifyLayout};
  FuzzCase plain = fuzzCase.clone();
  plain.storageAxes.clear();
  if (fails(plain))
    fuzzCase = std::move(plain);
  for (bool any = true; any;) {
    any = false;
    for (Reduction reduction : reductions)
      any |= exhaust(fuzzCase, reduction, fails);
  }
}
