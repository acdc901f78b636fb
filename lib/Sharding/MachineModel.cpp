//===- MachineModel.cpp ---------------------------------------------------===//

#include "tpc/Sharding/MachineModel.h"
#include "llvm/ADT/SmallVectorExtras.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/MemoryBuffer.h"
#include "llvm/Support/YAMLTraits.h"

using namespace tpc;
using llvm::Expected;
using llvm::StringRef;

LLVM_YAML_IS_SEQUENCE_VECTOR(tpc::LinkModel)
LLVM_YAML_IS_SEQUENCE_VECTOR(tpc::AxisLink)

namespace llvm::yaml {
template <>
struct MappingTraits<tpc::LinkModel> {
  static void mapping(IO &io, tpc::LinkModel &link) {
    io.mapRequired("name", link.name);
    io.mapRequired("latency", link.latency);
    io.mapRequired("bandwidth", link.bandwidth);
  }
};

template <>
struct MappingTraits<tpc::AxisLink> {
  static void mapping(IO &io, tpc::AxisLink &axis) {
    io.mapRequired("axis", axis.axis);
    io.mapRequired("link", axis.link);
  }
};

template <>
struct MappingTraits<tpc::MachineModel> {
  static void mapping(IO &io, tpc::MachineModel &machine) {
    io.mapRequired("name", machine.name);
    io.mapRequired("flops", machine.flops);
    io.mapRequired("memory_bandwidth", machine.memoryBandwidth);
    io.mapRequired("links", machine.links);
    io.mapRequired("default_link", machine.defaultLink);
    io.mapOptional("axes", machine.axes);
  }
};
} // namespace llvm::yaml

//===----------------------------------------------------------------------===//
// Presets
//===----------------------------------------------------------------------===//

namespace {
struct Preset {
  StringRef name, yaml;
};
} // namespace

// Figures of one device. GPUs: dense bf16, the NVLink bandwidth that collectives reach. CPUs: one
// core, as measured for 1 MB collectives between two processes.
static const Preset presets[] = {
    {"ethernet-mpi", R"(
name: ethernet-mpi
flops: 1.0e+11
memory_bandwidth: 1.5e+10
links: [{name: ethernet, latency: 3.0e-5, bandwidth: 1.1e+9}]
default_link: ethernet
)"},
    {"h100x8", R"(
name: h100x8
flops: 9.89e+14
memory_bandwidth: 3.35e+12
links: [{name: nvlink, latency: 8.0e-6, bandwidth: 3.6e+11}]
default_link: nvlink
)"},
    {"h200x8", R"(
name: h200x8
flops: 9.89e+14
memory_bandwidth: 4.8e+12
links: [{name: nvlink, latency: 8.0e-6, bandwidth: 3.6e+11}]
default_link: nvlink
)"},
    {"shared-memory", R"(
name: shared-memory
flops: 1.0e+11
memory_bandwidth: 1.5e+10
links: [{name: memory, latency: 1.0e-6, bandwidth: 2.0e+10}]
default_link: memory
)"},
};

llvm::ArrayRef<StringRef> MachineModel::getPresetNames() {
  static const auto names =
      llvm::map_to_vector(presets, [](const Preset &preset) { return preset.name; });
  return names;
}

Expected<MachineModel> MachineModel::getPreset(StringRef name) {
  for (const Preset &preset : presets)
    if (preset.name == name)
      return parse(preset.yaml);
  return llvm::createStringError("unknown machine '" + name + "', expected one of " +
                                 llvm::join(getPresetNames(), ", ") + " or a YAML file");
}

//===----------------------------------------------------------------------===//
// Reading
//===----------------------------------------------------------------------===//

static llvm::Error verify(const MachineModel &machine) {
  auto fail = [&](const llvm::Twine &message) {
    return llvm::createStringError("machine model '" + machine.name + "': " + message);
  };
  if (machine.flops <= 0 || machine.memoryBandwidth <= 0)
    return fail("flops and memory_bandwidth must be positive");
  for (const LinkModel &link : machine.links)
    if (link.latency < 0 || link.bandwidth <= 0)
      return fail("link '" + link.name +
                  "' needs a latency of at least zero and a positive bandwidth");
  auto isDefined = [&](StringRef name) {
    return llvm::any_of(machine.links, [&](const LinkModel &link) { return link.name == name; });
  };
  if (!isDefined(machine.defaultLink))
    return fail("default_link '" + machine.defaultLink + "' is not among the links");
  for (const AxisLink &axis : machine.axes)
    if (!isDefined(axis.link))
      return fail("axis '" + axis.axis + "' uses link '" + axis.link +
                  "', which is not among the links");
  return llvm::Error::success();
}

static void keepFirstMessage(const llvm::SMDiagnostic &diagnostic, void *context) {
  auto &message = *static_cast<std::string *>(context);
  if (message.empty())
    message = (llvm::Twine(diagnostic.getLineNo()) + ":" +
               llvm::Twine(diagnostic.getColumnNo() + 1) + ": " + diagnostic.getMessage())
                  .str();
}

Expected<MachineModel> MachineModel::parse(StringRef yaml) {
  std::string message;
  llvm::yaml::Input input(yaml, nullptr, keepFirstMessage, &message);
  MachineModel machine;
  input >> machine;
  if (input.error())
    return llvm::createStringError("machine model: " + message);
  if (llvm::Error error = verify(machine))
    return error;
  return machine;
}

Expected<MachineModel> MachineModel::load(StringRef nameOrFile) {
  if (!nameOrFile.ends_with(".yaml") && !nameOrFile.ends_with(".yml"))
    return getPreset(nameOrFile);
  auto buffer = llvm::MemoryBuffer::getFile(nameOrFile, /*IsText=*/true);
  if (!buffer)
    return llvm::createStringError("cannot read machine model '" + nameOrFile +
                                   "': " + buffer.getError().message());
  return parse((*buffer)->getBuffer());
}

const LinkModel &MachineModel::getLink(StringRef axis) const {
  StringRef name = defaultLink;
  for (const AxisLink &link : axes)
    if (link.axis == axis)
      name = link.link;
  return *llvm::find_if(links, [&](const LinkModel &link) { return link.name == name; });
}
