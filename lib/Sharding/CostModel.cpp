//===- CostModel.cpp ------------------------------------------------------===//

#include "tpc/Sharding/CostModel.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/Support/ErrorHandling.h"
#include <algorithm>
#include <limits>

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

/// The least of what `link` takes for anything: its own figures and those of single collectives.
template <typename Function>
static double getLeast(const LinkModel &link, Function get) {
  double least = get(link);
  for (const CollectiveModel &collective : link.collectives)
    least = std::min(least, get(collective));
  return least;
}

CostModel::CostModel(const Mesh &mesh, const MachineModel &machine)
    : mesh(mesh), flops(machine.flops), memoryBandwidth(machine.memoryBandwidth) {
  if (mesh.axes.empty())
    return;
  leastLatency = leastSecondsPerByte = std::numeric_limits<double>::infinity();
  for (const MeshAxis &axis : mesh.axes) {
    const LinkModel &link = links.emplace_back(machine.getLink(axis.name));
    leastLatency = std::min(
        leastLatency, getLeast(link, [](const TransferModel &model) { return model.latency; }));
    leastSecondsPerByte =
        std::min(leastSecondsPerByte,
                 getLeast(link, [](const TransferModel &m) { return 1 / m.bandwidth; }));
  }
}

double CostModel::getSeconds(CollectiveKind kind, llvm::ArrayRef<AxisRef> axes,
                             double operandBytes) const {
  if (kind == CollectiveKind::Slice || axes.empty())
    return 0;
  double bytes = getReceivedBytes(kind, getSize(axes), operandBytes), alpha = 0, beta = 0;
  for (const AxisRef &axis : axes) {
    const TransferModel &model = links[axis.axis].getTransfer(kind, bytes);
    alpha = std::max(alpha, model.latency);
    beta = std::max(beta, 1 / model.bandwidth);
  }
  return alpha + beta * bytes;
}

double CostModel::getTransferSeconds(llvm::ArrayRef<AxisRef> axes, double receivedBytes) const {
  double beta = 0;
  for (const AxisRef &axis : axes)
    beta = std::max(beta, 1 / links[axis.axis].bandwidth);
  return beta * receivedBytes;
}

double CostModel::getWakeSeconds(llvm::ArrayRef<AxisRef> axes, double computed) const {
  double most = 0;
  for (const AxisRef &axis : axes)
    if (const WakeModel &wake = links[axis.axis].wake; computed > wake.after)
      most = std::max(most, wake.seconds);
  return most;
}

bool CostModel::isAsynchronous(llvm::ArrayRef<AxisRef> axes) const {
  return llvm::all_of(axes, [&](const AxisRef &axis) { return links[axis.axis].asynchronous; });
}

double CostModel::getComputeSeconds(double operations, double bytes) const {
  return std::max(operations / flops, bytes / memoryBandwidth);
}

bool CostModel::hasEqualLinks() const {
  return llvm::all_equal(
      llvm::map_range(links, [](const LinkModel &link) { return llvm::StringRef(link.name); }));
}
