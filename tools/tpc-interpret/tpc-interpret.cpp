//===- tpc-interpret.cpp - runs a program's meaning on N simulated ranks -------===//
//
//   tpc-interpret x.mlir                       the results of every function, on generated inputs
//   tpc-interpret local.mlir --ranks 4         the same of a local program, shards joined
//   tpc-interpret local.mlir --against g.mlir  fails unless both compute the same
//   tpc-interpret step.mlir --check-gradients  fails unless gradients are slopes
//
//===----------------------------------------------------------------------===//

#include "GradientCheck.h"
#include "Inputs.h"
#include "mlir/Parser/Parser.h"
#include "tpc/InitAllDialects.h"
#include "llvm/Support/CommandLine.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/Format.h"
#include "llvm/Support/SourceMgr.h"
#include <cmath>

using namespace mlir;
using namespace tpc;
namespace cl = llvm::cl;

static cl::opt<std::string> inputFile(cl::Positional, cl::desc("<program.mlir>"), cl::init("-"));
static cl::opt<int64_t> rankCount("ranks", cl::desc("simulated ranks (default: those of the mesh)"), cl::init(0));
static cl::opt<std::string> functionName("function", cl::desc("only this function"));
static cl::opt<std::string> against("against", cl::desc("another form of the same program to compare with"));
static cl::opt<double> tolerance("tolerance", cl::desc("largest difference / largest magnitude (default 0: equal)"));
static cl::opt<bool> gradients("check-gradients", cl::desc("compare @step's gradients with differences of @loss"));
static cl::opt<uint64_t> seed("seed", cl::desc("of the inputs"), cl::init(0));
static cl::opt<int64_t> ids("ids", cl::desc("integer inputs are ids below this"), cl::init(8));
static cl::opt<InputKind> inputKind("inputs", cl::desc("values of the inputs"), cl::init(InputKind::Quarters),
                                    cl::values(clEnumValN(InputKind::Quarters, "quarters", "multiples of 1/4"),
                                               clEnumValN(InputKind::Random, "random", "normal")));
static cl::opt<Precision> precision("precision", cl::desc("arithmetic"), cl::init(Precision::Float64),
                                    cl::values(clEnumValN(Precision::Float64, "f64", "no rounding to element types"),
                                               clEnumValN(Precision::Exact, "exact", "each result is rounded")));

namespace {
/// A function's results as global tensors; null where a result is not a tensor of the global program.
struct Outcome {
  std::string name;
  std::vector<Tensor> results;
};
} // namespace

static bool isLocal(func::FuncOp function) {
  bool local = false;
  function.walk([&](Operation *op) { local |= isa<AxisIndexOp, ShardSliceOp>(op) && !op->hasAttr(TPCDialect::kLayouts); });
  for (unsigned i = 0; i < function.getNumArguments(); ++i)
    local |= function.getArgAttr(i, TPCDialect::kGlobal) != nullptr;
  for (unsigned i = 0; i < function.getNumResults(); ++i)
    local |= function.getResultAttr(i, TPCDialect::kGlobal) != nullptr;
  return local;
}

static FailureOr<InterpreterOptions> getOptions(ModuleOp module, func::FuncOp function) {
  InterpreterOptions options;
  options.precision = precision;
  if (MeshOp mesh = getMesh(module))
    options.mesh = mesh.getMesh().getMesh();
  int64_t devices = options.mesh.axes.empty() ? 1 : options.mesh.getNumRanks();
  if (rankCount && rankCount != devices && isLocal(function))
    return function.emitError("is a program for ") << devices << " ranks, got --ranks " << rankCount.getValue();
  options.ranks = isLocal(function) ? devices : 1;
  return options;
}

static std::vector<RankTensors> makeArguments(func::FuncOp function, const InterpreterOptions &options) {
  std::vector<RankTensors> arguments;
  for (unsigned i = 0; i < function.getNumArguments(); ++i) {
    Tensor global = makeInput(function, i, {inputKind, seed, ids});
    auto attribute = function.getArgAttrOfType<GlobalAttr>(i, TPCDialect::kGlobal);
    arguments.push_back(attribute && options.ranks > 1 ? shard(global, attribute, options.mesh)
                                                       : RankTensors(options.ranks, global));
  }
  return arguments;
}

