//===- KernelGroup.cpp ---------------------------------------------------------===//

#include "KernelGroup.h"
#include "mlir/Dialect/Arith/IR/Arith.h"

using namespace mlir;
using namespace tpc;

/// Elements of a member are whole vectors of any target, and so is where it begins in the group.
static constexpr int64_t kElementMultiple = 16;

//===-- what members have in common --------------------------------------------===//

namespace {
/// Writes a kernel's body without the sizes of its tensors.
class Likeness {
public:
  explicit Likeness(const KernelPlan &plan) : plan(plan), stream(text) {}

  /// False if the kernel can be in no group.
  bool addKernel(func::FuncOp kernel);
  std::string take() { return std::move(text); }

private:
  bool addOp(Operation *op);
  bool addAttributes(Operation *op);
  void define(Value value);

  const KernelPlan &plan;
  std::string text;
  llvm::raw_string_ostream stream;
  llvm::DenseMap<Value, size_t> numbers;
};
} // namespace

/// The value's number, element type, and whether it has a value for all, per row, or per element.
void Likeness::define(Value value) {
  auto type = cast<RankedTensorType>(value.getType());
  stream << " %" << numbers.try_emplace(value, numbers.size()).first->second << ":"
         << (type.getRank() == 0                ? "scalar "
             : plan.space.isFull(type)          ? "full "
             : plan.isRowValue(value.getType()) ? "row "
                                                : "column ")
         << type.getElementType();
}

bool Likeness::addAttributes(Operation *op) {
  if (auto constant = dyn_cast<arith::ConstantOp>(op)) {
    auto elements = dyn_cast<DenseElementsAttr>(constant.getValue());
    if (!elements || !elements.isSplat())
      return false;
    stream << " " << elements.getSplatValue<Attribute>();
    return true;
  }
  if (auto broadcast = dyn_cast<BroadcastOp>(op)) {
    stream << " " << static_cast<int>(getBroadcastKind(broadcast));
    return true;
  }
  if (auto reduce = dyn_cast<ReduceOp>(op)) {
    stream << " " << static_cast<int>(reduce.getKind().getValue());
    return true;
  }
  stream << " " << op->getAttrDictionary();
  return OpTrait::hasElementwiseMappableTraits(op);
}

bool Likeness::addOp(Operation *op) {
  stream << "\n" << op->getName();
  for (Value operand : op->getOperands())
    stream << " %" << numbers.lookup(operand);
  if (isa<func::ReturnOp>(op))
    return true;
  if (!addAttributes(op))
    return false;
  for (Value result : op->getResults())
    define(result);
  return true;
}

bool Likeness::addKernel(func::FuncOp kernel) {
  stream << (plan.loop == KernelLoop::Rows ? plan.rowLength : 0);
  if (!llvm::all_of(kernel.getArgumentTypes(), llvm::IsaPred<RankedTensorType>))
    return false;
  for (BlockArgument argument : kernel.getArguments())
    define(argument);
  return llvm::all_of(kernel.getBody().front(), [&](Operation &op) { return addOp(&op); });
}

std::string KernelGroup::getLikeness(func::FuncOp kernel) {
  if (kernel.isExternal() || isGroup(kernel))
    return {};
  FailureOr<KernelPlan> plan = KernelPlan::get(kernel);
  if (failed(plan) || plan->space.shape.empty())
    return {};
  int64_t elements = plan->space.getRows() * plan->space.getColumns();
  bool whole = plan->loop == KernelLoop::Elements && elements % kElementMultiple == 0;
  if (elements == 0 || !(whole || plan->loop == KernelLoop::Rows))
    return {};
  Likeness likeness(*plan);
  return likeness.addKernel(kernel) ? likeness.take() : std::string();
}

//===-- groups -----------------------------------------------------------------===//

bool KernelGroup::isGroup(func::FuncOp kernel) {
  return kernel->hasAttr(TPCDialect::kKernel) && !kernel.isExternal() &&
         isa<LaunchOp>(kernel.getBody().front().front());
}

