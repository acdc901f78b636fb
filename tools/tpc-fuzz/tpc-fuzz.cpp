//===- tpc-fuzz.cpp - random programs, partitioned and compared ---------------------------===//
//
//   tpc-fuzz --cases 2000 --seed 1         0 if all agree; else the first failure, reduced
//   tpc-fuzz --seed 1 --case 1234          one case of that run
//   tpc-fuzz --seed 1 --case 1234 --print  the program of a case
//
//===----------------------------------------------------------------------===//

#include "GraphGenerator.h"
#include "Oracle.h"
#include "Reducer.h"
#include "tpc/InitAllDialects.h"
#include "tpc/InitAllPasses.h"
#include "llvm/Support/CommandLine.h"
#include "llvm/Support/InitLLVM.h"
#include "llvm/Support/PrettyStackTrace.h"
#include "llvm/Support/raw_ostream.h"

using namespace mlir;
using namespace tpc;
using namespace tpc::fuzz;
namespace cl = llvm::cl;

static cl::opt<uint64_t> caseCount("cases", cl::desc("number of cases"), cl::init(100));
static cl::opt<uint64_t> seed("seed", cl::desc("of the run; case I of a seed is always the same"),
                              cl::init(0));
static cl::opt<int64_t> maxRanks("max-ranks", cl::desc("largest mesh"), cl::init(8));
static cl::opt<int64_t> onlyCase("case", cl::desc("run this case alone"), cl::init(-1));
static cl::opt<bool> printOnly("print", cl::desc("print the cases instead of running them"));
static cl::opt<bool> keepGoing("keep-going",
                               cl::desc("report every failure in one line, do not reduce"));
static cl::opt<bool> noReduce("no-reduce", cl::desc("print a failing case as generated"));

/// Attributes live as long as their context: a fresh one now and then bounds memory.
static constexpr uint64_t kCasesPerContext = 500;

//===-- reports --------------------------------------------------------------------------===//

/// The case as a lit test: how to run it with tpc-opt and tpc-interpret, then the program.
static void print(const FuzzCase &fuzzCase, const CaseOptions &options) {
  llvm::outs() << "// tpc-fuzz --seed " << options.seed << " --case " << options.index
               << " --max-ranks " << options.maxRanks
               << "\n// RUN: tpc-opt %s --pass-pipeline='builtin.module(";
  llvm::interleave(
      kStages, llvm::outs(), [&](Stage stage) { llvm::outs() << getPipeline(fuzzCase, stage); },
      ",");
  llvm::outs() << ")' -o %t.mlir\n// RUN: tpc-interpret %t.mlir --against=%s --seed="
               << fuzzCase.inputSeed << " --ids=" << fuzzCase.ids
               << (fuzzCase.exact ? " --precision=exact" : " --tolerance=1e-12") << "\n\n"
               << fuzzCase.getModule() << "\n";
}

static void report(const Failure &failure, const CaseOptions &options) {
  llvm::outs() << "case " << options.index << " of seed " << options.seed
               << (failure.wrongValues ? " computes something else" : " is refused") << " at stage "
               << getName(failure.stage) << ": " << failure.message << "\n";
}

/// Smaller, with the same kind of failure at the same stage.
static void reduceFailure(FuzzCase &fuzzCase, Failure &failure) {
  reduce(fuzzCase, [&](const FuzzCase &smaller) {
    std::optional<Failure> still = Oracle(smaller).check();
    bool same = still && still->stage == failure.stage && still->wrongValues == failure.wrongValues;
    if (same)
      failure = *still;
    return same;
  });
}

//===-- running --------------------------------------------------------------------------===//

static bool runCase(MLIRContext &context, const CaseOptions &options) {
  llvm::PrettyStackTraceFormat trace("case %llu of seed %llu",
                                     static_cast<unsigned long long>(options.index),
                                     static_cast<unsigned long long>(options.seed));
  FuzzCase fuzzCase = generateCase(context, options);
  if (printOnly) {
    print(fuzzCase, options);
    return true;
  }
  std::optional<Failure> failure = Oracle(fuzzCase).check();
  if (!failure)
    return true;
  if (!keepGoing && !noReduce)
    reduceFailure(fuzzCase, *failure);
  report(*failure, options);
  if (!keepGoing)
    print(fuzzCase, options);
  return false;
}

static int runCases(DialectRegistry &registry) {
  uint64_t first = onlyCase < 0 ? 0 : onlyCase, end = onlyCase < 0 ? caseCount : first + 1,
           failures = 0;
  std::unique_ptr<MLIRContext> context;
  for (uint64_t index = first; index < end; ++index) {
    if (!context || index % kCasesPerContext == 0) {
      context = std::make_unique<MLIRContext>(registry, MLIRContext::Threading::DISABLED);
      context->loadAllAvailableDialects();
    }
    bool agrees = runCase(*context, {seed, index, maxRanks});
    failures += !agrees;
    if (!agrees && !keepGoing)
      return 1;
  }
  llvm::outs() << end - first << " cases, " << failures << " failed\n";
  return failures != 0;
}

int main(int argc, char **argv) {
  llvm::InitLLVM init(argc, argv);
  registerAllPasses();
  cl::ParseCommandLineOptions(argc, argv, "tpc differential tester\n");
  DialectRegistry registry;
  registerAllDialects(registry);
  return runCases(registry);
}
