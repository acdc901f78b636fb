#include "Train/Peak.h"
#include "Memory/Arena.h"
#include "tpc/runtime/BFloat16.h"

#include <algorithm>
#include <chrono>
#include <numeric>

namespace tpc::runtime {
namespace {

constexpr int64_t kSize = 1024;         // rows of a thread, columns, length of the sums
constexpr double kEnoughSeconds = 0.15; // how long to go on
constexpr int kMostRounds = 8;

double secondsOf(tpc_context &context, const tpc_contract_desc &desc, char *a, char *b, char *c) {
  auto begin = std::chrono::steady_clock::now();
  tpc_contract(&context, &desc, a, b, c);
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
}

/// Floating-point operations per second of this rank.
double measureRank(tpc_context &context, bool bf16) {
  const int64_t rows = kSize * context.threads;
  const tpc_dtype dtype = bf16 ? TPC_BF16 : TPC_F32;
  tpc_contract_desc desc = {
      dtype, dtype,        1,     rows, kSize, kSize, rows * kSize, kSize, 1, kSize * kSize, kSize,
      1,     rows * kSize, kSize, 1,    0};
  const auto elements = static_cast<uint64_t>(rows * kSize);
  PrivateRegion a(4 * elements), b(4 * kSize * kSize), c(4 * elements);
  if (bf16) {
    std::fill_n(reinterpret_cast<BFloat16 *>(a.data()), elements, BFloat16(0.5f));
    std::fill_n(reinterpret_cast<BFloat16 *>(b.data()), kSize * kSize, BFloat16(0.25f));
  } else {
    std::fill_n(reinterpret_cast<float *>(a.data()), elements, 0.5f);
    std::fill_n(reinterpret_cast<float *>(b.data()), kSize * kSize, 0.25f);
  }
  double best = 1e30, total = 0;
  for (int round = 0; round < kMostRounds && total < kEnoughSeconds; ++round) {
    double seconds = secondsOf(context, desc, a.data(), b.data(), c.data());
    best = std::min(best, seconds), total += seconds;
  }
  return 2.0 * static_cast<double>(elements) * kSize / best;
}

} // namespace

double measurePeak(tpc_context &context, bool bf16) {
  context.communicator->barrier();
  double mine = measureRank(context, bf16);
  std::vector<double> all(static_cast<size_t>(context.world()));
  context.communicator->gatherHost(&mine, sizeof(mine), all.data());
  return std::accumulate(all.begin(), all.end(), 0.0);
}

} // namespace tpc::runtime