LogicalResult KernelGroup::findMembers() {
  std::string likeness;
  for (Operation &op : group.getBody().front().without_terminator()) {
    auto launch = dyn_cast<LaunchOp>(op);
    if (!launch)
      return op.emitOpError("is no launch, but stands in a group of kernels");
    auto member =
        SymbolTable::lookupNearestSymbolFrom<func::FuncOp>(launch, launch.getKernelAttr());
    std::string own = member ? getLikeness(member) : std::string();
    if (own.empty() || (!members.empty() && own != likeness))
      return launch.emitOpError("expects '")
             << launch.getKernel() << "' to be an elementwise kernel, or one of rows, that differs "
             << "from the group's others in sizes only";
    likeness = own;
    launches.push_back(launch);
    members.push_back(member);
  }
  return success();
}

LogicalResult KernelGroup::findPositions() {
  unsigned operands = members.front().getNumArguments(), results = members.front().getNumResults();
  auto getNumber = [&](size_t member, unsigned operand) -> int64_t {
    auto argument = dyn_cast<BlockArgument>(launches[member].getInputs()[operand]);
    return argument ? argument.getArgNumber() : -1;
  };
  for (unsigned operand = 0; operand < operands; ++operand) {
    int64_t first = getNumber(0, operand);
    int64_t stride = members.size() > 1 ? getNumber(1, operand) - first : 0;
    for (size_t member = 0; member < members.size(); ++member)
      if (first < 0 || getNumber(member, operand) != first + static_cast<int64_t>(member) * stride)
        return launches[member].emitOpError("expects operand ")
               << operand << " as far from that of the launch before as in the group's others";
    positions.push_back({first, stride});
  }
  for (unsigned result = 0; result < results; ++result)
    positions.push_back({group.getNumArguments() + result, results});
  SmallVector<Value> all;
  for (LaunchOp launch : launches)
    llvm::append_range(all, launch.getResults());
  if (!llvm::equal(group.getBody().front().getTerminator()->getOperands(), all))
    return group.emitOpError("expects to return the results of its launches in order");
  return success();
}

SmallVector<func::FuncOp> KernelGroup::getGroups(ModuleOp module) {
  return llvm::filter_to_vector(module.getOps<func::FuncOp>(), isGroup);
}

FailureOr<KernelGroup> KernelGroup::get(func::FuncOp group) {
  KernelGroup result(group);
  if (failed(result.findMembers()) || failed(result.findPositions()))
    return failure();
  return result;
}

func::FuncOp KernelGroup::getLargest() const {
  return *llvm::max_element(members, [](func::FuncOp a, func::FuncOp b) {
    return KernelInfo::get(a).extent < KernelInfo::get(b).extent;
  });
}

/// Written over one member's tensors are that member's results only.
KernelInfo KernelGroup::getInfo() const {
  KernelInfo info;
  info.extent = 0;
  for (size_t number = 0; number < members.size(); ++number) {
    func::FuncOp member = members[number];
    KernelInfo own = KernelInfo::get(member);
    info.extent += own.extent;
    info.grain = own.grain;
    for (unsigned result = 0; result < member.getNumResults(); ++result) {
      SmallVector<int64_t> &allowed = info.inPlace.emplace_back();
      for (unsigned operand = 0; operand < member.getNumArguments(); ++operand)
        if (positions[operand].stride && own.allowsInPlace(result, operand))
          allowed.push_back(positions[operand].first +
                            static_cast<int64_t>(number) * positions[operand].stride);
    }
  }
  return info;
}

void tpc::eraseUnusedMembers(ArrayRef<func::FuncOp> members) {
  llvm::SmallPtrSet<Operation *, 8> seen;
  for (func::FuncOp member : members)
    if (seen.insert(member).second &&
        SymbolTable::symbolKnownUseEmpty(member, member->getParentOfType<ModuleOp>()))
      member.erase();
}
