#include "Train/Peak.h"
#include "tpc/runtime/BFloat16.h"

#include <algorithm>
#include <chrono>
#include <memory>
#include <numeric>
#include <vector>

namespace tpc::runtime {
namespace {

// Rows of a thread, columns, length of the sums: on a host large enough for the best rate, and
// small enough that some products are through before other work takes the core.
constexpr int64_t kHostSize = 512, kDeviceSize = 8192;
constexpr double kEnoughSeconds = 0.2;

double secondsOf(tpc_context &context, const tpc_contract_desc &desc, char *a, char *b, char *c) {
  auto begin = std::chrono::steady_clock::now();
  tpc_contract(&context, &desc, a, b, c);
  context.device->synchronize();
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
}

/// A matrix in the device's memory, all of one value.
template <typename Element>
std::shared_ptr<char> makeMatrix(Device &device, int64_t elements, float value) {
  std::vector<Element> values(static_cast<size_t>(elements), Element(value));
  std::shared_ptr<char> matrix = device.allocate(values.size() * sizeof(Element));
  device.copyFromHost(matrix.get(), values.data(), values.size() * sizeof(Element));
  return matrix;
}

/// Floating-point operations per second of this rank.
template <typename Element>
double measureRank(tpc_context &context, tpc_dtype dtype) {
  Device &device = *context.device;
  const int64_t size = device.isHost() ? kHostSize : kDeviceSize, rows = size * context.threads;
  tpc_contract_desc desc = {dtype, dtype,       1,    rows, size,        size, rows * size, size,
                            1,     size * size, size, 1,    rows * size, size, 1,           0};
  auto a = makeMatrix<Element>(device, rows * size, 0.5f),
       b = makeMatrix<Element>(device, size * size, 0.25f),
       c = makeMatrix<Element>(device, rows * size, 0);
  double best = 1e30, total = 0;
  while (total < kEnoughSeconds) {
    double seconds = secondsOf(context, desc, a.get(), b.get(), c.get());
    best = std::min(best, seconds), total += seconds;
  }
  context.check();
  return 2.0 * static_cast<double>(rows * size) * static_cast<double>(size) / best;
}

} // namespace

double measurePeak(tpc_context &context, bool bf16) {
  context.communicator->barrier();
  double mine =
      bf16 ? measureRank<BFloat16>(context, TPC_BF16) : measureRank<float>(context, TPC_F32);
  std::vector<double> all(static_cast<size_t>(context.world()));
  context.communicator->gatherHost(&mine, sizeof(mine), all.data());
  return std::accumulate(all.begin(), all.end(), 0.0);
}

} // namespace tpc::runtime
