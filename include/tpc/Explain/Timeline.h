//===- Timeline.h - what a step's schedule takes, op by op -----------------------===//
//
// One rank's schedule on two queues: kernels, contracts and attention follow each other on the
// compute queue, collectives on the communication queue in the order of their starts. Where the
// compute queue has to stop for a collective, because it was not started before or its wait comes
// too soon, its time is exposed; the rest is hidden. A link that is not asynchronous executes a
// started collective at its wait: nothing is hidden. Ranks are alike, so none waits for a late one.
//
//===----------------------------------------------------------------------===//

#ifndef TPC_EXPLAIN_TIMELINE_H
#define TPC_EXPLAIN_TIMELINE_H

#include "mlir/Interfaces/FunctionInterfaces.h"
#include "tpc/Sharding/MachineModel.h"
#include "llvm/Support/raw_ostream.h"
#include <optional>

namespace tpc {

/// One op on the clock of a rank.
struct TimelineEvent {
  std::string op;     ///< "contract", "all_gather"; a launch is called as its kernel
  std::string module; ///< where it stands; empty if unknown
  double begin, seconds;
  /// Of collectives.
  struct Collective {
    int64_t number;     ///< in the manifest
    std::string axes;   ///< "dp,tp"
    int64_t bytes;      ///< that the rank receives
    double exposed;     ///< seconds for which the compute queue stops
    double start, wait; ///< when the program starts it, and when it needs the result
  };
  std::optional<Collective> collective;

  double getEnd() const { return begin + seconds; }
};

/// Seconds of the collectives over some axes.
struct CommunicationTime {
  std::string axes;
  double exposed = 0, hidden = 0;
};

struct NamedBytes {
  std::string name;
  int64_t bytes;
};

struct Timeline {
  std::vector<TimelineEvent> events; ///< in the order of the schedule
  double seconds = 0;                ///< of the whole
  double computeSeconds = 0;
  std::vector<CommunicationTime> communication;
  std::vector<NamedBytes> memory; ///< the planned arena of a rank, by category
  int64_t workspacePerThread = 0;
  double peakFlops = 0; ///< of one device in the type that most products are computed in
  /// Model FLOPs utilization by both conventions (`tpc-count-flops`), 0 to 1; 0 if not counted.
  double mfuCausal = 0, mfuPalm = 0;
};

/// Simulates `function`, a schedule with planned memory (`tpc-plan-memory`), on `machine`. Fails,
/// with an error, if the module has no mesh or no planned memory.
mlir::FailureOr<Timeline> predictStep(mlir::FunctionOpInterface function,
                                      const MachineModel &machine);

/// A few lines: the step, its parts, exposed and hidden communication by axes, memory.
void printTimeline(const Timeline &timeline, llvm::raw_ostream &os);
/// In the Trace Event Format that Perfetto and chrome://tracing read, one track per queue.
void printTrace(const Timeline &timeline, llvm::raw_ostream &os);

} // namespace tpc

#endif // TPC_EXPLAIN_TIMELINE_H
