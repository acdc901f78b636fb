//===- LlamaGraph.h - the ops of a Llama ---------------------------------------===//

#ifndef TPC_LIB_FRONTEND_LLAMAGRAPH_H
#define TPC_LIB_FRONTEND_LLAMAGRAPH_H

#include "ModuleBuilder.h"
#include "tpc/Frontend/LlamaConfig.h"

namespace tpc {

/// Builds into the parameters and at the insertion point of `modules`.
class LlamaGraph {
public:
  LlamaGraph(const LlamaConfig &config, ModuleBuilder &modules)
      : config(config), modules(modules) {}

  /// Logits [b, s, v] of tokens [b, s].
  mlir::Value buildLogits(mlir::Value tokens);
  /// The mean loss over valid targets, and how many there are.
  std::pair<mlir::Value, mlir::Value> buildLoss(mlir::Value logits, mlir::Value targets,
                                                mlir::Value ignoreIndex);

private:
  mlir::Value buildEmbedding(mlir::Value tokens);
  void buildRopeTables(int64_t sequence);
  mlir::Value buildLayer(mlir::Value x, const std::string &name);
  mlir::Value buildAttention(mlir::Value x, const std::string &name);
  mlir::Value buildMlp(mlir::Value x, const std::string &name);
  mlir::Value rotate(mlir::Value x);

  const LlamaConfig &config;
  ModuleBuilder &modules;
  mlir::Value cos, sin;
};

} // namespace tpc

#endif // TPC_LIB_FRONTEND_LLAMAGRAPH_H
