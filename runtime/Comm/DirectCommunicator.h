// Collectives between ranks that can read and write each other's memory.
#ifndef TPC_RUNTIME_COMM_DIRECTCOMMUNICATOR_H
#define TPC_RUNTIME_COMM_DIRECTCOMMUNICATOR_H

#include "Segment.h"
#include <array>
#include <deque>

namespace tpc::runtime {

/// What stands in a slot of the board, as long as ranks of `group` may look at it.
struct Announcement {
  int64_t operation = kNoOperation; ///< collective number
  std::vector<int> group;
  uint32_t sequence = 0;
};

/// A collective between start() and wait(), as its rank sees it.
struct DirectOperation {
  const Collective *collective = nullptr;
  Announcement announcement;
  int position = 0; ///< of this rank in the group
  bool finished = false;
  bool byLetter = false;               ///< the inputs announced are copies
  std::vector<char *> inputs, outputs; ///< this rank's, as given

  /// Addresses of what the group announced, indexed by position * operands + operand.
  std::vector<const char *> peerInputs;
  std::vector<char *> peerOutputs;

  /// Results that may only be copied out when no rank reads its inputs any more.
  struct LateCopy {
    const char *source;
    char *target;
    size_t bytes;
  };
  std::vector<LateCopy> lateCopies;
  std::vector<std::unique_ptr<char[]>> scratch;
};

/// Moves and reduces the data of an operation whose whole group has reached phase 1. Afterwards
/// this rank's share is done; outputs are complete once the group has reached phase 2 and the late
/// copies are made.
void executeDirect(DirectOperation &operation);
/// The same for a group of one rank, where every op but `permute` is the identity.
void executeAlone(DirectOperation &operation);

/// True if an all_reduce of this size is done by every rank for itself instead of by slices.
bool reducesWhole(const Collective &collective);

/// The protocol, the same for threads and processes: start() announces the buffers (phase 1);
/// wait() waits for the group's phase 1, executes, announces phase 2 and waits for that of the
/// group. Small inputs are announced as copies, as letters are sent eagerly in MPI: then nobody
/// waits for phase 2 but who needs the announcement's slot again. Large buffers that the others
/// cannot see are staged in the segment. Groups of one rank copy and announce nothing.
class DirectCommunicator : public Communicator {
public:
  /// `everythingVisible`: the ranks are threads of one process.
  DirectCommunicator(int rank, std::shared_ptr<Segment> segment, const CommunicatorOptions &options,
                     bool everythingVisible, int spins);
  ~DirectCommunicator() override;

  char *region() const override { return segment->region(myRank); }
  void start(const Collective &collective, char *const *inputs, char *const *outputs) override;
  void wait(const Collective &collective) override;
  void barrier() override;
  void gatherHost(const void *data, size_t bytes, void *out) override;
  void abort(const std::string &message) noexcept override { board().fail(message); }
  bool failed() const noexcept override { return board().failed(); }
  std::string failure() const override { return board().failure(); }
  bool claimReport() noexcept override { return board().claimReport(); }
  std::string describe(int rank) const override { return board().describe(rank); }
  void note(int64_t collective) noexcept override { board().rank(myRank).position = collective; }
  int64_t noted(int rank) const noexcept override { return board().rank(rank).position; }
  void finish() override;

protected:
  /// Tells the others that this rank goes, unless the job is finished or has failed.
  void abandon();
  Board &board() const { return segment->board(); }
  /// "collective 7 (...)" of an operation number; "the start" before the first.
  std::string describeOperation(int64_t operation) const;
  const std::shared_ptr<Segment> segment;

private:
  void announce(DirectOperation &operation);
  void freeSlot(uint32_t sequence);
  void complete(DirectOperation &operation);
  void leaveUnread(Announcement &&letter);
  void completeAll();
  char *stage(size_t bytes);
  char *stageInput(const char *input, size_t bytes, bool mustCopy);
  void writeLetter(DirectOperation &operation);
  void shareBuffers(DirectOperation &operation);
  void waitForGroup(const Announcement &announcement, uint32_t phase);
  void checkSameOperation(const Announcement &announcement, int peer);
  void collectAddresses(DirectOperation &operation);
  [[noreturn]] void reportTimeout(const Announcement &announcement, int peer);

  const std::vector<Collective> collectives;
  const double timeoutSeconds;
  const bool everythingVisible;
  SpinBudget spins;
  uint32_t sequence = 0;
  size_t stagingUsed = 0;
  bool finished = false;
  std::deque<DirectOperation> pending;
  std::array<Announcement, kOutstanding> unread; ///< letters, by slot, that some may not have read
};

} // namespace tpc::runtime

#endif
