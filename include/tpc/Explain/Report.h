//===- Report.h - what a partitioned program costs, and why --------------------===//
//
// Collectives of one step and parameters on one rank, read off the local program: bytes from shapes
// and axes, reasons from locations (tpc/Dialect/Provenance.h), seconds from a machine model.
//
//===----------------------------------------------------------------------===//

#ifndef TPC_EXPLAIN_REPORT_H
#define TPC_EXPLAIN_REPORT_H

#include "mlir/IR/BuiltinOps.h"
#include "tpc/Dialect/Provenance.h"
#include "tpc/Explain/Timeline.h"
#include "tpc/Propagation/PropagationGraph.h"
#include "tpc/Sharding/MachineModel.h"
#include <array>

namespace tpc {

/// What a collective's values are to the user.
enum class TrafficKind {
  Activation, ///< and the gradients of activations
  Parameter,  ///< parameters and optimizer state
  Gradient,   ///< of parameters
  Scalar      ///< single numbers: loss, counts, norms
};
inline constexpr TrafficKind kTrafficKinds[] = {TrafficKind::Activation, TrafficKind::Parameter,
                                                TrafficKind::Gradient, TrafficKind::Scalar};
llvm::StringRef stringify(TrafficKind kind);
llvm::StringRef stringify(ProgramPhase phase);

/// Bytes that a rank receives, by TrafficKind.
using BytesByKind = std::array<int64_t, 4>;
int64_t getSum(const BytesByKind &bytes);

/// A change of the plan that removes a collective.
struct Remedy {
  std::string location, key; ///< of the rule
  std::string style;         ///< what it should say; empty: nothing, the rule goes
  int64_t bytes; ///< what a rank then receives more (less: negative), in a model of few layers
};

struct CollectiveReport {
  int64_t index;                 ///< position in the step
  int64_t number;                ///< in the manifest: what messages of the runtime call it
  std::string op;                ///< "all_gather"
  std::vector<std::string> axes; ///< "tp", "tp:(1)2"
  std::string dtype;
  int64_t elements; ///< of the wider side, on one rank
  BytesByKind bytes;
  double seconds;
  std::string module; ///< where it stands; empty if unknown
  ProgramPhase phase;
  TrafficKind kind;             ///< of most of its bytes
  std::vector<ChainLink> why;   ///< from annotations over ops to here
  std::optional<Remedy> remedy; ///< null if no single change is known to remove it
};

struct ParameterReport {
  std::string name;
  std::vector<int64_t> shape; ///< Hugging Face's, whole
  std::string layout;         ///< DTensor's words, in dimensions of `shape`
  int64_t bytes;              ///< on one rank
};

/// A module of the model as the forward program runs it; a layout is told as DTensor would, in
/// Hugging Face's dimensions, and as "A -> B" where the module itself reshards the value.
struct ModuleReport {
  std::string name;
  std::vector<std::string> inputs, outputs; ///< each layout once
};

struct Totals {
  int64_t collectives = 0;
  BytesByKind bytes{};
  double seconds = 0;
};

struct Report {
  std::string machine, mesh;
  std::string program; ///< the function reported on: "step" or "forward"
  std::vector<CollectiveReport> collectives;
  std::vector<ParameterReport> parameters;
  std::vector<ModuleReport> modules; ///< in the order in which they are entered
  std::optional<Timeline> timeline;  ///< of the program's schedule, if that was asked for

  Totals getTotals() const;
  int64_t getParameterBytes() const;
};

/// Reports on the step (else the forward program, else the first function) of a local program.
/// Fails, with an error at the module, if it has no mesh or no function.
mlir::FailureOr<Report> buildReport(mlir::ModuleOp module, const MachineModel &machine);

/// What goes in and out of every module, read off a program in global form whose reshards are
/// explicit (after tpc-insert-reshards). Ops belong to the module that their location names.
std::vector<ModuleReport> collectModules(mlir::ModuleOp module);

/// The function that reports are about, or null.
mlir::FunctionOpInterface findProgram(mlir::ModuleOp module);

} // namespace tpc

#endif // TPC_EXPLAIN_REPORT_H
