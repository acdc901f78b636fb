//===- StyleTable.h - the styles by name ---------------------------------------===//

#ifndef TPC_LIB_FRONTEND_STYLETABLE_H
#define TPC_LIB_FRONTEND_STYLETABLE_H

#include "tpc/Frontend/Plan.h"

namespace tpc {

/// A style's constructor: its parameters in positional order.
struct StyleSignature {
  llvm::StringRef name;
  std::vector<llvm::StringRef> parameters;
};
llvm::ArrayRef<StyleSignature> getStyleSignatures();

/// The constructor call that a Hugging Face plan string stands for; empty for other words.
llvm::StringRef getHuggingFaceCall(llvm::StringRef word, ModuleKind kind);

/// Is it one of Hugging Face's strings for mixtures of experts or latent attention?
bool isForOtherModels(llvm::StringRef word);

} // namespace tpc

#endif // TPC_LIB_FRONTEND_STYLETABLE_H
