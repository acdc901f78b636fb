#include "Train/SharedFile.h"
#include "Train/Finite.h"

namespace tpc::runtime {

std::string safetensorsType(tpc_dtype dtype) {
  switch (dtype) {
  case TPC_F32:
    return "F32";
  case TPC_F64:
    return "F64";
  case TPC_BF16:
    return "BF16";
  case TPC_I32:
    return "I32";
  case TPC_I64:
    return "I64";
  case TPC_I1:
    break;
  }
  throw Error(std::string("cannot write element type ") + toString(dtype));
}

SharedSafetensors::SharedSafetensors(Program &program, const std::string &path,
                                     std::vector<TensorSpec> tensors)
    : program(program), layout(std::move(tensors), {{"format", "pt"}}) {
  if (program.rank() == 0) {
    file = std::make_unique<AsideFile>(path, layout.size());
    file->write(0, layout.header().data(), layout.header().size());
  }
  Communicator &ranks = *program.context().communicator;
  ranks.barrier();
  if (program.rank() != 0)
    file = std::make_unique<AsideFile>(AsideFile::join(path));
  ranks.barrier(); // only then may rank 0 fail and take the file away
}

void SharedSafetensors::write(size_t index, const Placement &placement, tpc_dtype dtype,
                              const char *data) {
  if (!program.writes(placement))
    return;
  auto element = static_cast<int64_t>(elementBytes(dtype));
  uint64_t start = layout.offset(index);
  forEachRun(placement.globalShape, program.boxOf(placement), placement.localShape,
             [&](int64_t global, int64_t local, int64_t length) {
               file->write(start + static_cast<uint64_t>(global * element), data + local * element,
                           static_cast<uint64_t>(length * element));
             });
}

void SharedSafetensors::commit() {
  file->sync();
  program.context().communicator->barrier();
  if (program.rank() == 0)
    file->commit();
  program.context().communicator->barrier();
}

void writeParameters(Program &program, const std::string &path, bool gradients) {
  const std::vector<Parameter> &parameters = program.manifest().parameters;
  std::vector<TensorSpec> specs;
  for (const Parameter &parameter : parameters) {
    if (gradients && !parameter.gradient)
      throw Error("the program keeps no gradient of " + parameter.name);
    specs.push_back({parameter.name, safetensorsType(parameter.dtype), parameter.shape});
  }
  SharedSafetensors file(program, path, std::move(specs));
  for (size_t i = 0; i < parameters.size(); ++i) {
    const Parameter &parameter = parameters[i];
    KeptTensor kept =
        gradients ? *parameter.gradient : KeptTensor{parameter.placement, parameter.value};
    HostBytes part = program.read(kept.slot, kept.placement, parameter.dtype);
    if (!gradients)
      checkFinite(program, parameter.name, kept.placement, parameter.dtype, part.data());
    file.write(i, kept.placement, parameter.dtype, part.data());
  }
  file.commit();
}

void exportHuggingFace(Program &program, const std::string &folder) {
  if (program.rank() == 0)
    makeFolder(folder);
  writeParameters(program, folder + "/model.safetensors", /*gradients=*/false);
  if (program.rank() == 0)
    writeTextFile(folder + "/config.json", program.manifest().modelConfig);
}

} // namespace tpc::runtime
