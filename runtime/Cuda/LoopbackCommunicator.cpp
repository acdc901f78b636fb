#include "Cuda/LoopbackCommunicator.h"
#include "Cuda/BoxCopy.h"
#include "Cuda/DeviceScratch.h"
#include "Cuda/HostSide.h"
#include "Cuda/ReduceKernel.h"
#include <algorithm>

namespace tpc::runtime {

namespace {
/// One rank's part of a collective whose group has told its buffers: peers[p * operands + i].
struct LoopbackOperation {
  const Collective &collective;
  const int64_t groupSize, position;
  const std::vector<const char *> inputs; ///< of all members
  const std::vector<char *> results;      ///< of this rank, none of which overlaps any input
  const cudaStream_t stream;

  void give() const {
    for (size_t i = 0; i < results.size(); ++i)
      giveOperand(i);
  }

private:
  const char *input(int64_t peer, size_t i) const { return inputs[peer * results.size() + i]; }
  size_t element() const { return elementBytes(collective.dtype); }

  void giveOperand(size_t i) const {
    const CollectiveOperand &operand = collective.operands[i];
    switch (collective.op) {
    case CollectiveOp::AllReduce:
      return reduce(i, operand.inputShape, BoxPlace(operand.inputShape));
    case CollectiveOp::ReduceScatter: {
      int64_t offset = operand.outputShape[collective.dim] * position;
      return reduce(i, operand.outputShape, BoxPlace(operand.inputShape, collective.dim, offset));
    }
    case CollectiveOp::AllGather:
      return join(i, operand.inputShape, collective.dim,
                  [&] { return BoxPlace(operand.inputShape); });
    case CollectiveOp::AllToAll: {
      std::vector<int64_t> part = operand.inputShape;
      part[collective.splitDim] /= groupSize;
      return join(i, part, collective.concatDim, [&] {
        return BoxPlace(operand.inputShape, collective.splitDim,
                        part[collective.splitDim] * position);
      });
    }
    case CollectiveOp::Permute:
      return permute(i);
    }
  }

  void reduce(size_t i, const std::vector<int64_t> &box, const BoxPlace &from) const {
    std::vector<const char *> sources;
    for (int64_t peer = 0; peer < groupSize; ++peer)
      sources.push_back(input(peer, i));
    forEachPlane(box, from, BoxPlace(box), [&](const RunPlane &plane) {
      giveReduction(collective.dtype, collective.reduction, sources, results[i], plane, stream);
    });
  }

  /// Places a box of each member's input one behind the other along `dim` of the output.
  template <typename From>
  void join(size_t i, const std::vector<int64_t> &box, int64_t dim, From from) const {
    for (int64_t peer = 0; peer < groupSize; ++peer)
      copyBox(box, element(), input(peer, i), from(), results[i],
              BoxPlace(collective.operands[i].outputShape, dim, box[dim] * peer), stream);
  }

  void permute(size_t i) const {
    size_t bytes = collective.operands[i].outputElements() * element();
    for (auto [source, destination] : collective.pairs)
      if (destination == position)
        return copyBytes(results[i], input(source, i), bytes, stream);
    checkCuda(cudaMemsetAsync(results[i], 0, bytes, stream), "cudaMemsetAsync");
  }
};

class LoopbackCommunicator final : public OverHost {
public:
  LoopbackCommunicator(HostCommunicator &host, const CommunicatorOptions &options,
                       cudaStream_t compute)
      : OverHost(host), compute(compute), memory(allocateDevice(options.regionBytes)) {
    if (host.size() > static_cast<int>(kMostSources))
      throw Error("--comm loopback on a GPU takes at most " + std::to_string(kMostSources) +
                  " ranks, got " + std::to_string(host.size()));
  }

  const char *name() const override { return "loopback"; }
  char *region() const override { return memory.get(); }

