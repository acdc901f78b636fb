//===- LlamaParameters.h - names, shapes and kinds of a Llama's parameters -----===//

#ifndef TPC_LIB_FRONTEND_LLAMAPARAMETERS_H
#define TPC_LIB_FRONTEND_LLAMAPARAMETERS_H

#include "tpc/Dialect/TPCDialect.h"
#include "tpc/Frontend/LlamaConfig.h"

namespace tpc {

struct Parameter {
  std::string name;                    ///< Hugging Face's, with the prefix `model.`
  llvm::SmallVector<int64_t, 4> shape; ///< in the program; heads are dimensions of their own
  llvm::SmallVector<int64_t, 2>
      hfShape; ///< in Hugging Face files: the same elements in the same order
  ParameterKind kind;
  int64_t fanIn;
};

/// All parameters in the order of PyTorch's named_parameters(). A tied lm_head has none of its own.
std::vector<Parameter> getParameters(const LlamaConfig &config);

/// "model.layers.3".
std::string getLayerName(int64_t layer);

} // namespace tpc

#endif // TPC_LIB_FRONTEND_LLAMAPARAMETERS_H
