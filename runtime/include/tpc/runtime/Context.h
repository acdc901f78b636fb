// The C++ side of `tpc_context`: everything one rank owns.
#ifndef TPC_RUNTIME_CONTEXT_H
#define TPC_RUNTIME_CONTEXT_H

#include "tpc/runtime/Collective.h"
#include "tpc/runtime/Communicator.h"
#include "tpc/runtime/Device.h"
#include "tpc_runtime.h"
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace tpc::runtime {

class Profile;

/// The device mesh: axes major to minor, ranks numbered row-major over them.
struct Mesh {
  struct Axis {
    std::string name;
    int64_t size;
  };
  std::vector<Axis> axes;

  int64_t size() const;
  /// Coordinate of `rank` along every axis.
  std::vector<int64_t> coordinates(int64_t rank) const;
  /// "dp=1,tp=2".
  std::string toString() const;
};

/// Reads `mesh` of a manifest. Throws Error if an axis is repeated, unnamed or not positive.
Mesh parseMesh(const nlohmann::json &manifest);

} // namespace tpc::runtime

/// One rank of a compiled program. Built by the launcher's main (or by a test), handed to every
/// entry. `tpc_axis_index`, `tpc_collective_start`, `tpc_collective_wait` and `tpc_failed` are its
/// C face.
struct tpc_context {
  tpc::runtime::Mesh mesh;
  std::vector<int64_t> coordinates; ///< along mesh.axes
  std::vector<tpc::runtime::Collective> collectives;
  std::unique_ptr<tpc::runtime::Device> device; ///< before the communicator, which may use it
  std::unique_ptr<tpc::runtime::Communicator> communicator;
  int threads = 1; ///< of this rank, the caller included; at most TPC_MAX_THREADS
  std::shared_ptr<tpc::runtime::Profile> profile; ///< null unless the run is profiled
  /// Entries do nothing but let the device prepare what they will ask of libraries.
  bool rehearsing = false;

  /// What the rank's work waited for a collective in the last run of an entry, where that is the
  /// device's to say.
  struct Wait {
    int64_t collective;
    tpc::runtime::Span span;
  };
  std::vector<Wait> waits;

  /// Time spent in collectives, `waits` apart, and bytes of their inputs since the last
  /// resetCounters().
  double communicationSeconds = 0;
  int64_t communicationBytes = 0;

  tpc_context(tpc::runtime::Mesh mesh, std::vector<tpc::runtime::Collective> collectives,
              std::unique_ptr<tpc::runtime::Communicator> communicator,
              std::unique_ptr<tpc::runtime::Device> device = tpc::runtime::createCpuDevice());
  int rank() const { return communicator->rank(); }
  int world() const { return communicator->size(); }

  /// Records the first failure of this rank and tells the others. `message` needs no rank; it is
  /// added.
  void fail(const std::string &message) noexcept;
  /// Throws Error with the recorded message if this rank or a peer has failed: to be called after
  /// an entry returns.
  void check() const;
  void resetCounters() { communicationSeconds = 0, communicationBytes = 0; }
};

#endif
