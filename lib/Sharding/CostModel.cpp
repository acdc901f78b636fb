//===- CostModel.cpp ------------------------------------------------------===//

#include "tpc/Sharding/CostModel.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/Support/ErrorHandling.h"
#include <algorithm>

using namespace tpc;

double tpc::getReceivedBytes(CollectiveKind kind, int64_t groupSize, double operandBytes) {
  double others = static_cast<double>(groupSize - 1), n = static_cast<double>(groupSize);
  switch (kind) {
  case CollectiveKind::Slice:
    return 0;
  case CollectiveKind::AllGather:
    return others * operandBytes;
  case CollectiveKind::ReduceScatter:
  case CollectiveKind::AllToAll:
    return others / n * operandBytes;
  case CollectiveKind::AllReduce:
    return 2 * others / n * operandBytes;
  case CollectiveKind::Permute:
    return operandBytes;
  }
  llvm_unreachable("unknown collective");
}

CostModel::CostModel(const Mesh &mesh, const MachineModel &machine)
    : mesh(mesh), flops(machine.flops), memoryBandwidth(machine.memoryBandwidth) {
  for (const MeshAxis &axis : mesh.axes) {
    const LinkModel &link = machine.getLink(axis.name);
    latency.push_back(link.latency);
    secondsPerByte.push_back(1 / link.bandwidth);
  }
  if (mesh.axes.empty())
    return;
  leastLatency = *std::min_element(latency.begin(), latency.end());
  leastSecondsPerByte = *std::min_element(secondsPerByte.begin(), secondsPerByte.end());
}

double CostModel::getSeconds(CollectiveKind kind, llvm::ArrayRef<AxisRef> axes,
                             double operandBytes) const {
  if (kind == CollectiveKind::Slice || axes.empty())
    return 0;
  double alpha = 0;
  for (const AxisRef &axis : axes)
    alpha = std::max(alpha, latency[axis.axis]);
  return alpha + getTransferSeconds(axes, getReceivedBytes(kind, getSize(axes), operandBytes));
}

double CostModel::getTransferSeconds(llvm::ArrayRef<AxisRef> axes, double receivedBytes) const {
  double beta = 0;
  for (const AxisRef &axis : axes)
    beta = std::max(beta, secondsPerByte[axis.axis]);
  return beta * receivedBytes;
}

double CostModel::getComputeSeconds(double operations, double bytes) const {
  return std::max(operations / flops, bytes / memoryBandwidth);
}

bool CostModel::hasEqualLinks() const {
  return llvm::all_equal(latency) && llvm::all_equal(secondsPerByte);
}
