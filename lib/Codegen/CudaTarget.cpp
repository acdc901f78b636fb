//===- CudaTarget.cpp - workspaces of ops on a GPU -----------------------------===//

#include "tpc/Codegen/GpuKernelInfo.h"
#include "tpc/Codegen/TargetInfo.h"
#include "tpc/Dialect/CollectiveTraffic.h"
#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;
using namespace tpc;

/// What cuBLASLt's algorithms that split the sum may use; more does not help on any of the GPUs.
static constexpr int64_t kContractWorkspace = int64_t(32) << 20;

/// What cuDNN 9.19 asks for bf16, and the runtime's own kernels for the rest: the formula of
/// attentionWorkspaceBytes in the runtime. `arch`: "sm_90".
static int64_t getAttentionWorkspace(Value q, Value k, bool gradient, StringRef arch) {
  auto type = cast<RankedTensorType>(q.getType());
  int64_t batch = type.getDimSize(0), queries = type.getDimSize(1), group = type.getDimSize(3),
          dim = type.getDimSize(4), keys = cast<RankedTensorType>(k.getType()).getDimSize(1);
  int64_t heads = batch * type.getDimSize(2) * group, rows = heads * queries;
  constexpr int64_t alignment = 256;
  if (!type.getElementType().isBF16())
    return gradient ? 4 * rows : 0;
  if (!gradient)
    return alignment;
  int64_t bytes = 4 * rows * dim + 4 * rows + alignment; // dQ in float32, a sum for each row
  if (group > 1) // dK and dV of each head, before those of a group are added
    bytes += 4 * heads * keys * dim;
  if (arch == "sm_80" || arch == "sm_120") // dQ once more, the rows of a head in eights
    bytes += 4 * heads * llvm::alignTo(queries, 8) * dim;
  return bytes;
}

/// Two 32-bit numbers for each token: the lists of tokens that share a row.
static int64_t getTokenLists(Value ids) {
  return 8 * cast<RankedTensorType>(ids.getType()).getNumElements();
}

/// A kernel that cannot be lowered needs none: its lowering says why.
static int64_t getLaunchWorkspace(LaunchOp op) {
  auto kernel = SymbolTable::lookupNearestSymbolFrom<func::FuncOp>(op, op.getKernelAttr());
  FailureOr<int64_t> bytes = kernel ? getGpuWorkspaceBytes(kernel) : 0;
  return succeeded(bytes) ? *bytes : 0;
}

namespace {
struct CudaTargetInfo : TargetInfo {
  explicit CudaTargetInfo(StringRef arch) : arch(arch) {}

  int64_t getWorkspaceBytes(Operation *op) const override {
    return llvm::TypeSwitch<Operation *, int64_t>(op)
        .Case([](LaunchOp launch) { return getLaunchWorkspace(launch); })
        .Case<ContractOp, ContractPairOp>([](auto) { return kContractWorkspace; })
        .Case([&](AttentionOp attention) {
          return getAttentionWorkspace(attention.getQ(), attention.getK(), false, arch);
        })
        .Case([&](AttentionGradOp gradient) {
          return getAttentionWorkspace(gradient.getQ(), gradient.getK(), true, arch);
        })
        .Case([](EmbeddingGradOp gradient) { return getTokenLists(gradient.getIds()); })
        .Default([](Operation *) { return 0; });
  }

  bool pairsContracts() const override { return true; }

  int64_t getPackingBytes(Operation *op) const override { return getPackedBytes(op); }

  std::string arch;
};
} // namespace

std::unique_ptr<TargetInfo> tpc::createCudaTargetInfo(StringRef arch) {
  return std::make_unique<CudaTargetInfo>(arch);
}
