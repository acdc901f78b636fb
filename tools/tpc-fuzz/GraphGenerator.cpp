//===- GraphGenerator.cpp --------------------------------------------------------===//

#include "GraphGenerator.h"
#include "OpMakers.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Pass/PassManager.h"
#include "tpc/Autodiff/Passes.h"

using namespace mlir;
using namespace tpc;
using namespace tpc::fuzz;

/// Keeps a case within milliseconds of the interpreter.
static constexpr int64_t kMaxElements = 1024;
static constexpr int64_t kMaxRank = 5;

Graph::Graph(func::FuncOp function, LayoutGenerator &layouts, Random &random, bool exact,
             int64_t ids)
    : builder(function.getContext()), loc(builder.getUnknownLoc()), random(random),
      function(function), layouts(layouts), exact(exact), deep(random.chance(0.2)), ids(ids) {
  builder.setInsertionPointToStart(function.addEntryBlock());
  bool wide = random.chance(0.5);
  element = wide ? Type(builder.getF64Type()) : Type(builder.getF32Type());
  digits = wide ? 0x1p50 : 0x1p22;
  static const int64_t all[] = {1, 2, 2, 3, 4, 4, 4, 6, 8, 8, 12, 16};
  for (int64_t i = 0, count = random.between(2, 4); i < count; ++i)
    sizes.push_back(random.pick(all));
}

//===-- limits -------------------------------------------------------------------===//

bool Graph::fits(double bound, double grain) const {
  if (grain == 0)
    return !exact && bound <= 1e6;
  return bound <= grain * digits && bound <= 0x1p40;
}

bool Graph::isSmall(ArrayRef<int64_t> shape) {
  return shape.size() <= kMaxRank && ShapedType::getNumElements(shape) <= kMaxElements;
}

SmallVector<int64_t> Graph::drawShape(int64_t minRank, int64_t maxRank) {
  SmallVector<int64_t> shape;
  for (int64_t rank = random.between(minRank, maxRank); rank > 0; --rank) {
    shape.push_back(drawSize());
    if (!isSmall(shape))
      shape.back() = 1;
  }
  return shape;
}

//===-- new values ---------------------------------------------------------------===//

Value Graph::addRawArgument(Type type) {
  unsigned number = function.getNumArguments();
  (void)function.insertArgument(number, type, {}, loc);
  return function.getArgument(number);
}

Term Graph::addArgument(ArrayRef<int64_t> shape) {
  Term term{addRawArgument(getType(shape)), 2, 0.25};
  pool.push_back(term);
  return term;
}

Term Graph::addParameter(ArrayRef<int64_t> shape) {
  Value argument = addRawArgument(getType(shape));
  auto param = ParamAttr::get(builder.getContext(), "w" + std::to_string(numParameters++), shape,
                              tpc::ParameterKind::Linear, shape.empty() ? 1 : shape.back());
  function.setArgAttr(function.getNumArguments() - 1, TPCDialect::kParam, param);
  Term term{UseOp::create(builder, loc, argument), 2, 0.25};
  pool.push_back(term);
  return term;
}

Term Graph::addConstant(ArrayRef<int64_t> shape, double value) {
  auto splat = DenseElementsAttr::get(getType(shape), builder.getFloatAttr(element, value));
  Term term{arith::ConstantOp::create(builder, loc, splat), std::max(std::fabs(value), 0.25), 0.25};
  return term;
}

Value Graph::addIds(ArrayRef<int64_t> shape) {
  Value value = addRawArgument(RankedTensorType::get(shape, builder.getI32Type()));
  pool.push_back({value, static_cast<double>(ids), 1});
  return value;
}

void Graph::define(Value value, double bound, double grain) {
  pool.push_back({value, bound, grain});
  if (random.chance(0.2))
    pool.back().value = constrain(value);
}

Value Graph::constrain(Value value) {
  auto shape = cast<RankedTensorType>(value.getType()).getShape();
  LayoutAttr layout = random.chance(0.8) ? layouts.draw(shape) : layouts.drawOpen(shape);
  if (random.chance(0.1))
    return ReshardOp::create(builder, loc, value, layouts.draw(shape));
  return ConstrainOp::create(builder, loc, value, layout, /*interior=*/random.chance(0.3),
                             StringAttr());
}

//===-- values at hand -----------------------------------------------------------===//

