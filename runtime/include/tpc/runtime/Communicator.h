// How the ranks of a job talk to each other: one narrow interface, whatever lies below.
#ifndef TPC_RUNTIME_COMMUNICATOR_H
#define TPC_RUNTIME_COMMUNICATOR_H

#include "tpc/runtime/Collective.h"
#include "tpc/runtime/Error.h"
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace tpc::runtime {

/// The host side of a job: who is in it, meetings, small data, news of failures. Used by one thread
/// at a time, except for abort(), failed(), failure() and noted().
///
/// Every rank makes the same calls in the same order (SPMD). A dead or stalled peer, a peer's
/// abort(), or a peer that makes another call ends in an Error within the time-out.
class HostCommunicator {
public:
  virtual ~HostCommunicator();

  int rank() const { return myRank; }
  int size() const { return worldSize; }
  /// "shm", "mpi", "tcp", "in-process", ...
  virtual const char *name() const = 0;

  /// Threads this rank may use so that the ranks of its host do not compete for cores; at least 1.
  virtual int fairThreads() const { return 1; }

  /// Returns when every rank has called it.
  virtual void barrier() = 0;
  /// Small host data: `out` receives `bytes` from every rank, in rank order.
  virtual void gatherHost(const void *data, size_t bytes, void *out) = 0;
  /// Small host data: `data` of rank `root` replaces that of every rank.
  void broadcast(void *data, size_t bytes, int root);

  /// Tells the other ranks to stop, with the reason; they get an Error with this text. Any thread
  /// may call it.
  virtual void abort(const std::string &message) noexcept = 0;
  /// True once this rank or a peer has failed.
  virtual bool failed() const noexcept = 0;
  /// The message of the first failure in the job; empty if there is none.
  virtual std::string failure() const = 0;
  /// True for exactly one rank of a failed job: the one that should print failure().
  virtual bool claimReport() noexcept = 0;

  /// "rank 1 on HOST", for messages.
  virtual std::string describe(int rank) const { return "rank " + std::to_string(rank); }
  /// Lets the others know, for their messages, which collective this rank has begun. Where ranks
  /// share no memory, nobody learns of it.
  virtual void note(int64_t collective) noexcept {}
  /// What `rank` noted last; kNothingNoted if it did not, or nobody can know.
  virtual int64_t noted(int rank) const noexcept { return kNothingNoted; }
  static constexpr int64_t kNothingNoted = -1;

  /// Leaves the job in good order: returns when all ranks have called it. Destruction without it
  /// counts as a failure of this rank.
  virtual void finish() = 0;

protected:
  HostCommunicator(int rank, int size) : myRank(rank), worldSize(size) {}
  const int myRank;
  const int worldSize;
};

/// One rank's end of the job's communication: the host side, and collectives on the memory that
/// the rank computes in.
///
/// Reductions on hosts are evaluated in group order with one rounding per step (bf16: accumulated
/// in f32, rounded once). Results have the same bits on every rank and in every run. On a GPU,
/// collectives take their turn in the work given to it: start() and wait() return before it is
/// done.
class Communicator : public HostCommunicator {
public:
  /// This rank's communication region: zero-initialized, page aligned, of the size asked for when
  /// connecting (null if that was 0). Collectives on buffers inside it avoid copies.
  virtual char *region() const = 0;

  /// Begins a collective. `inputs` and `outputs` have one pointer per operand; outputs[i] is
  /// inputs[i] or disjoint from all inputs. Until wait() returns, inputs must not change and
  /// outputs must not be touched.
  virtual void start(const Collective &collective, char *const *inputs, char *const *outputs) = 0;
  /// Finishes the oldest unfinished start() of this collective.
  virtual void wait(const Collective &collective) = 0;
  /// `give` makes calls of start() and wait() that the rank's device records instead of doing them.
  virtual void record(const std::function<void()> &give) { give(); }
  /// `give` gives the device what was recorded last.
  virtual void replay(const std::function<void()> &give) { give(); }
  void run(const Collective &collective, char *const *inputs, char *const *outputs) {
    start(collective, inputs, outputs);
    wait(collective);
  }

protected:
  using HostCommunicator::HostCommunicator;
};

/// What must be equal on all ranks, by name: {"executable", hash}, {"data", "corpus.txt, 1234
/// bytes"}, ...
using Identity = std::vector<std::pair<std::string, std::string>>;

/// What every communicator is told when it is made.
struct CommunicatorOptions {
  size_t regionBytes = 0;  ///< size of each rank's communication region
  size_t packingBytes = 0; ///< of these, how many at the end hold no values: scratch memory
  std::vector<Collective>
      collectives;            ///< the program's; sizes what they need, names them in messages
  double timeoutSeconds = 60; ///< longest wait for a peer
  bool sharedDevices = false; ///< ranks may drive one device together
  bool hostSideOnly = false;  ///< another communicator over this one does the collectives
  Identity identity;          ///< compared with rank 0's at connection
};

/// N communicators for N threads of this process; the reference for the others and the tool of
/// tests.
std::vector<std::unique_ptr<Communicator>>
createInProcessCommunicators(int size, const CommunicatorOptions &options);

/// Meets the other processes of the job on this host through the abstract Unix socket `jobKey` and
/// maps one segment with all of them. Throws Error on time-out, differing identity, a rank number
/// taken twice.
std::unique_ptr<Communicator> connectSharedMemory(int rank, int size, const std::string &jobKey,
                                                  const CommunicatorOptions &options);

/// Where the ranks of a job on several hosts meet: by the file, if there is one, in which rank 0
/// publishes where it listens; else at the port of the host, which is rank 0's.
struct NetworkAddress {
  std::string file;
  std::string host;
  int port = 0; ///< 0: unknown
};

/// Meets the other processes of the job, on any hosts, over TCP. Only the host side, each message
/// by way of rank 0: collectives are refused. Throws Error on time-out, differing identity, a rank
/// number taken twice. If rank 0 is gone, one rank of every other host claims the report.
std::unique_ptr<Communicator> connectTcp(int rank, int size, const NetworkAddress &where,
                                         const std::string &jobKey,
                                         const CommunicatorOptions &options);

/// Initializes the MPI library that the launcher belongs to, opened at run time. Throws Error if
/// there is none or if its rank and size are others than those given.
std::unique_ptr<Communicator> connectMpi(int rank, int size, const CommunicatorOptions &options);

} // namespace tpc::runtime

#endif
