//===- MachineModel.cpp ---------------------------------------------------===//

#include "tpc/Sharding/MachineModel.h"
#include "llvm/ADT/SmallVectorExtras.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/ADT/StringMap.h"
#include "llvm/Support/FormatVariadic.h"
#include "llvm/Support/MemoryBuffer.h"
#include "llvm/Support/YAMLTraits.h"

using namespace tpc;
using llvm::Expected;
using llvm::StringRef;

LLVM_YAML_IS_SEQUENCE_VECTOR(tpc::CollectiveModel)
LLVM_YAML_IS_SEQUENCE_VECTOR(tpc::LinkModel)
LLVM_YAML_IS_SEQUENCE_VECTOR(tpc::TypeModel)
LLVM_YAML_IS_SEQUENCE_VECTOR(tpc::AxisLink)

namespace llvm::yaml {
template <>
struct MappingTraits<tpc::CollectiveModel> {
  static void mapping(IO &io, tpc::CollectiveModel &model) {
    io.mapRequired("op", model.op);
    io.mapOptional("up_to", model.upTo);
    io.mapRequired("latency", model.latency);
    io.mapRequired("bandwidth", model.bandwidth);
  }
};

template <>
struct MappingTraits<tpc::TypeModel> {
  static void mapping(IO &io, tpc::TypeModel &model) {
    io.mapRequired("type", model.type);
    io.mapRequired("flops", model.flops);
  }
};

template <>
struct MappingTraits<tpc::CacheModel> {
  static void mapping(IO &io, tpc::CacheModel &cache) {
    io.mapRequired("bytes", cache.bytes);
    io.mapRequired("bandwidth", cache.bandwidth);
  }
};

template <>
struct MappingTraits<tpc::Efficiency> {
  static void mapping(IO &io, tpc::Efficiency &efficiency) {
    io.mapOptional("contract", efficiency.contract);
    io.mapOptional("attention", efficiency.attention);
    io.mapOptional("attention_grad", efficiency.attentionGrad);
    io.mapOptional("memory", efficiency.memory);
  }
};

template <>
struct MappingTraits<tpc::WakeModel> {
  static void mapping(IO &io, tpc::WakeModel &wake) {
    io.mapRequired("after", wake.after);
    io.mapRequired("seconds", wake.seconds);
  }
};

template <>
struct MappingTraits<tpc::LinkModel> {
  static void mapping(IO &io, tpc::LinkModel &link) {
    io.mapRequired("name", link.name);
    io.mapRequired("latency", link.latency);
    io.mapRequired("bandwidth", link.bandwidth);
    io.mapOptional("asynchronous", link.asynchronous);
    io.mapOptional("wake", link.wake);
    io.mapOptional("collectives", link.collectives);
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
    io.mapOptional("types", machine.types);
    io.mapRequired("memory_bandwidth", machine.memoryBandwidth);
    io.mapOptional("cache", machine.cache);
    io.mapOptional("efficiency", machine.efficiency);
    io.mapOptional("launch", machine.launch);
    io.mapRequired("links", machine.links);
    io.mapOptional("default_link", machine.defaultLink);
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

// Figures of one device. GPUs: the vendor's dense figures (bf16 tensor cores, f32 without TF32),
// the bandwidth of NVLink or PCIe that collectives reach, and the shares of both that libraries and
// generated kernels reach on Hopper at Llama's sizes. CPUs: one core, as measured for 1 MB
// collectives between two processes; nothing moves there while the core computes.
static const Preset presets[] = {
    {"a100x8", R"(
name: a100x8
flops: 3.12e+14
types: [{type: f32, flops: 1.95e+13}, {type: f64, flops: 1.95e+13}]
efficiency: {contract: 0.78, attention: 0.6, attention_grad: 0.48, memory: 0.85}
launch: 2.0e-6
memory_bandwidth: 2.04e+12
links: [{name: nvlink, latency: 8.0e-6, bandwidth: 2.4e+11, asynchronous: true}]
default_link: nvlink
)"},
    {"b200x8", R"(
name: b200x8
flops: 2.25e+15
types: [{type: f32, flops: 7.5e+13}, {type: f64, flops: 3.7e+13}]
efficiency: {contract: 0.78, attention: 0.6, attention_grad: 0.48, memory: 0.85}
launch: 2.0e-6
memory_bandwidth: 7.7e+12
links: [{name: nvlink, latency: 8.0e-6, bandwidth: 7.2e+11, asynchronous: true}]
default_link: nvlink
)"},
    {"ethernet-mpi", R"(
name: ethernet-mpi
flops: 1.0e+11
efficiency: {contract: 0.9, attention: 0.5, attention_grad: 0.5}
launch: 2.0e-6
memory_bandwidth: 1.5e+10
links: [{name: ethernet, latency: 3.0e-5, bandwidth: 1.1e+9}]
default_link: ethernet
)"},
    {"h100x8", R"(
name: h100x8
flops: 9.89e+14
types: [{type: f32, flops: 6.7e+13}, {type: f64, flops: 6.7e+13}]
efficiency: {contract: 0.78, attention: 0.6, attention_grad: 0.48, memory: 0.85}
launch: 2.0e-6
memory_bandwidth: 3.35e+12
links: [{name: nvlink, latency: 8.0e-6, bandwidth: 3.6e+11, asynchronous: true}]
default_link: nvlink
)"},
    {"h200x8", R"(
name: h200x8
flops: 9.89e+14
types: [{type: f32, flops: 6.7e+13}, {type: f64, flops: 6.7e+13}]
efficiency: {contract: 0.78, attention: 0.6, attention_grad: 0.48, memory: 0.85}
launch: 2.0e-6
memory_bandwidth: 4.8e+12
links: [{name: nvlink, latency: 8.0e-6, bandwidth: 3.6e+11, asynchronous: true}]
default_link: nvlink
)"},
    {"rtx-pro-6000x8", R"(
name: rtx-pro-6000x8
flops: 5.04e+14
types: [{type: f32, flops: 1.25e+14}, {type: f64, flops: 1.95e+12}]
efficiency: {contract: 0.78, attention: 0.6, attention_grad: 0.48, memory: 0.85}
launch: 2.0e-6
memory_bandwidth: 1.79e+12
links: [{name: pcie, latency: 2.0e-5, bandwidth: 4.0e+10, asynchronous: true}]
default_link: pcie
)"},
    {"shared-memory", R"(
name: shared-memory
flops: 1.0e+11
efficiency: {contract: 0.9, attention: 0.5, attention_grad: 0.5}
launch: 2.0e-6
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

static bool isCollective(StringRef op) {
  static constexpr CollectiveKind kinds[] = {CollectiveKind::AllGather, CollectiveKind::AllToAll,
                                             CollectiveKind::Permute, CollectiveKind::ReduceScatter,
                                             CollectiveKind::AllReduce};
  return llvm::any_of(kinds, [&](CollectiveKind kind) { return stringify(kind) == op; });
}

/// What is wrong with the link, empty if nothing is.
static std::string findFault(const LinkModel &link) {
  auto isBad = [](const TransferModel &model) { return model.latency < 0 || model.bandwidth <= 0; };
  if (isBad(link) || llvm::any_of(link.collectives, isBad))
    return "needs a latency of at least zero and a positive bandwidth";
  if (link.wake.after < 0 || link.wake.seconds < 0)
    return "needs a wake whose figures are at least zero";
  llvm::StringMap<double> reached;
  for (const CollectiveModel &model : link.collectives) {
    if (!isCollective(model.op))
      return "has no collective '" + model.op +
             "', expected all_gather, all_reduce, all_to_all, permute or reduce_scatter";
    if (model.upTo <= reached.lookup(model.op))
      return "needs growing up_to for " + model.op;
    reached[model.op] = model.upTo;
  }
  return "";
}

static llvm::Error verify(const MachineModel &machine) {
  auto fail = [&](const llvm::Twine &message) {
    return llvm::createStringError("machine model '" + machine.name + "': " + message);
  };
  if (machine.flops <= 0 || machine.memoryBandwidth <= 0)
    return fail("flops and memory_bandwidth must be positive");
  for (const TypeModel &type : machine.types)
    if (type.flops <= 0)
      return fail("flops of type '" + type.type + "' must be positive");
  const Efficiency &efficiency = machine.efficiency;
  for (double share :
       {efficiency.contract, efficiency.attention, efficiency.attentionGrad, efficiency.memory})
    if (share <= 0 || share > 1)
      return fail(
          llvm::formatv("an efficiency must be above 0 and at most 1, got {0}", share).str());
  if (machine.cache.bytes < 0 || machine.cache.bandwidth <= 0)
    return fail("cache needs bytes of at least zero and a positive bandwidth");
  if (machine.launch < 0)
    return fail("launch must not be negative");
  for (const LinkModel &link : machine.links)
    if (std::string fault = findFault(link); !fault.empty())
      return fail("link '" + link.name + "' " + fault);
  auto isDefined = [&](StringRef name) {
    return llvm::any_of(machine.links, [&](const LinkModel &link) { return link.name == name; });
  };
  if (!isDefined(machine.defaultLink) && !(machine.links.empty() && machine.defaultLink.empty()))
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

bool MachineModel::isFile(StringRef nameOrFile) {
  return nameOrFile.ends_with(".yaml") || nameOrFile.ends_with(".yml");
}

Expected<MachineModel> MachineModel::load(StringRef nameOrFile) {
  if (!isFile(nameOrFile))
    return getPreset(nameOrFile);
  auto buffer = llvm::MemoryBuffer::getFile(nameOrFile, /*IsText=*/true);
  if (!buffer)
    return llvm::createStringError("cannot read machine model '" + nameOrFile +
                                   "': " + buffer.getError().message());
  return parse((*buffer)->getBuffer());
}

const LinkModel &MachineModel::getLink(StringRef axis) const {
  static const LinkModel none;
  if (links.empty())
    return none;
  StringRef name = defaultLink;
  for (const AxisLink &link : axes)
    if (link.axis == axis)
      name = link.link;
  return *llvm::find_if(links, [&](const LinkModel &link) { return link.name == name; });
}

llvm::Error MachineModel::checkLinks(const Mesh &mesh) const {
  if (!links.empty() || mesh.getNumRanks() == 1)
    return llvm::Error::success();
  return llvm::createStringError("machine model '" + name + "' has no links, the mesh has " +
                                 llvm::Twine(mesh.getNumRanks()) +
                                 " ranks: measure with as many (tpc-run -n)");
}

//===----------------------------------------------------------------------===//
// Prices
//===----------------------------------------------------------------------===//

StringRef tpc::stringify(CollectiveKind kind) {
  static constexpr llvm::StringLiteral names[] = {"shard_slice", "all_gather",     "all_to_all",
                                                  "permute",     "reduce_scatter", "all_reduce"};
  return names[static_cast<unsigned>(kind)];
}

const TransferModel &LinkModel::getTransfer(CollectiveKind kind, double bytes) const {
  const TransferModel *found = this;
  for (const CollectiveModel &model : collectives)
    if (model.op == stringify(kind)) {
      found = &model;
      if (bytes <= model.upTo)
        break;
    }
  return *found;
}

double MachineModel::getFlops(StringRef type) const {
  auto found = llvm::find_if(types, [&](const TypeModel &model) { return model.type == type; });
  return found == types.end() ? flops : found->flops;
}

/// Elementwise work is never bound by arithmetic: tpc-form-kernels leaves few operations per byte.
double MachineModel::getSeconds(const Work &work) const {
  double share = 0;
  switch (work.kind) {
  case WorkKind::Elementwise:
    break;
  case WorkKind::Contract:
    share = efficiency.contract;
    break;
  case WorkKind::Attention:
    share = efficiency.attention;
    break;
  case WorkKind::AttentionGrad:
    share = efficiency.attentionGrad;
    break;
  }
  double arithmetic = share > 0 ? work.flops / (share * getFlops(work.elementType)) : 0;
  double bandwidth = work.bytes <= cache.bytes ? cache.bandwidth : memoryBandwidth;
  return launch + std::max(arithmetic, work.bytes / (bandwidth * efficiency.memory));
}
