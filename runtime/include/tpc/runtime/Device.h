// What a rank computes on: its memory, and what generated code asks the runtime to compute.
#ifndef TPC_RUNTIME_DEVICE_H
#define TPC_RUNTIME_DEVICE_H

#include "tpc/runtime/Communicator.h"
#include "tpc_runtime.h"
#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace tpc::runtime {

/// A moment in the work given to a device: it comes when all that was given before is done.
class Mark {
public:
  virtual ~Mark();
  /// Returns when it has come. Throws Error: what went wrong in the work.
  virtual void wait() = 0;
  /// When both have come.
  virtual double secondsSince(const Mark &earlier) const = 0;
};

/// What lies between two moments.
struct Span {
  std::unique_ptr<Mark> begin, end;
  double seconds() const { return end->secondsSince(*begin); }
};

/// Work that was kept instead of done.
class Recording {
public:
  virtual ~Recording();
};

/// A processor or a GPU, driven by one thread at a time.
///
/// Work is done in the order in which it is given, and each piece sees what earlier ones wrote; a
/// GPU's device returns before it is done. The functions of tpc_runtime.h lead here, with their
/// pointers in the device's memory unless said otherwise. All of them throw Error; for generated
/// code the C functions record it in the context.
class Device {
public:
  virtual ~Device();

  /// "cpu", "cuda".
  virtual const char *name() const = 0;
  /// Whether host code can read and write the device's memory through its pointers.
  virtual bool isHost() const = 0;

  /// Makes libraries take the memory that they take once, before the program's is counted.
  virtual void warmUp() {}
  /// Makes the kernels of a program known: its `device_code`.
  virtual void load(const tpc_program &program) = 0;

  /// Zeroed memory, aligned to 256 bytes at least; null if `bytes` is 0. It must not outlive the
  /// device.
  virtual std::shared_ptr<char> allocate(uint64_t bytes) = 0;
  /// How much of a part of such memory takes room in the machine.
  virtual uint64_t touchedBytes(const char *data, uint64_t bytes) const = 0;
  /// Tells where the arena's workspace lies: `bytes` for each thread of the rank.
  virtual void useWorkspace(tpc_context &context, char *workspace, uint64_t bytes) = 0;

  /// `from` may change when this returns.
  virtual void copyFromHost(char *to, const void *from, uint64_t bytes) = 0;
  /// Waits for the work given so far.
  virtual void copyToHost(void *to, const char *from, uint64_t bytes) = 0;
  /// Host memory that fetch() can write to.
  virtual std::shared_ptr<char> allocateHost(uint64_t bytes) = 0;
  /// As copyToHost(), without waiting: `to` has the bytes when a mark() given later has come.
  virtual void fetch(char *to, const char *from, uint64_t bytes) = 0;
  virtual void copy(char *to, const char *from, uint64_t bytes) = 0;
  virtual void fillZero(char *to, uint64_t bytes) = 0;
  /// Waits for the work given so far and throws what went wrong in it.
  virtual void synchronize() = 0;
  /// A moment of now. Not while work is recorded.
  virtual std::unique_ptr<Mark> mark() = 0;

  /// What is given until endRecording() is kept and not done; nothing may be waited for meanwhile.
  /// Throws Error where the device cannot do it.
  virtual void beginRecording();
  /// Throws Error if something was given that cannot be recorded; recording has ended all the same.
  virtual std::unique_ptr<Recording> endRecording();
  virtual bool isRecording() const { return false; }
  /// Gives what was recorded, to work on what is in memory when its turn comes.
  virtual void replay(const Recording &recording);

