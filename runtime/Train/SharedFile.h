// A safetensors file that all ranks write together, none holding all of it.
#ifndef TPC_RUNTIME_TRAIN_SHAREDFILE_H
#define TPC_RUNTIME_TRAIN_SHAREDFILE_H

#include "IO/AsideFile.h"
#include "IO/Safetensors.h"
#include "Train/Program.h"
#include <memory>
#include <string>
#include <vector>

namespace tpc::runtime {

/// Every rank makes the same calls. Rank 0 creates the file aside with its full size, every rank
/// writes its own parts, and the file gets its name when all are on disk. Ranks on several hosts
/// need a shared folder.
class SharedSafetensors {
public:
  SharedSafetensors(Program &program, const std::string &path, std::vector<TensorSpec> tensors);
  /// Writes this rank's part of tensor `index`, unless a lower rank holds the same part.
  void write(size_t index, const Placement &placement, tpc_dtype dtype, const char *data);
  void commit();

private:
  Program &program;
  SafetensorsLayout layout;
  std::unique_ptr<AsideFile> file;
};

/// The format's name of an element type. Throws Error for one that it does not have.
std::string safetensorsType(tpc_dtype dtype);

/// Writes one slot of every parameter under its Hugging Face name and shape: values, which must be
/// finite, or gradients.
void writeParameters(Program &program, const std::string &path, bool gradients);

/// Writes `config.json` and `model.safetensors` into a folder that is made if need be.
void exportHuggingFace(Program &program, const std::string &folder);

} // namespace tpc::runtime

#endif
