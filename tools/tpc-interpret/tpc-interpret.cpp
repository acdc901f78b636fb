//===- tpc-interpret.cpp - runs a program's meaning on N simulated ranks -------===//
//
//   tpc-interpret x.mlir                       the results of every function, on generated inputs
//   tpc-interpret local.mlir --ranks 4         the same of a local program, shards joined
//   tpc-interpret local.mlir --against g.mlir  fails unless both compute the same
//   tpc-interpret step.mlir --check-gradients  fails unless gradients are slopes
//
//===----------------------------------------------------------------------===//

#include "GradientCheck.h"
#include "mlir/Parser/Parser.h"
#include "tpc/InitAllDialects.h"
#include "tpc/Interpreter/RunModule.h"
#include "llvm/Support/CommandLine.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/Format.h"
#include "llvm/Support/SourceMgr.h"
#include <cstdlib>
#include <new>

using namespace mlir;
using namespace tpc;
namespace cl = llvm::cl;

static cl::OptionCategory category("tpc-interpret options");
static cl::opt<std::string> inputFile(cl::Positional, cl::cat(category), cl::desc("<program.mlir>"),
                                      cl::init("-"));
static cl::opt<int64_t> rankCount("ranks", cl::cat(category),
                                  cl::desc("simulated ranks (default: those of the mesh)"),
                                  cl::init(0));
static cl::opt<std::string> functionName("function", cl::cat(category),
                                         cl::desc("only this function"));
static cl::opt<std::string> against("against", cl::cat(category),
                                    cl::desc("another form of the same program to compare with"));
static cl::opt<double>
    tolerance("tolerance", cl::cat(category),
              cl::desc("largest difference / largest magnitude (default 0: equal)"));
static cl::opt<bool> gradients("check-gradients", cl::cat(category),
                               cl::desc("compare @step's gradients with differences of @loss"));
static cl::opt<uint64_t> seed("seed", cl::cat(category), cl::desc("of the inputs"), cl::init(0));
static cl::opt<int64_t> ids("ids", cl::cat(category), cl::desc("integer inputs are ids below this"),
                            cl::init(8));
static cl::opt<InputKind>
    inputKind("inputs", cl::cat(category), cl::desc("values of the inputs"),
              cl::init(InputKind::Quarters),
              cl::values(clEnumValN(InputKind::Quarters, "quarters", "multiples of 1/4"),
                         clEnumValN(InputKind::Random, "random", "normal")));
static cl::opt<Precision>
    precision("precision", cl::cat(category), cl::desc("arithmetic"), cl::init(Precision::Float64),
              cl::values(clEnumValN(Precision::Float64, "f64", "no rounding to element types"),
                         clEnumValN(Precision::Exact, "exact", "each result is rounded")));

//===-- reports ----------------------------------------------------------------===//

static void print(const Tensor &tensor) {
  int64_t width = tensor.rank() ? tensor.shape.back() : 1;
  for (int64_t i = 0; i < tensor.size(); ++i)
    llvm::outs() << (i % width ? " " : i ? "\n  " : "  ") << llvm::format("%.9g", tensor.data[i]);
  llvm::outs() << "\n";
}

static void print(const Outcome &outcome) {
  for (auto [number, tensor] : llvm::enumerate(outcome.results)) {
    llvm::outs() << "@" << outcome.function << " result " << number << " [";
    llvm::interleaveComma(tensor.shape, llvm::outs());
    llvm::outs() << "]\n";
    print(tensor);
  }
}

static bool agree(const Outcome &ours, const Outcome &theirs) {
  std::optional<std::string> difference = findDifference(ours, theirs, tolerance);
  if (difference)
    llvm::errs() << "error: @" << ours.function << " " << *difference << "\n";
  return !difference;
}

static bool compare(const std::vector<Outcome> &ours, const std::vector<Outcome> &theirs) {
  size_t compared = 0;
  bool same = true;
  for (const Outcome &outcome : ours)
    for (const Outcome &reference : theirs)
      if (outcome.function == reference.function) {
        ++compared;
        bool agrees = agree(outcome, reference);
        same &= agrees;
        if (agrees)
          llvm::outs() << "@" << outcome.function << ": " << outcome.results.size()
                       << " results agree\n";
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
  cl::HideUnrelatedOptions(category);
  cl::ParseCommandLineOptions(argc, argv, "tpc reference interpreter\n");
  DialectRegistry registry;
  registerAllDialects(registry);
  MLIRContext context(registry);
  context.printOpOnDiagnostic(false);
  std::set_new_handler([] {
    llvm::errs() << "error: there is not enough memory for the values of the program\n";
    std::_Exit(1);
  });
  llvm::SourceMgr sourceManager;
  SourceMgrDiagnosticHandler handler(sourceManager, &context);

  OwningOpRef<ModuleOp> module = parse(inputFile, context);
  if (!module)
    return 1;
  if (gradients)
    return failed(checkGradients(*module, {inputKind, seed, ids}, tolerance ? tolerance : 1e-6));
  RunOptions options{{inputKind, seed, ids}, precision, rankCount, functionName};
  FailureOr<std::vector<Outcome>> outcomes = runModule(*module, options);
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
  FailureOr<std::vector<Outcome>> reference = runModule(*other, options);
  return succeeded(reference) && compare(*outcomes, *reference) ? 0 : 1;
}
