//===- EmbedKernels.cpp - device code as constant bytes of the host program ----===//

#include "mlir/Dialect/GPU/IR/GPUDialect.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "tpc/Target/Passes.h"

namespace tpc {
#define GEN_PASS_DEF_EMBEDKERNELS
#include "tpc/Target/Passes.h.inc"
} // namespace tpc

using namespace mlir;
using namespace tpc;

/// What loaders of device code ask for.
static constexpr int64_t kAlignment = 64;

namespace {
struct EmbedKernels : tpc::impl::EmbedKernelsBase<EmbedKernels> {
  void runOnOperation() override {
    auto binary = getOperation().lookupSymbol<gpu::BinaryOp>("tpc_kernels");
    if (binary && failed(embed(binary)))
      signalPassFailure();
  }

  LogicalResult embed(gpu::BinaryOp binary) {
    auto symbol = getOperation().lookupSymbol<LLVM::GlobalOp>("tpc_device_code");
    if (!symbol)
      return binary.emitError("expects the constant 'tpc_device_code'; tpc-lower-to-cuda makes it");
    if (binary.getObjects().size() != 1)
      return binary.emitError("expects code for one architecture, got ")
             << binary.getObjects().size();
    StringAttr bytes = cast<gpu::ObjectAttr>(binary.getObjects()[0]).getObject();
    auto byte = IntegerType::get(&getContext(), 8);
    symbol.setGlobalType(LLVM::LLVMArrayType::get(byte, bytes.size()));
    symbol.setValueAttr(bytes);
    symbol.setAlignment(kAlignment);
    binary.erase();
    return success();
  }
};
} // namespace
