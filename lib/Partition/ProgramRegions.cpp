//===- ProgramRegions.cpp -------------------------------------------------===//

#include "ProgramRegions.h"
#include "llvm/ADT/EquivalenceClasses.h"
#include "llvm/ADT/MapVector.h"
#include "llvm/ADT/SetVector.h"

using namespace mlir;
using namespace tpc;

SmallVector<ConstrainOp> ProgramRegion::getInteriorRequests() const {
  SmallVector<ConstrainOp> requests;
  for (Operation *op : ops)
    if (auto request = dyn_cast<ConstrainOp>(op); request && request.getInterior())
      requests.push_back(request);
  return requests;
}

static bool hasAlternative(BlockArgument argument) {
  auto function = cast<func::FuncOp>(argument.getOwner()->getParentOp());
  return function.getArgAttr(argument.getArgNumber(), TPCDialect::kAlternative) != nullptr;
}

SmallVector<BlockArgument> ProgramRegion::getFlexibleParameters() const {
  llvm::SetVector<BlockArgument> parameters;
  for (Operation *op : ops)
    for (Value operand : op->getOperands())
      if (auto argument = dyn_cast<BlockArgument>(operand); argument && hasAlternative(argument))
        parameters.insert(argument);
  return llvm::to_vector(parameters);
}

//===----------------------------------------------------------------------===//
// Finding regions
//===----------------------------------------------------------------------===//

static bool isHardRequest(Operation *op) {
  auto request = dyn_cast_or_null<ConstrainOp>(op);
  return request && !request.getInterior();
}

/// Does `op` belong to regions, and not to whoever uses it?
static bool isMember(Operation *op) {
  return op && op->getNumOperands() != 0 && !op->hasAttr("tpc.update") &&
         !op->hasTrait<OpTrait::IsTerminator>();
}

namespace {
class RegionFinder {
public:
  explicit RegionFinder(func::FuncOp function) : body(function.getBody().front()) {}

  std::vector<ProgramRegion> run() {
    joinForward();
    for (Operation &op : body)
      if (isMember(&op) && op.hasAttr("tpc.backward"))
        addBackward(&op);
    return collect();
  }

private:
  void joinForward() {
    for (Operation &op : body) {
      if (!isMember(&op) || op.hasAttr("tpc.backward"))
        continue;
      forward.insert(&op);
      for (Value operand : op.getOperands())
        if (Operation *maker = operand.getDefiningOp(); isMember(maker) && !isHardRequest(maker))
          forward.unionSets(maker, &op);
    }
    for (auto &entry : forward)
      regionOf[entry->getData()] = forward.getLeaderValue(entry->getData());
  }

  /// A derivative belongs where it uses a forward value, else where all it uses was made.
  void addBackward(Operation *op) {
    llvm::SmallSetVector<Operation *, 2> forwardUses, backwardUses;
    for (Value operand : op->getOperands()) {
      Operation *maker = operand.getDefiningOp();
      if (isMember(maker) && !isHardRequest(maker))
        (maker->hasAttr("tpc.backward") ? backwardUses : forwardUses)
            .insert(regionOf.lookup(maker));
    }
    const auto &regions = forwardUses.empty() ? backwardUses : forwardUses;
    if (regions.size() == 1 && regions.front())
      regionOf[op] = regions.front();
  }

  std::vector<ProgramRegion> collect() {
    llvm::MapVector<Operation *, ProgramRegion> regions;
    for (Operation &op : body)
      if (Operation *leader = regionOf.lookup(&op))
        regions[leader].ops.push_back(&op);
    std::vector<ProgramRegion> open;
    for (auto &[leader, region] : regions)
      if (!region.getInteriorRequests().empty() || !region.getFlexibleParameters().empty())
        open.push_back(std::move(region));
    return open;
  }

  Block &body;
  llvm::EquivalenceClasses<Operation *> forward;
  llvm::DenseMap<Operation *, Operation *> regionOf; ///< by any op of it; null: in none
};
} // namespace

std::vector<ProgramRegion> tpc::findRegions(func::FuncOp function) {
  return RegionFinder(function).run();
}

//===----------------------------------------------------------------------===//
// A region as a program
//===----------------------------------------------------------------------===//

namespace {
class RegionExtractor {
public:
  RegionExtractor(const ProgramRegion &region, func::FuncOp function)
      : region(region), function(function), members(region.ops.begin(), region.ops.end()),
        builder(function.getContext()) {}

