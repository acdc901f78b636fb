//===- StyleTable.cpp ----------------------------------------------------------===//

#include "StyleTable.h"
#include "llvm/ADT/StringSwitch.h"

using namespace mlir;
using namespace tpc;

ArrayRef<StyleSignature> tpc::getStyleSignatures() {
  static const std::vector<StyleSignature> signatures = {
      {"ColwiseParallel", {"input_layouts", "output_layouts", "use_local_output"}},
      {"RowwiseParallel", {"input_layouts", "output_layouts", "use_local_output"}},
      {"SequenceParallel", {"sequence_dim", "use_local_output"}},
      {"PrepareModuleInput",
       {"input_layouts", "desired_input_layouts", "input_kwarg_layouts",
        "desired_input_kwarg_layouts", "use_local_output"}},
      {"PrepareModuleOutput", {"output_layouts", "desired_output_layouts", "use_local_output"}},
      {"PrepareModuleInputOutput",
       {"input_layouts", "desired_input_layouts", "input_kwarg_layouts",
        "desired_input_kwarg_layouts", "use_local_input", "output_layouts",
        "desired_output_layouts", "use_local_output"}},
      {"ReplicateParallel", {"use_local_output"}},
  };
  return signatures;
}

ArrayRef<StringRef> tpc::getAdmittedStyles(ModuleKind kind) {
  static const std::vector<StringRef> sharded = {"ColwiseParallel",     "RowwiseParallel",
                                                 "ReplicateParallel",   "PrepareModuleInput",
                                                 "PrepareModuleOutput", "PrepareModuleInputOutput"};
  static const std::vector<StringRef> norm = {"SequenceParallel", "ReplicateParallel",
                                              "PrepareModuleInput", "PrepareModuleOutput",
                                              "PrepareModuleInputOutput"};
  static const std::vector<StringRef> container = {"PrepareModuleInput", "PrepareModuleOutput",
                                                   "PrepareModuleInputOutput"};
  switch (kind) {
  case ModuleKind::Linear:
  case ModuleKind::Embedding:
    return sharded;
  case ModuleKind::Norm:
    return norm;
  case ModuleKind::Container:
    return container;
  }
  return container;
}

StringRef tpc::getHuggingFaceCall(StringRef word, ModuleKind kind) {
  StringRef rowwise = kind == ModuleKind::Embedding ? "RowwiseParallel(input_layouts=Replicate())"
                                                    : "RowwiseParallel()";
  return llvm::StringSwitch<StringRef>(word)
      .Cases({"colwise", "local_colwise"}, "ColwiseParallel()")
      .Cases({"rowwise", "local_rowwise"}, rowwise)
      .Cases({"colwise_rep", "colwise_gather_output", "embedding_colwise"},
             "ColwiseParallel(output_layouts=Replicate())")
      .Cases({"rowwise_rep", "rowwise_split_input", "embedding_rowwise"},
             "RowwiseParallel(input_layouts=Replicate())")
      .Case("sequence_parallel", "SequenceParallel()")
      .Cases({"gather", "all_reduce"},
             "PrepareModuleOutput(output_layouts=None, desired_output_layouts=Replicate())")
      .Cases({"replicate", "replicated_with_grad_allreduce", "local"}, "ReplicateParallel()")
      .Default("");
}

bool tpc::isForOtherModels(StringRef word) {
  return word.starts_with("moe") || word.starts_with("mla") || word.starts_with("ep_") ||
         word == "grouped_gemm" || word.contains("expert");
}
