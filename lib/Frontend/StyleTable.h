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
/// PyTorch's styles (torch.distributed.tensor.parallel) and those of transformers' that PyTorch
/// lacks.
llvm::ArrayRef<StyleSignature> getStyleSignatures();

/// A plan string of Hugging Face and the constructor call that it stands for.
struct PlanString {
  llvm::StringRef word, call;
};
/// The strings that split or place modules of a Llama, after transformers' ALL_PARALLEL_STYLES.
llvm::ArrayRef<PlanString> getPlanStrings();

/// The constructor call that a plan string stands for on a module of `kind`; empty for other words.
llvm::StringRef getHuggingFaceCall(llvm::StringRef word, ModuleKind kind);

/// Why a plan string suits no module of `kind`, or of any Llama: what it is for, and what to say
/// instead. Empty if it does.
std::string explainUnsuited(llvm::StringRef word, ModuleKind kind);

} // namespace tpc

#endif // TPC_LIB_FRONTEND_STYLETABLE_H
