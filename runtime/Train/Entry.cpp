// One entry on tensors from a file: how a module that is no Llama model runs.
#include "IO/Safetensors.h"
#include "Train/SharedFile.h"
#include "Train/Training.h"

#include <cstring>

namespace tpc::runtime {
namespace {

/// Copies this rank's part of the tensor `name` to its slot.
void readPart(Program &program, const SafetensorsFile &file, const std::string &name,
              const Shape &shape, const Placement &placement, tpc_dtype dtype, const Slot &slot) {
  const StoredTensor *tensor = file.find(name);
  if (!tensor)
    throw Error(file.path() + " has no tensor '" + name + "'");
  if (tensor->shape != shape || tensor->dtype != safetensorsType(dtype))
    throw Error(file.path() + ": tensor '" + name +
                "' has another shape or element type than the " + "program's, " + toString(dtype) +
                " of " + std::to_string(elementsOf(shape)) + " elements; --describe lists them");
  auto size = static_cast<int64_t>(elementBytes(dtype));
  HostBytes part = program.prepare(slot, placement, dtype);
  char *out = part.data();
  std::memset(out, 0, localBytes(placement, dtype)); // padding
  forEachRun(placement.globalShape, program.boxOf(placement), placement.localShape,
             [&](int64_t global, int64_t local, int64_t length) {
               std::memcpy(out + local * size, tensor->data + global * size,
                           static_cast<size_t>(length * size));
             });
  part.store();
}

void readInputs(Program &program, const Entry &entry, const Options &options) {
  SafetensorsFile file(options.inputs);
  for (const Value &value : entry.inputs)
    readPart(program, file, value.name, value.placement.globalShape, value.placement, value.dtype,
             value.slot);
  if (!options.load.empty())
    return loadWeights(program, options.load);
  for (const Parameter &parameter : program.manifest().parameters)
    readPart(program, file, parameter.name, parameter.shape, parameter.placement, parameter.dtype,
             parameter.value);
}

void writeValue(Program &program, SharedSafetensors &file, size_t index, const Value &value) {
  file.write(index, value.placement, value.dtype,
             program.read(value.slot, value.placement, value.dtype).data());
}

void writeOutputs(Program &program, const Entry &entry, const std::string &path) {
  std::vector<TensorSpec> tensors;
  for (const Value &value : entry.outputs)
    tensors.push_back({value.name, safetensorsType(value.dtype), value.placement.globalShape});
  SharedSafetensors file(program, path, tensors);
  for (size_t i = 0; i < tensors.size(); ++i)
    writeValue(program, file, i, entry.outputs[i]);
  file.commit();
}

} // namespace

void runEntry(Program &program, const Options &options) {
  const Entry &entry = program.manifest().entry(options.entry);
  readInputs(program, entry, options);
  program.run(options.entry);
  writeOutputs(program, entry, options.outputs);
  if (program.rank() == 0 && !options.quiet)
    std::printf("%zu results of %s: %s\n%s\n", entry.outputs.size(), options.entry.c_str(),
                options.outputs.c_str(), program.describeMemory().c_str());
}

} // namespace tpc::runtime
