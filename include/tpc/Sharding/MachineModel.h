//===- MachineModel.h - what a machine's links and devices can do ------------===//
//
// Read from YAML, or one of the presets; `tpc-run --measure` writes one. A collective over several
// axes is priced at the slowest of their links.
//
//   name: two-nodes
//   flops: 2.0e14              # one device, matrix products, operations per second
//   types:                     # the same for other element types
//     - { type: f32, flops: 5.0e13 }
//   memory_bandwidth: 8.0e11   # one device, bytes per second
//   cache: { bytes: 2.0e7, bandwidth: 3.0e12 } # of ops that touch no more than `bytes`
//   efficiency: { contract: 0.8, attention: 0.5, attention_grad: 0.4, memory: 0.9 }
//   launch: 2.0e-6             # seconds that each kernel costs beside its work
//   links:
//     - { name: nvlink, latency: 5.0e-6, bandwidth: 3.0e11, asynchronous: true }
//     - name: ethernet
//       latency: 3.0e-5        # seconds
//       bandwidth: 1.0e9       # received bytes per second
//       wake: { after: 0.2, seconds: 3.0e-5 } # after so much computation: more
//       collectives:           # where one of them differs, up to a number of received bytes
//         - { op: all_gather, up_to: 1.0e6, latency: 1.0e-5, bandwidth: 2.0e9 }
//   default_link: nvlink
//   axes:
//     - { axis: dp, link: ethernet }
//
// Optional: types, cache, efficiency (1 where nothing is said), launch (0), asynchronous (false),
// wake, collectives, axes; links and default_link of a machine for one rank.
//
//===----------------------------------------------------------------------===//

#ifndef TPC_SHARDING_MACHINEMODEL_H
#define TPC_SHARDING_MACHINEMODEL_H

#include "tpc/Sharding/Mesh.h"
#include "tpc/Sharding/Work.h"
#include "llvm/ADT/ArrayRef.h"
#include "llvm/ADT/StringRef.h"
#include "llvm/Support/Error.h"
#include <limits>
#include <string>
#include <vector>

namespace tpc {

enum class CollectiveKind { Slice, AllGather, AllToAll, Permute, ReduceScatter, AllReduce };
/// "all_gather": the name of the op.
llvm::StringRef stringify(CollectiveKind kind);

/// alpha and beta.
struct TransferModel {
  double latency = 0;   ///< seconds per collective
  double bandwidth = 1; ///< bytes per second that one device receives
};

/// What one collective costs where it receives at most `upTo` bytes.
struct CollectiveModel : TransferModel {
  std::string op;
  double upTo = std::numeric_limits<double>::infinity();
};

/// What a collective takes longer whose ranks have computed for more than `after` seconds since the
/// last one: they have drifted so far apart that who waits sleeps, and has to be woken up.
struct WakeModel {
  double after = 0, seconds = 0;
};

/// alpha-beta model of one kind of link.
struct LinkModel : TransferModel {
  std::string name;
  /// Do collectives proceed while the device computes? Else a started one is executed at its wait.
  bool asynchronous = false;
  WakeModel wake;
  std::vector<CollectiveModel> collectives; ///< of one op by growing upTo

  /// Of `kind` receiving `bytes`: the first of `collectives` that speaks of so many, else the last
  /// of the op, else the link's own.
  const TransferModel &getTransfer(CollectiveKind kind, double bytes) const;
};

struct AxisLink {
  std::string axis, link;
};

struct TypeModel {
  std::string type;
  double flops = 1;
};

/// The shares of `flops` and of the memory's bandwidth that ops reach.
struct Efficiency {
  double contract = 1, attention = 1, attentionGrad = 1, memory = 1;
};

struct CacheModel {
  double bytes = 0, bandwidth = 1;
};

struct MachineModel {
  std::string name;
  double flops = 1;
  std::vector<TypeModel> types;
  double memoryBandwidth = 1;
  CacheModel cache;
  Efficiency efficiency;
  double launch = 0;
  std::vector<LinkModel> links;
  std::string defaultLink;
  std::vector<AxisLink> axes;

  /// The link that the mesh axis called `axis` runs over.
  const LinkModel &getLink(llvm::StringRef axis) const;
  /// Fails if `mesh` has several ranks and the machine no link.
  llvm::Error checkLinks(const Mesh &mesh) const;

  /// Matrix products in elements of `type`, operations per second.
  double getFlops(llvm::StringRef type) const;
  /// Seconds of one op on one device: of its operations or of its memory traffic, whichever takes
  /// longer, and the launch.
  double getSeconds(const Work &work) const;

  /// Fails, saying which, on a missing or non-positive number, no link, or a link that is not
  /// defined.
  static llvm::Expected<MachineModel> parse(llvm::StringRef yaml);
  /// One of getPresetNames(); fails naming them all.
  static llvm::Expected<MachineModel> getPreset(llvm::StringRef name);
  static llvm::ArrayRef<llvm::StringRef> getPresetNames();
  /// Does `nameOrFile` end in ".yaml" or ".yml"?
  static bool isFile(llvm::StringRef nameOrFile);
  /// The file or the preset.
  static llvm::Expected<MachineModel> load(llvm::StringRef nameOrFile);
};

} // namespace tpc

#endif // TPC_SHARDING_MACHINEMODEL_H