Term Graph::pickFloat(int64_t minRank, int64_t maxRank) {
  auto suits = [&](const Term &term) {
    return term.getType().getElementType() == element && term.getRank() >= minRank &&
           term.getRank() <= maxRank;
  };
  if (random.chance(deep ? 0.8 : 0.4))
    for (const Term &term : llvm::reverse(pool))
      if (suits(term))
        return term;
  auto fitting = llvm::to_vector(llvm::make_filter_range(pool, suits));
  if (!fitting.empty() && random.chance(0.9))
    return random.pick(fitting);
  return addArgument(drawShape(minRank, maxRank));
}

Term Graph::pickLike(ArrayRef<int64_t> shape) {
  auto suits = [&](const Term &other) { return other.value.getType() == getType(shape); };
  auto fitting = llvm::to_vector(llvm::make_filter_range(pool, suits));
  if (!fitting.empty() && random.chance(0.8))
    return random.pick(fitting);
  if (random.chance(0.4))
    return addConstant(shape, static_cast<double>(random.between(-8, 8)) / 4);
  return random.chance(0.5) ? addParameter(shape) : addArgument(shape);
}

Value Graph::pickIds(ArrayRef<int64_t> shape) {
  for (const Term &term : pool)
    if (term.getType().getElementType().isInteger(32) && term.getShape() == shape &&
        random.chance(0.6))
      return term.value;
  return addIds(shape);
}

Value Graph::pickMask(ArrayRef<int64_t> shape) {
  for (const Term &term : pool)
    if (term.getType().getElementType().isInteger(1) && term.getShape() == shape &&
        random.chance(0.7))
      return term.value;
  if (!shape.empty() && random.chance(0.1)) {
    int64_t dim = random.below(static_cast<int64_t>(shape.size()));
    define(WithinOp::create(builder, loc, RankedTensorType::get(shape, builder.getI1Type()),
                            random.between(1, shape[dim]), dim, Value()),
           1, 1);
    return pool.back().value;
  }
  static const arith::CmpIPredicate predicates[] = {
      arith::CmpIPredicate::eq, arith::CmpIPredicate::ne, arith::CmpIPredicate::slt,
      arith::CmpIPredicate::sge};
  Value value =
      arith::CmpIOp::create(builder, loc, random.pick(predicates), pickIds(shape), pickIds(shape));
  define(value, 1, 1);
  return pool.back().value;
}

//===-- growing ------------------------------------------------------------------===//

static std::vector<const OpMaker *> getMakers(bool exact) {
  std::vector<const OpMaker *> makers;
  for (ArrayRef<OpMaker> group :
       {getLinearMakers(), getElementwiseMakers(), getTransformerMakers(), getTrainingMakers()})
    for (const OpMaker &maker : group)
      if (maker.exact || !exact)
        makers.insert(makers.end(), maker.weight, &maker);
  return makers;
}

void Graph::grow(int64_t count) {
  std::vector<const OpMaker *> makers = getMakers(exact);
  for (int64_t i = 0; i < count; ++i)
    random.pick(makers)->make(*this);
}

SmallVector<Value> Graph::chooseResults() {
  SmallVector<Value> results;
  for (Operation &op : function.getBody().front())
    for (Value value : op.getResults())
      if (isa<RankedTensorType>(value.getType()) && (value.use_empty() || random.chance(0.1)))
        results.push_back(value);
  if (results.empty())
    results.push_back(addConstant({}, 1).value);
  if (random.chance(0.1))
    results.push_back(random.pick(results));
  return results;
}

void Graph::layOutArguments() {
  for (BlockArgument argument : function.getArguments()) {
    auto shape = cast<RankedTensorType>(argument.getType()).getShape();
    if (random.chance(0.6))
      setLayout(argument, random.chance(0.8) ? layouts.draw(shape) : layouts.drawOpen(shape));
  }
}

void Graph::setReturned(ValueRange results) {
  func::ReturnOp::create(builder, loc, results);
  function.setFunctionType(
      builder.getFunctionType(function.getArgumentTypes(), results.getTypes()));
  layOutArguments();
}

void Graph::finish() {
  SmallVector<Value> results = chooseResults();
  setReturned(results);
  for (auto [number, value] : llvm::enumerate(results))
    if (random.chance(0.5))
      function.setResultAttr(number, TPCDialect::kLayout,
                             layouts.draw(cast<RankedTensorType>(value.getType()).getShape()));
}

