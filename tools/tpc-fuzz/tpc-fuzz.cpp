//===- tpc-fuzz.cpp - random programs, partitioned and compared ---------------------------===//
//
//   tpc-fuzz --cases 2000 --seed 1         0 if all agree; else the first failure, reduced
//   tpc-fuzz --seed 1 --case 1234          one case of that run
//   tpc-fuzz --seed 1 --case 1234 --print  the program of a case
//   tpc-fuzz --cases 2000 --seed-bug all   0 if every seeded bug is found within 2000 cases
//   tpc-fuzz --seed-bug NAME --reduce      what is printed if the compiler has this bug
//
//===----------------------------------------------------------------------===//

#include "Coverage.h"
#include "GraphGenerator.h"
#include "Oracle.h"
#include "Reducer.h"
#include "SeededBugs.h"
#include "tpc/InitAllDialects.h"
#include "tpc/InitAllPasses.h"

#include "llvm/Support/CommandLine.h"
#include "llvm/Support/Format.h"
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
static cl::opt<std::string>
    seedBug("seed-bug", cl::desc("put this bug, or all, into every case until it is found"));
static cl::opt<bool> reduceBug("reduce", cl::desc("run the cases with the bug of --seed-bug in the "
                                                  "compiler: the first failure is reduced"));
static cl::opt<bool> countOps("count-ops",
                              cl::desc("count the ops of the cases instead of running them"));
static cl::opt<bool> listBugs("list-bugs", cl::desc("list what --seed-bug knows"));
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
static void reduceFailure(FuzzCase &fuzzCase, Failure &failure, const Mutation *bug) {
  reduce(fuzzCase, [&](const FuzzCase &smaller) {
    std::optional<Failure> still = Oracle(smaller, bug).check();
    bool same = still && still->stage == failure.stage && still->wrongValues == failure.wrongValues;
    if (same)
      failure = *still;
    return same;
  });
}

//===-- running --------------------------------------------------------------------------===//

static bool runCase(MLIRContext &context, const CaseOptions &options, const Mutation *bug) {
  llvm::PrettyStackTraceFormat trace("case %llu of seed %llu",
                                     static_cast<unsigned long long>(options.index),
                                     static_cast<unsigned long long>(options.seed));
  FuzzCase fuzzCase = generateCase(context, options);
  if (printOnly) {
    print(fuzzCase, options);
    return true;
  }
  std::optional<Failure> failure = Oracle(fuzzCase, bug).check();
  if (!failure)
    return true;
  if (!keepGoing && !noReduce)
    reduceFailure(fuzzCase, *failure, bug);
  report(*failure, options);
  if (!keepGoing)
    print(fuzzCase, options);
  return false;
}

/// Calls `visit` with each case's context and options until it returns false; the number of cases.
static uint64_t forEachCase(DialectRegistry &registry,
                            llvm::function_ref<bool(MLIRContext &, const CaseOptions &)> visit) {
  uint64_t first = onlyCase < 0 ? 0 : onlyCase, end = onlyCase < 0 ? caseCount : first + 1;
  std::unique_ptr<MLIRContext> context;
  for (uint64_t index = first; index < end; ++index) {
    if (!context || index % kCasesPerContext == 0) {
      context = std::make_unique<MLIRContext>(registry, MLIRContext::Threading::DISABLED);
      context->loadAllAvailableDialects();
    }
    if (!visit(*context, {seed, index, maxRanks}))
      return index - first + 1;
  }
  return end - first;
}

static int runCases(DialectRegistry &registry, const Mutation *bug = nullptr) {
  uint64_t failures = 0;
  uint64_t count = forEachCase(registry, [&](MLIRContext &context, const CaseOptions &options) {
    bool agrees = runCase(context, options, bug);
    failures += !agrees;
    return agrees || keepGoing;
  });
  if (!printOnly)
    llvm::outs() << count << " cases, " << failures << " failed\n";
  return failures != 0;
}

static int countAllOps(DialectRegistry &registry) {
  Coverage coverage;
  forEachCase(registry, [&](MLIRContext &context, const CaseOptions &options) {
    coverage.add(generateCase(context, options).getModule());
    return true;
  });
  MLIRContext context(registry);
  context.loadAllAvailableDialects();
  return coverage.print(context) ? 0 : 1;
}

static int huntBugs(DialectRegistry &registry) {
  std::vector<const Mutation *> mutations = findMutations(seedBug);
  if (mutations.empty()) {
    llvm::errs() << "error: no bug called '" << seedBug << "'; --list-bugs names them\n";
    return 1;
  }
  if (reduceBug && mutations.size() == 1)
    return runCases(registry, mutations.front());
  if (reduceBug) {
    llvm::errs() << "error: --reduce takes one bug, got all\n";
    return 1;
  }
  size_t count = mutations.size();
  BugHunt hunt(std::move(mutations));
  forEachCase(registry, [&](MLIRContext &context, const CaseOptions &options) {
    hunt.visit(generateCase(context, options), options);
    return !hunt.isOver();
  });
  hunt.printUnknown();
  if (hunt.isOver())
    llvm::outs() << "all " << count << " found\n";
  return !hunt.isOver();
}

int main(int argc, char **argv) {
  llvm::InitLLVM init(argc, argv);
  registerAllPasses();
  cl::ParseCommandLineOptions(argc, argv, "tpc differential tester\n");
  if (maxRanks < 1) {
    llvm::errs() << "error: --max-ranks is at least 1, got " << maxRanks << "\n";
    return 1;
  }
  DialectRegistry registry;
  registerAllDialects(registry);
  if (listBugs) {
    for (const Mutation *mutation : findMutations("all"))
      llvm::outs() << llvm::format("%-28s", mutation->name.str().c_str()) << mutation->what << "\n";
    return 0;
  }
  if (countOps)
    return countAllOps(registry);
  return seedBug.empty() ? runCases(registry) : huntBugs(registry);
}