  RegionProgram run();

private:
  void addArguments(func::FuncOp target);
  void cloneOps(func::FuncOp target);
  void addResults(func::FuncOp target);
  DictionaryAttr getArgumentAttrs(Value value);
  DictionaryAttr getResultAttrs(Value value);
  /// `name`, or what stands for it.
  std::string getNumber(StringRef name) {
    return std::to_string(numbers.try_emplace(name, numbers.size()).first->second);
  }

  const ProgramRegion &region;
  func::FuncOp function;
  llvm::DenseSet<Operation *> members;
  llvm::StringMap<unsigned> numbers;
  IRMapping mapping;
  Builder builder;
};
} // namespace

/// A parameter is told by its number, the result of a request by its layout.
DictionaryAttr RegionExtractor::getArgumentAttrs(Value value) {
  NamedAttrList attributes;
  if (auto request = value.getDefiningOp<ConstrainOp>())
    attributes.set(TPCDialect::kLayout, request.getLayout());
  if (auto argument = dyn_cast<BlockArgument>(value))
    attributes = function.getArgAttrDict(argument.getArgNumber());
  if (auto param = dyn_cast_or_null<ParamAttr>(attributes.get(TPCDialect::kParam)))
    attributes.set(TPCDialect::kParam,
                   ParamAttr::get(builder.getContext(), getNumber(param.getName()),
                                  param.getShape(), param.getKind(), param.getFanIn()));
  return attributes.getDictionary(builder.getContext());
}

void RegionExtractor::addArguments(func::FuncOp target) {
  Block *block = target.addEntryBlock();
  SmallVector<DictionaryAttr> attributes;
  auto add = [&](Value value) {
    if (mapping.contains(value))
      return;
    mapping.map(value, block->addArgument(value.getType(), target.getLoc()));
    attributes.push_back(getArgumentAttrs(value));
  };
  for (Operation *op : region.ops)
    for (Value operand : op->getOperands())
      if (Operation *maker = operand.getDefiningOp();
          !maker || (maker->getNumOperands() != 0 && !members.contains(maker)))
        add(operand);
  target.setFunctionType(builder.getFunctionType(block->getArgumentTypes(), {}));
  target.setAllArgAttrs(attributes);
}

void RegionExtractor::cloneOps(func::FuncOp target) {
  OpBuilder ops = OpBuilder::atBlockEnd(&target.getBody().front());
  for (Operation *op : region.ops) {
    for (Value operand : op->getOperands())
      if (!mapping.contains(operand))
        ops.clone(*operand.getDefiningOp(), mapping);
    Operation *clone = ops.clone(*op, mapping);
    if (auto request = dyn_cast<ConstrainOp>(clone))
      request.removeModuleAttr();
  }
}

/// The gradient of a parameter of the region is bound for where that lies.
DictionaryAttr RegionExtractor::getResultAttrs(Value value) {
  NamedAttrList attributes;
  for (OpOperand &use : value.getUses()) {
    if (!isa<func::ReturnOp>(use.getOwner()))
      continue;
    auto gradient =
        function.getResultAttrOfType<StringAttr>(use.getOperandNumber(), TPCDialect::kGradient);
    if (gradient && numbers.contains(gradient.getValue()))
      attributes.set(TPCDialect::kGradient, builder.getStringAttr(getNumber(gradient)));
  }
  return attributes.getDictionary(builder.getContext());
}

void RegionExtractor::addResults(func::FuncOp target) {
  SmallVector<Value> results;
  SmallVector<DictionaryAttr> attributes;
  for (Operation *op : region.ops)
    for (Value value : op->getResults())
      if (llvm::any_of(value.getUsers(),
                       [&](Operation *user) { return !members.contains(user); })) {
        results.push_back(mapping.lookup(value));
        attributes.push_back(getResultAttrs(value));
      }
  OpBuilder ops = OpBuilder::atBlockEnd(&target.getBody().front());
  func::ReturnOp::create(ops, target.getLoc(), results);
  target.setFunctionType(
      builder.getFunctionType(target.getArgumentTypes(), ValueRange(results).getTypes()));
  target.setAllResultAttrs(attributes);
}

RegionProgram RegionExtractor::run() {
  Location loc = builder.getUnknownLoc();
  RegionProgram program{ModuleOp::create(loc), {}};
  OpBuilder ops = OpBuilder::atBlockEnd(program.module->getBody());
  ops.clone(*getMesh(function->getParentOfType<ModuleOp>()));
  auto target = func::FuncOp::create(ops, loc, "region", builder.getFunctionType({}, {}));
  addArguments(target);
  cloneOps(target);
  addResults(target);
  llvm::raw_string_ostream(program.text) << *target;
  return program;
}

RegionProgram tpc::extractRegion(const ProgramRegion &region, func::FuncOp function) {
  return RegionExtractor(region, function).run();
}
