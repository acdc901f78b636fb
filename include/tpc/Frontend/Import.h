//===- Import.h - from a configuration to the global program -------------------===//
//
// The program of one device, in global shapes:
//
//   forward: @forward(tokens, parameters...) -> logits
//   train:   @loss(tokens, targets, ignore_index, parameters...) -> loss, tokens
//
// `loss` is the mean over the valid targets of the whole batch, `tokens` their number. Every
// module's inputs and outputs pass through `tpc.boundary`, every parameter through `tpc.use`, and
// every op's location is its module's name.
//
//===----------------------------------------------------------------------===//

#ifndef TPC_FRONTEND_IMPORT_H
#define TPC_FRONTEND_IMPORT_H

#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/OwningOpRef.h"
#include "tpc/Frontend/LlamaConfig.h"
#include "tpc/Sharding/Mesh.h"

namespace tpc {

enum class Mode { Train, Forward };

/// Element types of a program. Parameters, their gradients and optimizer state, losses and norms
/// are of the first, activations and the operands of products of the second.
enum class ModelPrecision {
  F32,  ///< f32 and f32
  Bf16, ///< f32 and bf16
  F64   ///< f64 and f64
};

struct ImportOptions {
  Mode mode = Mode::Train;
  int64_t batch = 1;    ///< sequences per step, of all ranks together
  int64_t sequence = 1; ///< positions per sequence
  Mesh mesh;
  ModelPrecision precision = ModelPrecision::F32;
};

/// Reads MODEL, a config.json or a folder that has one. Mistakes are reported at the file and line,
/// then it fails.
mlir::FailureOr<LlamaConfig> loadLlamaConfig(llvm::StringRef model, mlir::MLIRContext *context);

/// Builds the program. Fails, with the reason reported, if the options do not suit the model.
mlir::OwningOpRef<mlir::ModuleOp>
importLlama(const LlamaConfig &config, const ImportOptions &options, mlir::MLIRContext *context);

/// Of any program: reports the value at which the bytes of all values, added up, are more than any
/// machine has, and fails. Sizes of a program that passes do not overflow in what follows.
mlir::LogicalResult checkSizes(mlir::ModuleOp module);

} // namespace tpc

#endif // TPC_FRONTEND_IMPORT_H
