// Each rank pulls what it needs from its peers' inputs; a large all_reduce pushes finished slices
// instead, which moves every byte once. Two announcements per collective suffice: buffers ready,
// buffers no longer needed.
#include "DirectCommunicator.h"
#include "Reduce.h"
#include "StreamingCopy.h"
#include "StridedRuns.h"
#include <algorithm>
#include <cstring>

namespace tpc::runtime {

namespace {
/// Up to so many bytes every rank reads all inputs whole: fewer cache lines change hands than with
/// slices.
constexpr size_t kWholeBytes = 16 << 10;

class DirectExecution {
public:
  explicit DirectExecution(DirectOperation &operation)
      : operation(operation), collective(*operation.collective),
        operands(collective.operands.size()),
        groupSize(static_cast<int64_t>(operation.announcement.group.size())),
        bytesPerElement(elementBytes(collective.dtype)),
        streaming(touchedBytes() > lastLevelCacheBytes()) {}

  void run() {
    for (size_t i = 0; i < operands; ++i)
      runOperand(i);
    if (streaming)
      finishStreaming();
  }

private:
  size_t touchedBytes() const {
    size_t bytes = 0;
    for (const CollectiveOperand &operand : collective.operands)
      bytes += (operand.inputElements() + operand.outputElements()) * bytesPerElement * groupSize;
    return bytes;
  }

  const char *peerInput(int64_t peer, size_t i) const {
    return operation.peerInputs[peer * operands + i];
  }

  void runOperand(size_t i) {
    switch (collective.op) {
    case CollectiveOp::AllReduce:
      return reducesWhole(collective) ? reduceWhole(i) : reduceSlice(i);
    case CollectiveOp::AllGather:
      return gather(i);
    case CollectiveOp::ReduceScatter:
      return reduceScatter(i);
    case CollectiveOp::AllToAll:
      return exchange(i);
    case CollectiveOp::Permute:
      return permute(i);
    }
  }

  char *makeScratch(size_t bytes, char *target) {
    operation.scratch.emplace_back(new char[bytes]);
    char *scratch = operation.scratch.back().get();
    operation.lateCopies.push_back({scratch, target, bytes});
    return scratch;
  }

  /// Where operand i's result goes: the output, or scratch if writing it now would destroy an input
  /// that a peer reads. `harmless` is an offset of the output inside its own input (or the reverse)
  /// that only this rank's part occupies.
  char *resultOf(size_t i, bool harmless) {
    size_t bytes = collective.operands[i].outputElements() * bytesPerElement;
    char *output = operation.outputs[i];
    for (size_t other = 0; other < operands; ++other) {
      const char *input = operation.inputs[other];
      size_t inputBytes = collective.operands[other].inputElements() * bytesPerElement;
      bool overlap = input < output + bytes && output < input + inputBytes;
      if (overlap && !(other == i && harmless))
        return makeScratch(bytes, output);
    }
    return output;
  }

  void reduceWhole(size_t i) {
    int64_t elements = collective.operands[i].inputElements();
    targets.assign({resultOf(i, false)});
    reduceRange(i, 0, elements);
  }

  void reduceSlice(size_t i) {
    int64_t elements = collective.operands[i].inputElements();
    auto line = static_cast<int64_t>(64 / bytesPerElement);
    int64_t slice = (elements + groupSize * line - 1) / (groupSize * line) * line;
    int64_t begin = std::min(elements, slice * operation.position),
            end = std::min(elements, begin + slice);
    targets.clear();
    for (int64_t peer = 0; peer < groupSize; ++peer)
      targets.push_back(operation.peerOutputs[peer * operands + i] + begin * bytesPerElement);
    reduceRange(i, begin, end - begin);
  }

  /// Reduces elements [begin, begin + count) of the group's inputs into `targets`.
  void reduceRange(size_t i, int64_t begin, int64_t count) {
    sources.clear();
    for (int64_t peer = 0; peer < groupSize; ++peer)
      sources.push_back(peerInput(peer, i) + begin * bytesPerElement);
    reduceInto(collective.dtype, collective.reduction, sources, targets, count, streaming);
  }

