//===- MachineModel.h - what a machine's links and devices can do ------------===//
//
// Read from YAML, or one of the presets. A collective over several axes is priced at the slowest of
// their links.
//
//   name: two-nodes
//   flops: 5.0e13              # one device, floating-point operations per second
//   memory_bandwidth: 8.0e11   # one device, bytes per second
//   links:
//     - { name: nvlink, latency: 5.0e-6, bandwidth: 3.0e11 }     # seconds; received bytes per
//     second
//     - { name: ethernet, latency: 3.0e-5, bandwidth: 1.0e9 }
//   default_link: nvlink
//   axes:
//     - { axis: dp, link: ethernet }
//
//===----------------------------------------------------------------------===//

#ifndef TPC_SHARDING_MACHINEMODEL_H
#define TPC_SHARDING_MACHINEMODEL_H

#include "llvm/ADT/ArrayRef.h"
#include "llvm/ADT/StringRef.h"
#include "llvm/Support/Error.h"
#include <string>
#include <vector>

namespace tpc {

/// alpha-beta model of one kind of link.
struct LinkModel {
  std::string name;
  double latency = 0;   ///< seconds per collective
  double bandwidth = 1; ///< bytes per second that one device receives
};

struct AxisLink {
  std::string axis, link;
};

struct MachineModel {
  std::string name;
  double flops = 1;
  double memoryBandwidth = 1;
  std::vector<LinkModel> links;
  std::string defaultLink;
  std::vector<AxisLink> axes;

  /// The link that the mesh axis called `axis` runs over.
  const LinkModel &getLink(llvm::StringRef axis) const;

  /// Fails, saying which, on a missing or non-positive number, no link, or a link that is not
  /// defined.
  static llvm::Expected<MachineModel> parse(llvm::StringRef yaml);
  /// shared-memory, ethernet-mpi, h100x8 or h200x8; fails naming them all.
  static llvm::Expected<MachineModel> getPreset(llvm::StringRef name);
  static llvm::ArrayRef<llvm::StringRef> getPresetNames();
  /// The file, if `nameOrFile` ends in ".yaml" or ".yml", else the preset.
  static llvm::Expected<MachineModel> load(llvm::StringRef nameOrFile);
};

} // namespace tpc

#endif // TPC_SHARDING_MACHINEMODEL_H
