// Whether two config.json describe the same model.
#ifndef TPC_RUNTIME_TRAIN_MODELCONFIG_H
#define TPC_RUNTIME_TRAIN_MODELCONFIG_H

#include <string>

namespace tpc::runtime {

/// The first difference between two config.json texts in what a model computes, as "hidden_size is
/// 48, this program has 64"; empty if there is none. Values count, not how they are written:
/// transformers' defaults stand for fields that are missing, and `rope_theta` with `rope_scaling`,
/// or `rope_parameters`, in old and new words say the same. `ours` without a `model_type` or
/// `architectures`, as that of a program made of a module, says nothing to compare with.
std::string configDifference(const std::string &theirs, const std::string &ours);

} // namespace tpc::runtime

#endif
