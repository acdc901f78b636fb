// What this machine's processors, memory and links do, for predictions.
#ifndef TPC_RUNTIME_MEASURE_MEASURE_H
#define TPC_RUNTIME_MEASURE_MEASURE_H

#include "tpc/runtime/Context.h"
#include <functional>
#include <string>
#include <utility>
#include <vector>

namespace tpc::runtime {

/// The communication region that measureMachine() needs of the context's communicator.
inline constexpr size_t kMeasureRegionBytes = 64 << 20;

/// One rank with all its threads, while the other ranks do the same.
struct DeviceFigures {
  double flops = 0; ///< best matrix product in MeasuredWork::type, operations per second
  std::vector<std::pair<tpc_dtype, double>> types; ///< the same in other element types
  /// Of `flops`: matrix products of Llama's shapes, attention and its gradient.
  double contract = 0, attention = 0, attentionGrad = 0;
  double memoryBandwidth = 0; ///< bytes read and written per second, beyond all caches
  double cacheBytes = 0, cacheBandwidth = 0; ///< the same of what fits into cacheBytes
  double launchSeconds = 0;                  ///< of a kernel that does nothing
};

/// A matrix product.
struct ProductShape {
  int64_t m, n, k;
};

/// What a device is measured with: of a size that keeps it busy for a while.
struct MeasuredWork {
  tpc_dtype type; ///< that layers are computed in
  std::vector<ProductShape> products, layers;
  std::vector<std::pair<tpc_dtype, int64_t>> otherTypes; ///< sizes of square products
  tpc_attention_desc attention;
  uint64_t attentionWorkspace, workspace, largestMemory, smallestMemory;
  int64_t largestCollective = kMeasureRegionBytes / 2; ///< bytes of its larger side
  double seconds; ///< for each figure; a collective of one size takes a quarter

  /// f32, a small Llama's layers.
  static MeasuredWork ofHost(int threads);
  /// bf16, the layers of a Llama of a billion parameters.
  static MeasuredWork ofGpu();
};

/// A measured collective: what a rank receives, and the time from when the last rank is there.
struct TransferPoint {
  double bytes, seconds;
};

/// alpha and beta for up to so many received bytes.
struct TransferSegment {
  double upTo, latency, bandwidth;
};

struct CollectiveFigures {
  CollectiveOp op;
  std::vector<TransferSegment> segments;
};

/// What a collective takes longer after ranks have computed for more than `after` seconds.
struct WakeFigures {
  double after = 0, seconds = 0;
};

struct MachineFigures {
  std::string origin; ///< how and where this was measured, for people
  DeviceFigures device;
  std::string link;                           ///< the communicator's name
  bool asynchronous = false;                  ///< collectives proceed while the device computes
  WakeFigures wake;                           ///< of ranks that sleep while they wait
  std::vector<CollectiveFigures> collectives; ///< none of a single rank
};

/// Told what is measured now and what came of it, on every rank.
using Progress = std::function<void(const std::string &text)>;

/// The collectives that a communicator is measured with, each at its largest: what it must know
/// when it connects.
std::vector<Collective> measuredCollectives(int ranks);

/// All ranks call it; the least of all ranks' rates is returned on each. Takes some 20 seconds.
MachineFigures measureMachine(tpc_context &context, const Progress &progress);
DeviceFigures measureDevice(tpc_context &context, const MeasuredWork &work,
                            const Progress &progress);
std::vector<CollectiveFigures> measureCollectives(tpc_context &context, const MeasuredWork &work,
                                                  const Progress &progress);
/// Processors only: how much longer a small all-reduce takes if the others have slept for long.
WakeFigures measureWake(tpc_context &context);

/// measureMachine(), told on standard error as it goes; rank 0 writes the YAML to `output`, or to
/// standard output if that is empty. `command`: what was called, for the file's first line.
void writeMeasurement(tpc_context &context, const std::string &command, const std::string &output);

/// The fewest segments, each a line of non-negative latency within a tenth of its points where one
/// exists; `points` by growing bytes.
std::vector<TransferSegment> fitTransfers(const std::vector<TransferPoint> &points);

/// The YAML that `tpc-compile --machine` reads; `command`: what measured it.
std::string toYaml(const MachineFigures &figures, const std::string &command);

} // namespace tpc::runtime

#endif
