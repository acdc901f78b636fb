//===- CudaTarget.cpp - workspaces of ops on a GPU -----------------------------===//

#include "tpc/Codegen/TargetInfo.h"
#include "tpc/Dialect/TPCDialect.h"
#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;
using namespace tpc;

/// What cuBLASLt's split-k algorithms may use: TPC_CUDA_CONTRACT_WORKSPACE of tpc_runtime.h.
static constexpr int64_t kContractWorkspace = int64_t(32) << 20;

/// Of cuDNN's deterministic backward pass, the larger of the two: dQ in float32, one number per
/// query row, and what it aligns.
static int64_t getAttentionGradWorkspace(Value q) {
  ArrayRef<int64_t> shape = cast<RankedTensorType>(q.getType()).getShape();
  int64_t rows = shape[0] * shape[1] * shape[2] * shape[3], dim = shape[4];
  return 8 * rows * dim + 4 * rows + 256;
}

namespace {
struct CudaTargetInfo : TargetInfo {
  explicit CudaTargetInfo(StringRef arch) : arch(arch) {}

  int64_t getWorkspaceBytes(Operation *op) const override {
    return llvm::TypeSwitch<Operation *, int64_t>(op)
        .Case([](ContractOp) { return kContractWorkspace; })
        .Case([](AttentionGradOp gradient) { return getAttentionGradWorkspace(gradient.getQ()); })
        .Default([](Operation *) { return 0; });
  }

  std::string arch;
};
} // namespace

std::unique_ptr<TargetInfo> tpc::createCudaTargetInfo(StringRef arch) {
  return std::make_unique<CudaTargetInfo>(arch);
}
