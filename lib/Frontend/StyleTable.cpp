//===- StyleTable.cpp ----------------------------------------------------------===//
//
// Sources: signatures are those of torch/distributed/tensor/parallel/style.py. Plan strings and the
// classes GatherParallel, ReplicateParallel and ReplicatedWithGradAllReduce are those of
// transformers: integrations/tensor_parallel.py up to version 5.0, distributed/tensor_parallel.py
// since.
//
//===----------------------------------------------------------------------===//

#include "StyleTable.h"
#include "llvm/ADT/STLExtras.h"

using namespace mlir;
using namespace tpc;

//===-- classes ----------------------------------------------------------------===//

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
      {"ReplicatedWithGradAllReduce", {}},
      {"GatherParallel", {}},
  };
  return signatures;
}

/// `first`, then what every module admits, then transformers' own styles.
static std::vector<StringRef> makeList(std::initializer_list<StringRef> first, bool hasParameters) {
  std::vector<StringRef> list(first);
  for (StringRef name :
       {"PrepareModuleInput", "PrepareModuleOutput", "PrepareModuleInputOutput", "GatherParallel"})
    list.push_back(name);
  if (hasParameters)
    for (StringRef name : {"ReplicateParallel", "ReplicatedWithGradAllReduce"})
      list.push_back(name);
  return list;
}

ArrayRef<StringRef> tpc::getAdmittedStyles(ModuleKind kind) {
  static const auto sharded = makeList({"ColwiseParallel", "RowwiseParallel"}, true);
  static const auto norm = makeList({"SequenceParallel"}, true);
  static const auto container = makeList({}, false);
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

//===-- plan strings -----------------------------------------------------------===//

/// `local_*` differ from their namesakes only in that parameters are no DTensors. An embedding
/// whose columns are split hands on whole rows in transformers (EmbeddingParallel), which PyTorch's
/// ColwiseParallel does only if told to. `gather` and `all_reduce` sum what the ranks hold, so that
/// the output is whole.
ArrayRef<PlanString> tpc::getPlanStrings() {
  static const PlanString strings[] = {
      {"colwise", "ColwiseParallel()"},
      {"local_colwise", "ColwiseParallel()"},
      {"colwise_rep", "ColwiseParallel(output_layouts=Replicate())"},
      {"colwise_gather_output", "ColwiseParallel(output_layouts=Replicate())"},
      {"embedding_colwise", "ColwiseParallel(output_layouts=Replicate())"},
      {"rowwise", "RowwiseParallel()"},
      {"local_rowwise", "RowwiseParallel()"},
      {"rowwise_rep", "RowwiseParallel(input_layouts=Replicate())"},
      {"rowwise_split_input", "RowwiseParallel(input_layouts=Replicate())"},
      {"embedding_rowwise", "RowwiseParallel(input_layouts=Replicate())"},
      {"sequence_parallel", "SequenceParallel()"},
      {"gather", "GatherParallel()"},
      {"all_reduce", "GatherParallel()"},
      {"replicate", "ReplicateParallel()"},
      {"replicated_with_grad_allreduce", "ReplicatedWithGradAllReduce()"},
      {"local", "ReplicatedWithGradAllReduce()"},
  };
  return strings;
}

StringRef tpc::getHuggingFaceCall(StringRef word, ModuleKind kind) {
  if (kind == ModuleKind::Embedding && (word == "rowwise" || word == "local_rowwise"))
    word = "embedding_rowwise"; // transformers' inputs are local tensors: the ids are whole
  auto found =
      llvm::find_if(getPlanStrings(), [&](const PlanString &entry) { return entry.word == word; });
  return found == getPlanStrings().end() ? StringRef() : found->call;
}

std::string tpc::explainUnsuited(StringRef word, ModuleKind kind) {
  if (word.contains("moe") || word.contains("expert") || word.starts_with("ep_") ||
      word == "grouped_gemm")
    return "is for mixtures of experts, which this model has none of";
  if (word.starts_with("mla"))
    return "is for multi-head latent attention, which this model has none of";
  bool rowwise = word.contains("rowwise");
  if (word == "packed_colwise" || word == "packed_rowwise" || word == "local_packed_rowwise")
    return std::string("fits fused projections (mlp.gate_up_proj, self_attn.qkv_proj), each block "
                       "of which is split; this model keeps them apart: use ") +
           (rowwise ? "rowwise on mlp.down_proj" : "colwise on mlp.gate_proj and mlp.up_proj");
  if (word.starts_with("embedding_") && kind != ModuleKind::Embedding)
    return std::string("fits embeddings: use ") +
           (rowwise ? "rowwise_split_input" : "colwise_gather_output");
  return "";
}
