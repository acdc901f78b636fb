// Ranks of one device as threads, and what all communicators of a device must do.
#ifndef TPC_TEST_UNIT_CUDA_DEVICERANKS_H
#define TPC_TEST_UNIT_CUDA_DEVICERANKS_H

#include "Cuda/NcclOperation.h"
#include "Fake/FakeCudaDevice.h"
#include "Reference.h"
#include <cuda_runtime_api.h>
#include <gtest/gtest.h>
#include <thread>

namespace tpc::runtime::test {

using Connect = void (*)(std::unique_ptr<Communicator> &, const CommunicatorOptions &,
                         cudaStream_t);

/// Waits for the device after each collective, so that tests for hosts serve as they are.
class Synchronized final : public Communicator {
public:
  Synchronized(Communicator &inner, cudaStream_t stream)
      : Communicator(inner.rank(), inner.size()), inner(inner), stream(stream) {}
  const char *name() const override { return inner.name(); }
  char *region() const override { return inner.region(); }
  void start(const Collective &collective, char *const *inputs, char *const *outputs) override {
    inner.start(collective, inputs, outputs);
  }
  void wait(const Collective &collective) override {
    inner.wait(collective);
    cudaStreamSynchronize(stream);
    if (failed())
      throw Error(failure());
  }
  void barrier() override { inner.barrier(); }
  void gatherHost(const void *data, size_t bytes, void *out) override {
    inner.gatherHost(data, bytes, out);
  }
  void abort(const std::string &message) noexcept override { inner.abort(message); }
  bool failed() const noexcept override { return inner.failed(); }
  std::string failure() const override { return inner.failure(); }
  bool claimReport() noexcept override { return inner.claimReport(); }
  void finish() override { inner.finish(); }

private:
  Communicator &inner;
  cudaStream_t stream;
};

/// Runs `body(communicator, stream)` on every rank, a thread, after `connect` has given it a
/// device's communicator; what they return or throw.
template <typename Body>
std::vector<std::string> onDeviceRanks(int world, const CommunicatorOptions &options,
                                       Connect connect, Body body) {
  CommunicatorOptions hostOptions;
  hostOptions.timeoutSeconds = 20;
  auto communicators = createInProcessCommunicators(world, hostOptions);
  std::vector<std::string> messages(world);
  std::vector<std::thread> threads;
  for (int rank = 0; rank < world; ++rank)
    threads.emplace_back([&, rank, communicator = std::move(communicators[rank])]() mutable {
      cudaStream_t stream;
      cudaSetDevice(rank % tpc::test::fakeMachine().devices);
      cudaStreamCreateWithFlags(&stream, cudaStreamNonBlocking);
      try {
        connect(communicator, options, stream);
        messages[rank] = body(*communicator, stream);
        cudaStreamSynchronize(stream);
      } catch (const Error &error) { // as the C functions of a context do
        messages[rank] = error.what();
        communicator->abort(error.what());
      }
    });
  for (std::thread &thread : threads)
    thread.join();
  return messages;
}

inline CommunicatorOptions optionsFor(const std::vector<Collective> &cases, double timeout = 20) {
  CommunicatorOptions options;
  options.collectives = cases;
  for (const Collective &collective : cases)
    options.packingBytes =
        std::max(options.packingBytes, NcclOperation::scratchBytes(collective, 0));
  options.regionBytes = (regionBytesFor(cases) + 255) / 256 * 256 + options.packingBytes;
  options.timeoutSeconds = timeout;
  return options;
}

inline Collective allReduce(int world, int64_t elements, int64_t index = 0) {
  Collective collective;
  collective.index = index;
  collective.axes = "tp";
  collective.module = "model.norm";
  collective.operands = {{{elements}, {elements}}};
  collective.groups.emplace_back();
  for (int rank = 0; rank < world; ++rank)
    collective.groups[0].push_back(rank);
  return collective;
}

/// All cases, or one of every so many, have the values of the reference.
inline void expectCollectives(Connect connect, const std::vector<int> &worlds, size_t every = 1) {
  for (int world : worlds) {
    std::vector<Collective> cases;
    for (const Collective &collective : allCases(world))
      if (collective.index % static_cast<int64_t>(every) == 0) {
        cases.push_back(collective);
        cases.back().index = static_cast<int64_t>(cases.size()) - 1;
      }
    EXPECT_EQ(onDeviceRanks(world, optionsFor(cases), connect,
                            [&](Communicator &communicator, cudaStream_t stream) {
                              Synchronized synchronized(communicator, stream);
                              std::string mistake = checkAll(synchronized, cases);
                              if (mistake.empty())
                                communicator.finish();
                              return mistake;
                            }),
              std::vector<std::string>(world));
  }
}

/// Work before a collective, two at once, work after it: nobody waits but the streams.
inline void expectOrderOfWork(Connect connect) {
  std::vector<Collective> collectives{allReduce(3, 1000), allReduce(3, 1000, 1)};
  auto messages = onDeviceRanks(
      3, optionsFor(collectives), connect,
      [&](Communicator &communicator, cudaStream_t stream) -> std::string {
        std::vector<float> source(1000), work[2], result[2];
        for (int round = 0; round < 20; ++round) {
          source.assign(1000, static_cast<float>(round + communicator.rank()));
          for (int i = 0; i < 2; ++i) {
            work[i].assign(1000, -1), result[i].assign(1000, -1);
            cudaMemcpyAsync(work[i].data(), source.data(), 4000, cudaMemcpyDeviceToDevice, stream);
            char *buffer[] = {reinterpret_cast<char *>(work[i].data())};
            communicator.start(collectives[i], buffer, buffer);
          }
          for (int i = 2; i-- > 0;) {
            communicator.wait(collectives[i]);
            cudaMemcpyAsync(result[i].data(), work[i].data(), 4000, cudaMemcpyDeviceToDevice,
                            stream);
          }
          cudaStreamSynchronize(stream);
          for (int i = 0; i < 2; ++i)
            if (result[i] != std::vector<float>(1000, static_cast<float>(3 * round + 3)))
              return "round " + std::to_string(round) + " got " + std::to_string(result[i][999]);
        }
        communicator.finish();
        return "";
      });
  EXPECT_EQ(messages, std::vector<std::string>(3));
}

} // namespace tpc::runtime::test

#endif