  void gather(size_t i) {
    const CollectiveOperand &operand = collective.operands[i];
    int64_t extent = operand.inputShape[collective.dim];
    int64_t ownBytes = operand.inputElements() * static_cast<int64_t>(bytesPerElement);
    bool inPlace = isOutermost(operand.inputShape, collective.dim) &&
                   operation.inputs[i] == operation.outputs[i] + ownBytes * operation.position;
    char *output = resultOf(i, inPlace);
    for (int64_t peer = 0; peer < groupSize; ++peer)
      copyBox(operand.inputShape, peerInput(peer, i), BoxPlace(operand.inputShape), output,
              BoxPlace(operand.outputShape, collective.dim, extent * peer));
  }

  void reduceScatter(size_t i) {
    const CollectiveOperand &operand = collective.operands[i];
    int64_t extent = operand.outputShape[collective.dim];
    int64_t ownBytes = operand.outputElements() * static_cast<int64_t>(bytesPerElement);
    bool inPlace = isOutermost(operand.outputShape, collective.dim) &&
                   operation.outputs[i] == operation.inputs[i] + ownBytes * operation.position;
    char *output = resultOf(i, inPlace);
    forEachRun(operand.outputShape,
               BoxPlace(operand.inputShape, collective.dim, extent * operation.position),
               BoxPlace(operand.outputShape), [&](int64_t source, int64_t target, int64_t count) {
                 targets.assign({output + target * bytesPerElement});
                 reduceRange(i, source, count);
               });
  }

  void exchange(size_t i) {
    const CollectiveOperand &operand = collective.operands[i];
    std::vector<int64_t> box = operand.inputShape;
    box[collective.splitDim] /= groupSize;
    char *output = resultOf(i, false);
    for (int64_t peer = 0; peer < groupSize; ++peer)
      copyBox(
          box, peerInput(peer, i),
          BoxPlace(operand.inputShape, collective.splitDim,
                   box[collective.splitDim] * operation.position),
          output,
          BoxPlace(operand.outputShape, collective.concatDim, box[collective.concatDim] * peer));
  }

  void permute(size_t i) {
    size_t bytes = collective.operands[i].inputElements() * bytesPerElement;
    char *output = resultOf(i, false);
    for (auto [source, destination] : collective.pairs)
      if (destination == operation.position)
        return copyBytes(output, peerInput(source, i), bytes, streaming);
    std::memset(output, 0, bytes);
  }

  static bool isOutermost(const std::vector<int64_t> &shape, int64_t dim) {
    return std::all_of(shape.begin(), shape.begin() + dim, [](int64_t size) { return size == 1; });
  }

  void copyBox(const std::vector<int64_t> &box, const char *source, const BoxPlace &from,
               char *target, const BoxPlace &to) {
    forEachRun(box, from, to, [&](int64_t sourceElement, int64_t targetElement, int64_t count) {
      const char *run = source + sourceElement * bytesPerElement;
      char *place = target + targetElement * bytesPerElement;
      if (run != place)
        copyBytes(place, run, count * bytesPerElement, streaming);
    });
  }

  DirectOperation &operation;
  const Collective &collective;
  const size_t operands;
  const int64_t groupSize;
  const size_t bytesPerElement;
  const bool streaming;
  std::vector<const char *>
      sources; // of the piece being reduced; members so that short runs allocate nothing
  std::vector<char *> targets;
};
} // namespace

bool reducesWhole(const Collective &collective) { return collective.inputBytes() <= kWholeBytes; }

void executeDirect(DirectOperation &operation) { DirectExecution(operation).run(); }

void executeAlone(DirectOperation &operation) {
  const Collective &collective = *operation.collective;
  if (collective.op == CollectiveOp::Permute)
    return executeDirect(operation);
  for (size_t i = 0; i < collective.operands.size(); ++i)
    if (operation.inputs[i] != operation.outputs[i])
      std::memcpy(operation.outputs[i], operation.inputs[i],
                  collective.operands[i].inputElements() * elementBytes(collective.dtype));
}

} // namespace tpc::runtime