static FailureOr<Outcome> run(ModuleOp module, func::FuncOp function) {
  FailureOr<InterpreterOptions> options = getOptions(module, function);
  if (failed(options))
    return failure();
  FailureOr<std::vector<RankTensors>> results = interpret(function, makeArguments(function, *options), *options);
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
      return function.emitError("result ") << number << " should be replicated, but " << replica << " disagree";
    outcome.results.push_back(std::move(*whole));
  }
  return outcome;
}

static FailureOr<std::vector<Outcome>> runAll(ModuleOp module) {
  std::vector<Outcome> outcomes;
  for (auto function : module.getOps<func::FuncOp>()) {
    bool wanted = functionName.empty() ? function.isPublic() : function.getName() == functionName;
    if (!wanted || function.isExternal())
      continue;
    FailureOr<Outcome> outcome = run(module, function);
    if (failed(outcome))
      return failure();
    outcomes.push_back(std::move(*outcome));
  }
  if (outcomes.empty())
    return module.emitError("has no function to interpret") << (functionName.empty() ? "" : " called " + functionName);
  return outcomes;
}

//===-- reports ----------------------------------------------------------------===//

static void print(const Tensor &tensor) {
  int64_t width = tensor.rank() ? tensor.shape.back() : 1;
  for (int64_t i = 0; i < tensor.size(); ++i)
    llvm::outs() << (i % width ? " " : i ? "\n  " : "  ") << llvm::format("%.9g", tensor.data[i]);
  llvm::outs() << "\n";
}

static void print(const Outcome &outcome) {
  for (auto [number, tensor] : llvm::enumerate(outcome.results)) {
    llvm::outs() << "@" << outcome.name << " result " << number << " [";
    llvm::interleaveComma(tensor.shape, llvm::outs());
    llvm::outs() << "]\n";
    print(tensor);
  }
}

/// Largest difference relative to the largest magnitude; infinite for different shapes or a NaN on one side.
static double getDifference(const Tensor &a, const Tensor &b) {
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

static bool agree(const Outcome &ours, const Outcome &theirs) {
  bool same = ours.results.size() == theirs.results.size();
  for (size_t i = 0; same && i < ours.results.size(); ++i) {
    double difference = getDifference(ours.results[i], theirs.results[i]);
    if (difference <= tolerance)
      continue;
    llvm::errs() << "error: @" << ours.name << " result " << i << " differs by " << difference
                 << " of its largest magnitude\n";
    return false;
  }
  if (!same)
    llvm::errs() << "error: @" << ours.name << " has " << ours.results.size() << " results, expected "
                 << theirs.results.size() << "\n";
  return same;
}

static bool compare(const std::vector<Outcome> &ours, const std::vector<Outcome> &theirs) {
  size_t compared = 0;
  bool same = true;
  for (const Outcome &outcome : ours)
    for (const Outcome &reference : theirs)
      if (outcome.name == reference.name) {
        ++compared;
        bool agrees = agree(outcome, reference);
        same &= agrees;
        if (agrees)
          llvm::outs() << "@" << outcome.name << ": " << outcome.results.size() << " results agree\n";
      }
  if (!compared)
    llvm::errs() << "error: the programs have no function in common\n";
  return same && compared;
}

static OwningOpRef<ModuleOp> parse(StringRef file, MLIRContext &context) {
  if (file != "-" && !llvm::sys::fs::exists(file)) {
    llvm::errs() << "error: no such file: " << file << "\n";
    return {};
  }
  return parseSourceFile<ModuleOp>(file, &context);
}

int main(int argc, char **argv) {
  cl::ParseCommandLineOptions(argc, argv, "tpc reference interpreter\n");
  DialectRegistry registry;
  registerAllDialects(registry);
  MLIRContext context(registry);
  llvm::SourceMgr sourceManager;
  SourceMgrDiagnosticHandler handler(sourceManager, &context);

  OwningOpRef<ModuleOp> module = parse(inputFile, context);
  if (!module)
    return 1;
  if (gradients)
    return failed(checkGradients(*module, {inputKind, seed, ids}, tolerance ? tolerance : 1e-6));
  FailureOr<std::vector<Outcome>> outcomes = runAll(*module);
  if (failed(outcomes))
    return 1;
  if (against.empty()) {
    for (const Outcome &outcome : *outcomes)
      print(outcome);
    return 0;
  }
  OwningOpRef<ModuleOp> other = parse(against, context);
  if (!other)
    return 1;
  FailureOr<std::vector<Outcome>> reference = runAll(*other);
  return succeeded(reference) && compare(*outcomes, *reference) ? 0 : 1;
}
