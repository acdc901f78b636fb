//===- Oracle.cpp ------------------------------------------------------------------===//

#include "Oracle.h"
#include "Mutations.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/Diagnostics.h"
#include "mlir/IR/Verifier.h"
#include "mlir/Pass/PassManager.h"
#include "mlir/Pass/PassRegistry.h"
#include "tpc/Dialect/TPCDialect.h"
#include "llvm/Support/raw_ostream.h"
#include <cmath>

using namespace mlir;
using namespace tpc;
using namespace tpc::fuzz;

static constexpr double kTolerance = 1e-12;

StringRef tpc::fuzz::getName(Stage stage) {
  static const StringRef names[] = {"global", "propagated", "resharded", "expanded",
                                    "local",  "optimized",  "scheduled"};
  return names[static_cast<unsigned>(stage)];
}

std::string tpc::fuzz::getPipeline(const FuzzCase &fuzzCase, Stage stage) {
  switch (stage) {
  case Stage::Global:
    return "";
  case Stage::Propagated:
    return "tpc-propagate-layouts" +
           (fuzzCase.storageAxes.empty() ? "" : "{storage-axes=" + fuzzCase.storageAxes + "}") +
           ",tpc-pad-uneven,tpc-verify-layouts";
  case Stage::Resharded:
    return "tpc-insert-reshards{machine=" + fuzzCase.machine +
           (fuzzCase.strict ? " policy=strict}" : "}");
  case Stage::Expanded:
    return "tpc-expand-reshards{machine=" + fuzzCase.machine + "}";
  case Stage::Local:
    return "tpc-localize,tpc-verify-local";
  case Stage::Optimized:
    return std::string("tpc-fold-local-collectives,tpc-simplify-collectives") +
           (fuzzCase.strict ? "{keep-gathers=1}" : "") + ",tpc-combine-collectives";
  case Stage::Scheduled:
    return "tpc-form-kernels,tpc-group-launches,tpc-overlap-collectives";
  }
  llvm_unreachable("unknown stage");
}

namespace {
/// Keeps the first error of what it encloses; remarks and warnings are dropped.
class ErrorCatcher : public ScopedDiagnosticHandler {
public:
  explicit ErrorCatcher(MLIRContext *context) : ScopedDiagnosticHandler(context) {
    setHandler([this](Diagnostic &diagnostic) {
      if (diagnostic.getSeverity() == DiagnosticSeverity::Error && message.empty())
        message = diagnostic.str();
    });
  }
  std::string message;
};
} // namespace

//===-- running ----------------------------------------------------------------------===//

FailureOr<Outcome> Oracle::run(ModuleOp module) {
  RunOptions options;
  options.inputs = {InputKind::Quarters, fuzzCase.inputSeed, fuzzCase.ids};
  options.precision = fuzzCase.exact ? Precision::Exact : Precision::Float64;
  FailureOr<std::vector<Outcome>> outcomes = runModule(module, options);
  if (failed(outcomes))
    return failure();
  return std::move(outcomes->front());
}

/// A copy of the program that returns every value behind the results.
static OwningOpRef<ModuleOp> returnEverything(ModuleOp module) {
  OwningOpRef<ModuleOp> probe = module.clone();
  func::FuncOp function = *probe->getOps<func::FuncOp>().begin();
  Block &body = function.getBody().front();
  SmallVector<Value> values(body.getTerminator()->getOperands());
  for (Operation &op : body)
    for (Value value : op.getResults())
      if (isa<RankedTensorType>(value.getType()))
        values.push_back(value);
  body.getTerminator()->setOperands(values);
  SmallVector<Type> types(ValueRange(values).getTypes());
  function.setResAttrsAttr({});
  function.setFunctionType(
      FunctionType::get(module.getContext(), function.getArgumentTypes(), types));
  return probe;
}

std::optional<Failure> Oracle::setReference() {
  ModuleOp module = fuzzCase.getModule();
  ErrorCatcher errors(module.getContext());
  if (failed(mlir::verify(module)))
    return Failure{Stage::Global, false, errors.message};
  FailureOr<Outcome> everything = run(*returnEverything(module));
  if (failed(everything))
    return Failure{Stage::Global, false, errors.message};
  for (const Tensor &tensor : everything->results)
    for (double value : tensor.data)
      if (std::isfinite(value))
        largest = std::max(largest, std::fabs(value));
  func::FuncOp function = *module.getOps<func::FuncOp>().begin();
  everything->results.resize(function.getNumResults());
  reference = std::move(*everything);
  return std::nullopt;
}

//===-- compiling --------------------------------------------------------------------===//

std::optional<Failure> Oracle::advance(ModuleOp module, Stage to) {
  ErrorCatcher errors(module.getContext());
  PassManager manager(module.getContext());
  if (failed(parsePassPipeline(getPipeline(fuzzCase, to), manager)))
    llvm::report_fatal_error("the pipeline of a stage does not parse");
  if (succeeded(manager.run(module)))
    return std::nullopt;
  return Failure{to, false, errors.message};
}

//===-- comparing --------------------------------------------------------------------===//

/// The first element that differs by more than `allowed`, described.
static std::optional<std::string> findElement(const Tensor &ours, const Tensor &theirs,
                                              double allowed) {
  std::string text;
  llvm::raw_string_ostream os(text);
  if (ours.shape != theirs.shape)
    return "another shape";
  for (auto [number, pair] : llvm::enumerate(llvm::zip_equal(ours.data, theirs.data))) {
    auto [x, y] = pair;
    if (x == y || (std::isnan(x) && std::isnan(y)) || std::fabs(x - y) <= allowed)
      continue;
    os << "element " << number << " is " << x << ", expected " << y;
    return text;
  }
  return std::nullopt;
}

std::optional<Failure> Oracle::compare(ModuleOp module, Stage stage) {
  ErrorCatcher errors(module.getContext());
  FailureOr<Outcome> outcome = run(module);
  if (failed(outcome)) // replicas that disagree are values gone wrong
    return Failure{stage, StringRef(errors.message).contains("disagree"), errors.message};
  double allowed = fuzzCase.exact ? 0 : kTolerance * largest;
  for (auto [number, tensors] :
       llvm::enumerate(llvm::zip_equal(outcome->results, reference.results)))
    if (std::optional<std::string> difference =
            findElement(std::get<0>(tensors), std::get<1>(tensors), allowed))
      return Failure{stage, true, "result " + std::to_string(number) + ": " + *difference};
  return std::nullopt;
}

std::optional<Failure> Oracle::check() {
  if (std::optional<Failure> failure = setReference())
    return failure;
  OwningOpRef<ModuleOp> module = fuzzCase.getModule().clone();
  for (Stage stage : kStages) {
    if (std::optional<Failure> failure = advance(*module, stage))
      return failure;
    Random random(fuzzCase.inputSeed, 0);
    if (bug && bug->after == stage)
      bug->apply(*module, random);
    if (stage >= Stage::Local)
      if (std::optional<Failure> failure = compare(*module, stage))
        return failure;
  }
  return std::nullopt;
}