  void start(const Collective &collective, char *const *inputs, char *const *outputs) override {
    size_t operands = collective.operands.size();
    const std::vector<int> &group = collective.groupOf(myRank);
    note(collective.index);
    auto ready = record(compute);
    std::vector<char *> told(inputs, inputs + operands);
    told.push_back(reinterpret_cast<char *>(ready.get()));
    std::vector<char *> all = exchange(told);
    std::vector<const char *> peers;
    for (int peer : group) {
      char *const *theirs = &all[peer * told.size()];
      reinterpret_cast<Event *>(theirs[operands])->holdUp(communication.get());
      peers.insert(peers.end(), theirs, theirs + operands);
    }
    std::vector<char *> results = resultsFor(collective, inputs, outputs);
    auto position = std::find(group.begin(), group.end(), myRank) - group.begin();
    LoopbackOperation{collective, static_cast<int64_t>(group.size()),
                      position,   peers,
                      results,    communication.get()}
        .give();
    auto read = record(communication.get()); // the peers' inputs are no longer needed
    std::vector<char *> reads = exchange({reinterpret_cast<char *>(read.get())});
    for (int peer : group)
      reinterpret_cast<Event *>(reads[peer])->holdUp(communication.get());
    for (size_t i = 0; i < operands; ++i)
      copyBytes(outputs[i], results[i],
                collective.operands[i].outputElements() * elementBytes(collective.dtype),
                communication.get());
    pending.push_back({collective.index, record(communication.get())});
    // The others use these events until they come to their next exchange.
    inUse.clear();
    inUse.push_back(std::move(ready));
    inUse.push_back(std::move(read));
  }

  void wait(const Collective &collective) override {
    auto operation = std::find_if(pending.begin(), pending.end(), [&](const Pending &candidate) {
      return candidate.collective == collective.index;
    });
    if (operation == pending.end())
      throw Error(describe(myRank) + ": " + collective.describe() +
                  " is waited for and was not started");
    operation->done->holdUp(compute);
    pending.erase(operation);
  }

private:
  struct Pending {
    int64_t collective;
    std::unique_ptr<Event> done;
  };

  static std::unique_ptr<Event> record(cudaStream_t stream) {
    auto event = std::make_unique<Event>();
    event->record(stream);
    return event;
  }

  /// Everybody's addresses, rank by rank: the ranks are threads of this process.
  std::vector<char *> exchange(const std::vector<char *> &own) {
    std::vector<char *> all(worldSize * own.size());
    gatherHost(own.data(), own.size() * sizeof(char *), all.data());
    return all;
  }

  /// The outputs, or scratch memory where an output overlaps an input that a peer still reads.
  std::vector<char *> resultsFor(const Collective &collective, char *const *inputs,
                                 char *const *outputs) {
    std::vector<size_t> offsets;
    size_t needed = 0, element = elementBytes(collective.dtype);
    for (const CollectiveOperand &operand : collective.operands) {
      offsets.push_back(needed);
      needed += (operand.outputElements() * element + 255) / 256 * 256;
    }
    std::vector<char *> results;
    for (size_t i = 0; i < collective.operands.size(); ++i) {
      const CollectiveOperand &operand = collective.operands[i];
      bool overlap = inputs[i] < outputs[i] + operand.outputElements() * element &&
                     outputs[i] < inputs[i] + operand.inputElements() * element;
      results.push_back(overlap ? scratch.get(needed, communication.get()) + offsets[i]
                                : outputs[i]);
    }
    return results;
  }

  const cudaStream_t compute;
  const Stream communication{Priority::High};
  const std::shared_ptr<char> memory;
  DeviceScratch scratch;
  std::vector<Pending> pending;
  std::vector<std::unique_ptr<Event>> inUse; ///< by other ranks
};
} // namespace

void connectLoopback(std::unique_ptr<Communicator> &communicator,
                     const CommunicatorOptions &options, cudaStream_t compute) {
  connectOver<LoopbackCommunicator>(communicator, options, compute);
}

} // namespace tpc::runtime
