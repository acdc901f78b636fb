//===- RunModule.cpp ------------------------------------------------------------===//

#include "tpc/Interpreter/RunModule.h"
#include "llvm/Support/raw_ostream.h"
#include <cmath>

using namespace mlir;
using namespace tpc;

static bool isLocal(func::FuncOp function) {
  bool local = false;
  function.walk([&](Operation *op) {
    local |= isa<AxisIndexOp, ShardSliceOp>(op) && !op->hasAttr(TPCDialect::kLayouts);
  });
  for (unsigned i = 0; i < function.getNumArguments(); ++i)
    local |= function.getArgAttr(i, TPCDialect::kGlobal) != nullptr;
  for (unsigned i = 0; i < function.getNumResults(); ++i)
    local |= function.getResultAttr(i, TPCDialect::kGlobal) != nullptr;
  return local;
}

static FailureOr<InterpreterOptions> getOptions(ModuleOp module, func::FuncOp function,
                                                const RunOptions &run) {
  InterpreterOptions options;
  options.precision = run.precision;
  if (MeshOp mesh = getMesh(module))
    options.mesh = mesh.getMesh().getMesh();
  int64_t devices = options.mesh.axes.empty() ? 1 : options.mesh.getNumRanks();
  if (run.ranks && run.ranks != devices && isLocal(function))
    return function.emitError("is a program for ")
           << devices << " ranks, got --ranks " << run.ranks;
  options.ranks = isLocal(function) ? devices : 1;
  return options;
}

static std::vector<RankTensors> makeArguments(func::FuncOp function,
                                              const InterpreterOptions &options,
                                              const InputOptions &inputs) {
  std::vector<RankTensors> arguments;
  for (unsigned i = 0; i < function.getNumArguments(); ++i) {
    Tensor global = makeInput(function, i, inputs);
    auto attribute = function.getArgAttrOfType<GlobalAttr>(i, TPCDialect::kGlobal);
    arguments.push_back(attribute && options.ranks > 1 ? shard(global, attribute, options.mesh)
                                                       : RankTensors(options.ranks, global));
  }
  return arguments;
}

/// A parameter's new value, whose padding has to be zero.
static bool isParameter(func::FuncOp function, unsigned number) {
  auto alias = function.getResultAttrOfType<IntegerAttr>(number, TPCDialect::kAlias);
  return function.getResultAttr(number, TPCDialect::kParam) ||
         (alias && function.getArgAttr(alias.getInt(), TPCDialect::kParam));
}

static LogicalResult removePadding(func::FuncOp function, unsigned number, Tensor &result) {
  auto shape = function.getResultAttrOfType<DenseI64ArrayAttr>(number, TPCDialect::kLogicalShape);
  if (!shape)
    return success();
  SmallVector<int64_t> origin(result.rank(), 0);
  Tensor logical = result.slice(origin, shape.asArrayRef());
  if (isParameter(function, number)) {
    result.insert(Tensor::zeros(shape.asArrayRef()), origin);
    if (llvm::any_of(result.data, [](double element) { return element != 0; }))
      return function.emitError("result ")
             << number << " is a parameter, but its padding is not zero";
  }
  result = std::move(logical);
  return success();
}

static FailureOr<Outcome> run(ModuleOp module, func::FuncOp function,
                              const RunOptions &runOptions) {
  FailureOr<InterpreterOptions> options = getOptions(module, function, runOptions);
  if (failed(options) || failed(checkInterpretable(function, options->ranks)))
    return failure();
  FailureOr<std::vector<RankTensors>> results =
      interpret(function, makeArguments(function, *options, runOptions.inputs), *options);
  if (failed(results))
    return failure();
  Outcome outcome{function.getName().str(), {}};
  for (auto [number, shards] : llvm::enumerate(*results)) {
    auto attribute = function.getResultAttrOfType<GlobalAttr>(number, TPCDialect::kGlobal);
    if (!attribute) {
      outcome.results.push_back(shards.front());
      continue;
    }
    std::string replica;
    FailureOr<Tensor> whole = unshard(shards, attribute, options->mesh, replica);
    if (failed(whole))
      return function.emitError("result ")
             << number << " should be replicated, but " << replica << " disagree";
    outcome.results.push_back(std::move(*whole));
  }
  for (auto [number, result] : llvm::enumerate(outcome.results))
    if (failed(removePadding(function, number, result)))
      return failure();
  return outcome;
}

FailureOr<std::vector<Outcome>> tpc::runModule(ModuleOp module, const RunOptions &options) {
  std::vector<Outcome> outcomes;
  for (auto function : module.getOps<func::FuncOp>()) {
    bool wanted =
        options.function.empty() ? function.isPublic() : function.getName() == options.function;
    if (!wanted || function.isExternal())
      continue;
    FailureOr<Outcome> outcome = run(module, function, options);
    if (failed(outcome))
      return failure();
    outcomes.push_back(std::move(*outcome));
  }
  if (outcomes.empty())
    return module.emitError("has no function to interpret")
           << (options.function.empty() ? "" : " called " + options.function);
  return outcomes;
}

//===-- comparison -------------------------------------------------------------===//

double tpc::getDifference(const Tensor &a, const Tensor &b) {
  if (a.shape != b.shape)
    return INFINITY;
  double difference = 0, magnitude = 0;
  for (auto [x, y] : llvm::zip_equal(a.data, b.data)) {
    if (x == y || (std::isnan(x) && std::isnan(y)))
      continue;
    double gap = std::fabs(x - y);
    difference = std::isnan(gap) ? INFINITY : std::max(difference, gap);
  }
  for (double x : b.data)
    magnitude = std::isfinite(x) ? std::max(magnitude, std::fabs(x)) : magnitude;
  return difference == 0 ? 0 : difference / std::max(magnitude, 1e-300);
}

std::optional<std::string> tpc::findDifference(const Outcome &ours, const Outcome &reference,
                                               double tolerance) {
  std::string text;
  llvm::raw_string_ostream os(text);
  if (ours.results.size() != reference.results.size()) {
    os << "has " << ours.results.size() << " results, expected " << reference.results.size();
    return text;
  }
  for (size_t i = 0; i < ours.results.size(); ++i) {
    double difference = getDifference(ours.results[i], reference.results[i]);
    if (difference <= tolerance)
      continue;
    os << "result " << i << " differs by " << difference << " of its largest magnitude";
    return text;
  }
  return std::nullopt;
}
