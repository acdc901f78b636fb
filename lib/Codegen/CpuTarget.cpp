//===- CpuTarget.cpp - workspaces of ops on a processor ------------------------===//

#include "tpc/Codegen/TargetInfo.h"
#include "tpc/Dialect/TPCDialect.h"
#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;
using namespace tpc;

// TPC_ATTENTION_BLOCK of runtime/include/tpc_runtime.h.
static constexpr int64_t kAttentionBlock = 64;

/// The formula of tpc_attention there: scores of a block of query rows, and their cotangents; for
/// narrow elements both rounded, and what is rounded last.
static int64_t getAttentionWorkspace(Value k) {
  auto type = cast<RankedTensorType>(k.getType());
  int64_t keys = type.getDimSize(1), dim = type.getDimSize(3), floats = 2 * kAttentionBlock * keys;
  if (isNarrowFloat(type.getElementType()))
    floats += kAttentionBlock * (keys + dim) + 2 * keys * dim;
  return 4 * floats;
}

namespace {
struct CpuTargetInfo : TargetInfo {
  int64_t getWorkspaceBytes(Operation *op) const override {
    return llvm::TypeSwitch<Operation *, int64_t>(op)
        .Case([](AttentionOp attention) { return getAttentionWorkspace(attention.getK()); })
        .Case([](AttentionGradOp gradient) { return getAttentionWorkspace(gradient.getK()); })
        .Default([](Operation *) { return 0; });
  }
};
} // namespace

std::unique_ptr<TargetInfo> tpc::createCpuTargetInfo() { return std::make_unique<CpuTargetInfo>(); }
