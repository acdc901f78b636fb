//===- LlamaConfig.h - a Llama's shape, from Hugging Face's config.json --------===//
//
// Field names and defaults are those of transformers' LlamaConfig. What would change the
// computation and is not implemented (another activation, attention dropout, quantization, an
// unknown rotation) is an error, never ignored.
//
//===----------------------------------------------------------------------===//

#ifndef TPC_FRONTEND_LLAMACONFIG_H
#define TPC_FRONTEND_LLAMACONFIG_H

#include "mlir/IR/MLIRContext.h"
#include "mlir/Support/LLVM.h"
#include <string>

namespace tpc {

enum class RopeType { Default, Linear, Llama3 };

/// Rotary position embedding: angles are position * frequency.
struct RopeConfig {
  RopeType type = RopeType::Default;
  double theta = 10000.0;
  double factor = 1.0;                                        ///< linear, llama3
  double lowFrequencyFactor = 1.0, highFrequencyFactor = 4.0; ///< llama3
  double originalLength = 0.0; ///< llama3: positions before the context was extended
};

struct LlamaConfig {
  int64_t vocabulary = 0, hidden = 0, intermediate = 0, layers = 0;
  int64_t heads = 0, kvHeads = 0, headDim = 0;
  int64_t maxPositions = 0; ///< 0: not said
  double rmsNormEps = 1e-6, initializerRange = 0.02;
  bool attentionBias = false, mlpBias = false, tiedEmbeddings = false;
  RopeConfig rope;
  std::string path; ///< of the file, for messages
  std::string text; ///< as given

  /// Query heads per key/value head.
  int64_t getGroup() const { return heads / kvHeads; }
};

/// Reads the text of a config.json. Every mistake in it is reported at its line of `path`, then it
/// fails.
mlir::FailureOr<LlamaConfig> parseLlamaConfig(llvm::StringRef text, llvm::StringRef path,
                                              mlir::MLIRContext *context);

/// Angle per position of each pair of head dimensions, `headDim / 2` of them, as transformers'
/// ROPE_INIT_FUNCTIONS computes them for the types default, linear and llama3, in float64.
llvm::SmallVector<double> getRopeFrequencies(const RopeConfig &rope, int64_t headDim);

} // namespace tpc

#endif // TPC_FRONTEND_LLAMACONFIG_H