/// Those of ops that were too large after all: a loss must depend on all that there are.
void Graph::eraseUnusedParameters() {
  for (unsigned i = function.getNumArguments(); i-- > 0;) {
    if (!function.getArgAttr(i, TPCDialect::kParam))
      continue;
    for (Operation *user : llvm::make_early_inc_range(function.getArgument(i).getUsers()))
      if (user->use_empty())
        user->erase();
    if (function.getArgument(i).use_empty())
      (void)function.eraseArgument(i);
  }
}

void Graph::finishAsLoss() {
  SmallVector<Value> values;
  for (Operation &op : function.getBody().front())
    for (Value value : op.getResults())
      if (value.use_empty() && getElementTypeOrSelf(value.getType()) == element && !isa<UseOp>(op))
        values.push_back(value);
  Value loss = addConstant({}, 0).value;
  auto sum = ReductionKindAttr::get(builder.getContext(), ReductionKind::Sum);
  for (Value value : values) {
    auto dims =
        llvm::to_vector(llvm::seq<int64_t>(0, cast<RankedTensorType>(value.getType()).getRank()));
    Value scalar = dims.empty()
                       ? value
                       : ReduceOp::create(builder, loc, getType({}), sum, value, dims).getResult();
    loss = arith::AddFOp::create(builder, loc, loss, scalar);
  }
  eraseUnusedParameters();
  setReturned(loss);
  function.setResultAttr(0, TPCDialect::kOutput, builder.getStringAttr("loss"));
}

//===-- cases --------------------------------------------------------------------===//

static std::string drawStorageAxis(Random &random, const Mesh &mesh) {
  return random.chance(0.2) ? random.pick(mesh.axes).name : "";
}

/// Turns the @loss of a case into the @step that computes its gradients. False where some op has
/// none.
static bool differentiate(ModuleOp module) {
  ScopedDiagnosticHandler silence(module.getContext(), [](Diagnostic &) { return success(); });
  PassManager manager(module.getContext());
  manager.addPass(createDifferentiate());
  if (failed(manager.run(module)))
    return false;
  module.lookupSymbol("loss")->erase();
  return true;
}

/// A new function of the case, grown to its size.
static void addFunction(FuzzCase &fuzzCase, LayoutGenerator &layouts, Random &random, bool loss) {
  OpBuilder builder = OpBuilder::atBlockEnd(fuzzCase.getModule().getBody());
  auto function = func::FuncOp::create(builder, builder.getUnknownLoc(), loss ? "loss" : "f",
                                       builder.getFunctionType({}, {}));
  Graph graph(function, layouts, random, fuzzCase.exact, fuzzCase.ids);
  graph.grow(random.chance(0.1) ? random.between(20, 50) : random.between(2, 14));
  if (loss)
    graph.finishAsLoss();
  else
    graph.finish();
}

/// Other ratios of latency, bandwidth and arithmetic make other choices pay.
static StringRef drawMachine(Random &random) {
  static const StringRef machines[] = {"shared-memory", "shared-memory", "ethernet-mpi", "h100x8"};
  return random.pick(machines);
}

FuzzCase tpc::fuzz::generateCase(MLIRContext &context, const CaseOptions &options) {
  Random random(options.seed, options.index);
  FuzzCase result;
  OpBuilder builder(&context);
  result.module = ModuleOp::create(builder.getUnknownLoc());
  builder.setInsertionPointToStart(result.module->getBody());
  Mesh mesh = drawMesh(random, options.maxRanks);
  auto meshOp =
      MeshOp::create(builder, builder.getUnknownLoc(), "mesh", MeshAttr::get(&context, mesh));
  LayoutGenerator layouts(random, mesh, FlatSymbolRefAttr::get(meshOp.getSymNameAttr()),
                          /*uneven=*/random.chance(0.25));

  bool training = random.chance(0.2);
  result.exact = !training && random.chance(0.5);
  result.strict = random.chance(0.4);
  result.machine = drawMachine(random).str();
  result.inputSeed = random.next() & 0xffff;
  result.ids = random.between(2, 20);
  result.storageAxes = drawStorageAxis(random, mesh);
  addFunction(result, layouts, random, training);
  if (training && !differentiate(result.getModule())) {
    for (auto function : llvm::make_early_inc_range(result.module->getOps<func::FuncOp>()))
      function.erase();
    addFunction(result, layouts, random, false);
  }
  return result;
}
