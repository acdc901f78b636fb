// One collective as messages between pairs of ranks.
#ifndef TPC_RUNTIME_COMM_MPIOPERATION_H
#define TPC_RUNTIME_COMM_MPIOPERATION_H

#include "MpiTransport.h"
#include "StridedRuns.h"

namespace tpc::runtime {

/// A collective between start() and wait(): what a rank sends to each member of its group, and what
/// it makes of the answers. Every collective is one exchange between all pairs; a large all_reduce
/// has a second one that spreads the reduced slices.
class MpiOperation {
public:
  /// Uses the message tags `tag` and `tag` + 1.
  MpiOperation(const Collective &collective, int rank, uint32_t tag, char *const *inputs,
               char *const *outputs, MpiTransport &transport);

  int64_t number() const { return collective.index; }
  /// Begins to send and receive.
  void start();
  /// Returns when the outputs are written and the inputs free. `description` is for time-out
  /// messages.
  void finish(const std::string &description);

private:
  using Buffer = std::unique_ptr<char[]>;

  const CollectiveOperand &operand(size_t i) const { return collective.operands[i]; }
  int64_t inputBytes(size_t i) const { return operand(i).inputElements() * bytesPerElement; }
  /// The slice of a flat operand that group member `peer` reduces: [begin, end) in elements.
  std::pair<int64_t, int64_t> sliceOf(size_t i, int64_t peer) const;
  bool permutes(int64_t from, int64_t to) const;
  /// Bytes of operand `i` that travel from group member `from` to `to`.
  int64_t bytesBetween(size_t i, int64_t from, int64_t to) const;
  /// The part of input `i` that is for `peer` along `dim`, packed.
  Buffer pack(size_t i, int64_t peer, int64_t dim) const;
  /// What to send to `peer`: in the input where it is contiguous there, else packed.
  const char *outgoing(size_t i, int64_t peer);
  void exchange(size_t i, int64_t peer);

  void combine(size_t i);
  void reduceReceived(size_t i, int64_t elements, char *target);
  void combineSlices(size_t i);
  void combinePermuted(size_t i);
  /// Places the boxes received one after the other along `dim` of the output.
  void unpack(size_t i, const std::vector<int64_t> &box, int64_t dim);
  void copyBox(const std::vector<int64_t> &box, const char *source, const BoxPlace &from,
               char *target, const BoxPlace &to) const;

  const Collective &collective;
  const std::vector<int> &group;
  const uint32_t tag;
  const std::vector<char *> inputs, outputs;
  MpiTransport &transport;
  const int64_t groupSize, position, bytesPerElement;
  const bool whole; ///< an all_reduce so small that everybody sends everything
  std::vector<MpiTransfer> transfers;
  std::vector<Buffer> received; ///< by operand * groupSize + position of the sender
  std::vector<Buffer> packed;   ///< in order of sending
};

} // namespace tpc::runtime

#endif
