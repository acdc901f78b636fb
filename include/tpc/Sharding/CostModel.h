//===- CostModel.h - what a collective costs on a mesh ----------------------===//
//
// alpha + beta * bytes received. Over n ranks, with L the bytes of the operand on one rank (local
// bytes):
//
//   slice           0
//   all_gather      (n - 1) L
//   reduce_scatter  (n - 1) / n L
//   all_reduce      2 (n - 1) / n L
//   all_to_all      (n - 1) / n L
//   permute         L
//
//===----------------------------------------------------------------------===//

#ifndef TPC_SHARDING_COSTMODEL_H
#define TPC_SHARDING_COSTMODEL_H

#include "tpc/Sharding/Layout.h"
#include "tpc/Sharding/MachineModel.h"

namespace tpc {

/// Bytes that each rank receives; `operandBytes` are one rank's.
double getReceivedBytes(CollectiveKind kind, int64_t groupSize, double operandBytes);

class CostModel {
public:
  CostModel(const Mesh &mesh, const MachineModel &machine);

  /// Seconds for one collective.
  double getSeconds(CollectiveKind kind, llvm::ArrayRef<AxisRef> axes, double operandBytes) const;
  /// Seconds that `receivedBytes` take on the slowest of `axes`, latency left out.
  double getTransferSeconds(llvm::ArrayRef<AxisRef> axes, double receivedBytes) const;
  /// Seconds that a collective takes longer whose ranks have computed for `computed` seconds since
  /// the last one.
  double getWakeSeconds(llvm::ArrayRef<AxisRef> axes, double computed) const;
  /// Can a collective over `axes` proceed while the device computes?
  bool isAsynchronous(llvm::ArrayRef<AxisRef> axes) const;
  /// Seconds for `flops` operations on one device, or to move `bytes` through its memory, whichever
  /// is more.
  double getComputeSeconds(double flops, double bytes) const;
  /// Lower bounds for any collective on this mesh.
  double getLeastLatency() const { return leastLatency; }
  double getLeastSecondsPerByte() const { return leastSecondsPerByte; }
  /// Does a collective cost the same whichever axes it runs over?
  bool hasEqualLinks() const;
  const Mesh &getMesh() const { return mesh; }

private:
  Mesh mesh;
  double flops, memoryBandwidth;
  std::vector<LinkModel> links; ///< per mesh axis
  double leastLatency = 0, leastSecondsPerByte = 0;
};

} // namespace tpc

#endif // TPC_SHARDING_COSTMODEL_H
