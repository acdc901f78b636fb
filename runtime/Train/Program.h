// A compiled program on one rank: its entries, and its values in the arena.
#ifndef TPC_RUNTIME_TRAIN_PROGRAM_H
#define TPC_RUNTIME_TRAIN_PROGRAM_H

#include "Train/HostBytes.h"
#include "Train/Manifest.h"
#include "tpc/runtime/Context.h"
#include "tpc_runtime.h"
#include <memory>
#include <string>

namespace tpc::runtime {

/// A scalar output on its way to the host.
struct FetchedScalar {
  const char *bytes = nullptr;
  tpc_dtype dtype = TPC_F32;
  /// When a mark() given after the fetch has come, and before another 32 scalars are fetched.
  double value() const;
};

class Program {
public:
  /// Allocates the private region, with workspace for the threads of `context`; the communication
  /// region is the communicator's.
  Program(const tpc_program &compiled, const Manifest &manifest, tpc_context &context);

  const Manifest &manifest() const { return description; }
  tpc_context &context() { return rankContext; }
  int rank() const { return rankContext.rank(); }

  /// Runs an entry. Throws Error if this rank or a peer failed in it.
  void run(const std::string &entry);
  /// From its second run on, an entry's work is given to the device as a recording of it. The first
  /// run is as before: in it libraries choose algorithms and plan.
  void record(const std::string &entry) { recordedEntry = entry; }
  /// Whether the next run of the entry is from a recording.
  bool replays(const std::string &entry) const { return entry == recordedEntry && runs > 0; }

  /// The bytes of a slot, in the device's memory.
  char *at(const Slot &slot) const;
  Device &device() const { return *rankContext.device; }
  /// This rank's part of a tensor, padding included, for the host to read.
  HostBytes read(const Slot &slot, const Placement &placement, tpc_dtype dtype) const;
  /// Room for this rank's part, for the host to write all of; its store() puts it there.
  HostBytes prepare(const Slot &slot, const Placement &placement, tpc_dtype dtype) const;
  /// Writes an input; does nothing if the entry does not have it.
  void setScalar(const std::string &entry, const std::string &input, double value);
  void setScalar(const std::string &entry, const std::string &input, int64_t value);
  /// Reads an f32, f64 or i32 scalar. Throws Error if the entry does not have it.
  double scalar(const std::string &entry, const std::string &output) const;
  /// The same, without waiting for it.
  FetchedScalar fetchScalar(const std::string &entry, const std::string &output);
  /// Null if the entry has no such value.
  const Value *input(const std::string &entry, const std::string &name) const;
  const Value *output(const std::string &entry, const std::string &name) const;

  Box boxOf(const Placement &placement) const {
    return runtime::boxOf(placement, description.mesh, rank());
  }
  /// Whether this rank is the one to write its part of a value to a file.
  bool writes(const Placement &placement) const {
    return writerOf(placement, description.mesh, rank()) == rank();
  }
  /// Bytes of the arena touched so far.
  uint64_t arenaHighWater() const;
  /// One line for people: the arena touched so far, and what the process grew by since the arena
  /// was made.
  std::string describeMemory() const;

private:
  void rehearse();
  void call(const tpc_entry_point &entry);
  void replay(const tpc_entry_point &entry);
  const Value &scalarOutput(const std::string &entry, const std::string &output) const;

  const tpc_program &compiled;
  const Manifest &description;
  tpc_context &rankContext;
  std::shared_ptr<char> region;
  uint64_t atStart;
  std::string recordedEntry;
  int64_t runs = 0; ///< of that
  std::unique_ptr<Recording> recording;
  std::shared_ptr<char> fetched; ///< a ring of scalars
  size_t fetches = 0;
};

} // namespace tpc::runtime

#endif