  /// `arguments`: 8 bytes for each parameter of the kernel.
  virtual void launch(tpc_context &context, const tpc_device_kernel_desc &kernel,
                      char *const *arguments) = 0;
  /// `addend` counts if the descriptor says to accumulate; it may be `c`.
  virtual void contract(tpc_context &context, const tpc_contract_desc &desc, const char *a,
                        const char *b, const char *addend, char *c) = 0;
  /// What contract() does once for such a product and such addresses, so that it need not later.
  virtual void prepareContract(const tpc_contract_desc &desc, const char *a, const char *b,
                               const char *addend, char *c) {}
  virtual void attention(tpc_context &context, const tpc_attention_desc &desc, const char *q,
                         const char *k, const char *v, char *out, char *logSumExp,
                         char *workspace) = 0;
  virtual void attentionGrad(tpc_context &context, const tpc_attention_desc &desc, const char *q,
                             const char *k, const char *v, const char *out, const char *logSumExp,
                             const char *dOut, char *dQ, char *dK, char *dV, char *workspace) = 0;
  virtual void embedding(tpc_context &context, tpc_dtype dtype, int64_t tokens, int64_t rows,
                         int64_t width, int64_t first, const char *ids, const char *table,
                         char *out) = 0;
  virtual void embeddingGrad(tpc_context &context, tpc_dtype dtype, tpc_dtype tableDtype,
                             int64_t tokens, int64_t rows, int64_t width, int64_t first,
                             const char *ids, const char *dOut, const char *addend,
                             char *dTable) = 0;
  /// `offsets` of this and the next lie in host memory.
  virtual void initTensor(tpc_context &context, const tpc_init_desc &desc, const char *seed,
                          const char *scheme, const int64_t *offsets, char *out) = 0;
  virtual void dropout(tpc_context &context, const tpc_dropout_desc &desc, const char *seed,
                       const int64_t *offsets, const char *in, char *out) = 0;

  /// What it is, for people: "NVIDIA H200".
  virtual std::string describe() const = 0;
  /// Reads and writes nearly `bytes` of `memory` in all, evenly and as fast as it can be done;
  /// returns how many. For measurements, as is the next.
  virtual uint64_t sweep(tpc_context &context, char *memory, uint64_t bytes) = 0;
  /// The least work that can be given to the device, on the first bytes of `memory`.
  virtual void giveLittle(tpc_context &context, char *memory) = 0;
};

/// In libtpc_runtime_cpu.a.
std::unique_ptr<Device> createCpuDevice();

/// Which of a host's devices a rank takes.
struct DevicePlace {
  enum Sharing {
    None,       ///< a rank takes the device of its number, or the only one that it sees
    RoundRobin, ///< ranks beyond the last device begin again with the first
    First       ///< all take the first
  };
  int rank = 0, ranks = 1; ///< the rank's number on its host, and how many are there
  Sharing sharing = None;
};

/// What a device is opened for.
struct DeviceOptions {
  std::string arch; ///< of the manifest's target
  DevicePlace place;
  uint64_t arenaBytes = 0; ///< of a rank: both regions and workspace
  /// What the arena is for, at its peak: category, bytes.
  std::vector<std::pair<std::string, int64_t>> memory;
  int64_t batch = 1;                   ///< of all ranks together
  bool deterministic = false;          ///< only algorithms that give the same bits in every run
  std::vector<Collective> collectives; ///< the program's
  // What libraries are opened for; what is not known of is opened when it first occurs.
  bool products = false;      ///< there are contractions
  int64_t bf16HeadLength = 0; ///< of attention in bf16, 0 if there is none
};

} // namespace tpc::runtime

/// What a target brings along: tpc_program.backend. A library per target defines one.
struct tpc_backend {
  /// Opens a rank's device. Throws Error that says what is missing and what helps.
  std::unique_ptr<tpc::runtime::Device> (*open)(const tpc::runtime::DeviceOptions &options);
  /// Puts in place of the communicator between processes one whose collectives and region are of
  /// the device's memory, and which does the rest as that one does. Throws Error and leaves it.
  /// Null where the device's memory is the host's.
  void (*connect)(tpc::runtime::Device &device,
                  std::unique_ptr<tpc::runtime::Communicator> &communicator,
                  const tpc::runtime::CommunicatorOptions &options);
  bool isHost() const { return !connect; }
};

#endif
