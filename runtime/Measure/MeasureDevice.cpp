// Rates of one rank. The best of many short rounds counts: other work only ever slows one down.
#include "Device/Threads.h"
#include "Kernels/Clones.h"
#include "Measure/Measure.h"
#include "Memory/Arena.h"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <cstring>

namespace tpc::runtime {
namespace {

using Clock = std::chrono::steady_clock;

constexpr double kSecondsPerFigure = 0.4;
constexpr int kLeastRounds = 5;

double secondsSince(Clock::time_point begin) {
  return std::chrono::duration<double>(Clock::now() - begin).count();
}

/// Best seconds of `work` in its share of time.
template <typename Work>
double bestSeconds(Work work) {
  work(); // prepares primitives, touches memory
  double best = 1e30;
  Clock::time_point all = Clock::now();
  for (int round = 0; round < kLeastRounds || secondsSince(all) < kSecondsPerFigure; ++round) {
    Clock::time_point begin = Clock::now();
    work();
    best = std::min(best, secondsSince(begin));
  }
  return best;
}

void fill(const PrivateRegion &region, float value) {
  std::fill_n(reinterpret_cast<float *>(region.data()), region.size() / sizeof(float), value);
}

//===-- matrix products --------------------------------------------------------===//

struct Shape {
  int64_t m, n, k;
};

double flopsOf(const Shape &shape) {
  return 2.0 * static_cast<double>(shape.m) * static_cast<double>(shape.n) *
         static_cast<double>(shape.k);
}

/// x [m, k] times w [n, k] transposed, as linear layers have them.
double secondsOfProduct(tpc_context &context, tpc_dtype dtype, const Shape &shape) {
  auto bytes = static_cast<int64_t>(elementBytes(dtype));
  PrivateRegion a(shape.m * shape.k * bytes), b(shape.n * shape.k * bytes),
      c(shape.m * shape.n * bytes);
  fill(a, 0.5f), fill(b, 0.25f);
  tpc_contract_desc desc = {};
  desc.dtype = desc.result_dtype = dtype;
  desc.batch = 1, desc.m = shape.m, desc.n = shape.n, desc.k = shape.k;
  desc.a_batch = shape.m * shape.k, desc.a_m = shape.k, desc.a_k = 1;
  desc.b_batch = shape.n * shape.k, desc.b_k = 1, desc.b_n = shape.k;
  desc.c_batch = shape.m * shape.n, desc.c_m = shape.n, desc.c_n = 1;
  double seconds =
      bestSeconds([&] { tpc_contract(&context, &desc, a.data(), b.data(), c.data()); });
  context.check();
  return seconds;
}

double rateOfProduct(tpc_context &context, tpc_dtype dtype, const Shape &shape) {
  return flopsOf(shape) / secondsOfProduct(context, dtype, shape);
}

/// Of the best rate, what the layers of a small Llama reach: q, up, down, logits.
double contractEfficiency(tpc_context &context, double flops) {
  double operations = 0, seconds = 0;
  for (Shape shape : {Shape{512, 768, 768}, {512, 3072, 768}, {512, 768, 3072}, {512, 8192, 768}}) {
    operations += flopsOf(shape);
    seconds += secondsOfProduct(context, TPC_F32, shape);
  }
  return operations / seconds / flops;
}

//===-- attention --------------------------------------------------------------===//

void measureAttention(tpc_context &context, DeviceFigures &figures) {
  constexpr int64_t kQueries = 512, kHeads = 12, kKeyHeads = 3, kSize = 64;
  tpc_attention_desc desc = {TPC_F32, 1, kQueries, kQueries, kKeyHeads, kHeads / kKeyHeads,
                             kSize,   1, 0.125};
  const int64_t q = 4 * kQueries * kHeads * kSize, k = 4 * kQueries * kKeyHeads * kSize;
  PrivateRegion queries(q), keys(k), values(k), out(q), logSumExp(4 * kQueries * kHeads),
      cotangent(q), dQueries(q), dKeys(k), dValues(k),
      workspace(context.threads * 4 * 2 * TPC_ATTENTION_BLOCK * kQueries);
  fill(queries, 0.5f), fill(keys, 0.25f), fill(values, 0.25f), fill(cotangent, 0.5f);
  double forward = bestSeconds([&] {
    tpc_attention(&context, &desc, queries.data(), keys.data(), values.data(), out.data(),
                  logSumExp.data(), workspace.data());
  });
  double backward = bestSeconds([&] {
    tpc_attention_grad(&context, &desc, queries.data(), keys.data(), values.data(), out.data(),
                       logSumExp.data(), cotangent.data(), dQueries.data(), dKeys.data(),
                       dValues.data(), workspace.data());
  });
  context.check();
  // Two products forward and five backward, halved by the mask: as the compiler counts.
  double product = static_cast<double>(kQueries * kQueries * kHeads * kSize);
  figures.attention = 2 * product / forward / figures.flops;
  figures.attentionGrad = 5 * product / backward / figures.flops;
}

//===-- memory -----------------------------------------------------------------===//

TPC_CLONES void addScaled(const float *a, const float *b, float *c, int64_t count) {
  for (int64_t i = 0; i < count; ++i)
    c[i] = a[i] + 0.5f * b[i];
}

/// Bytes per second of a kernel with two operands and a result of `bytes` in all.
double memoryRate(tpc_context &context, const PrivateRegion &region, int64_t bytes) {
  int64_t count = bytes / 3 / 4 / 16 * 16;
  auto *a = reinterpret_cast<float *>(region.data());
  float *b = a + count, *c = b + count;
  double seconds = bestSeconds([&] {
    parallelFor(context.threads, count, 16, [&](int64_t begin, int64_t end) {
      addScaled(a + begin, b + begin, c + begin, end - begin);
    });
  });
  return 12.0 * static_cast<double>(count) / seconds;
}

/// What is larger than all caches, what is as large as an activation, and the size in between at
/// which the rate falls.
void measureMemory(tpc_context &context, DeviceFigures &figures) {
  constexpr int64_t kLargest = 192 << 20, kSmallest = 3 << 20;
  PrivateRegion region(kLargest);
  fill(region, 1);
  figures.memoryBandwidth = memoryRate(context, region, kLargest);
  figures.cacheBandwidth = memoryRate(context, region, kSmallest);
  figures.cacheBytes = kSmallest;
  double between = std::sqrt(figures.memoryBandwidth * figures.cacheBandwidth);
  for (int64_t bytes = 2 * kSmallest; bytes < kLargest; bytes *= 2) {
    if (memoryRate(context, region, bytes) < between)
      break;
    figures.cacheBytes = static_cast<double>(bytes);
  }
}

double launchSeconds(tpc_context &context) {
  constexpr int kLaunches = 1000;
  char *buffers[] = {nullptr};
  return bestSeconds([&] {
           for (int i = 0; i < kLaunches; ++i)
             tpc_launch(
                 &context, [](char *const *, int64_t, int64_t) {}, buffers, context.threads, 1);
         }) /
         kLaunches;
}

/// Every figure is that of the rank for which it is worst: the others wait for it.
void takeWorst(HostCommunicator &ranks, DeviceFigures &figures) {
  std::vector<double> mine = {figures.flops,          figures.contract,        figures.attention,
                              figures.attentionGrad,  figures.memoryBandwidth, figures.cacheBytes,
                              figures.cacheBandwidth, -figures.launchSeconds};
  for (auto &[dtype, flops] : figures.types)
    mine.push_back(flops);
  std::vector<double> all(mine.size() * static_cast<size_t>(ranks.size()));
  ranks.gatherHost(mine.data(), mine.size() * sizeof(double), all.data());
  for (size_t i = 0; i < all.size(); ++i)
    mine[i % mine.size()] = std::min(mine[i % mine.size()], all[i]);
  figures = {
      mine[0], std::move(figures.types), mine[1], mine[2], mine[3], mine[4], mine[5], mine[6],
      -mine[7]};
  for (size_t i = 0; i < figures.types.size(); ++i)
    figures.types[i].second = mine[8 + i];
}

std::string inGiga(double rate, const char *unit) {
  char text[64];
  std::snprintf(text, sizeof(text), "%.1f G%s", rate / 1e9, unit);
  return text;
}

} // namespace

DeviceFigures measureDevice(tpc_context &context, const Progress &progress) {
  DeviceFigures figures;
  HostCommunicator &ranks = *context.communicator;
  auto meet = [&] { ranks.barrier(); };
  meet();
  figures.flops = rateOfProduct(context, TPC_F32, {512 * context.threads, 512, 512});
  figures.flops = std::max(figures.flops,
                           rateOfProduct(context, TPC_F32, {1024 * context.threads, 1024, 1024}));
  figures.contract = contractEfficiency(context, figures.flops);
  progress("f32 products: " + inGiga(figures.flops, "FLOP/s"));
  meet();
  for (auto [dtype, size] : {std::pair(TPC_BF16, 768), std::pair(TPC_F64, 192)}) {
    double rate = rateOfProduct(context, dtype, {size * context.threads, size, size});
    figures.types.emplace_back(dtype, rate);
    progress(std::string(toString(dtype)) + " products: " + inGiga(rate, "FLOP/s"));
    meet();
  }
  measureAttention(context, figures);
  progress("attention: " + inGiga(figures.attention * figures.flops, "FLOP/s"));
  meet();
  measureMemory(context, figures);
  progress("memory: " + inGiga(figures.memoryBandwidth, "B/s"));
  meet();
  figures.launchSeconds = launchSeconds(context);
  for (double *share : {&figures.contract, &figures.attention, &figures.attentionGrad})
    *share = std::min(*share, 1.0);
  takeWorst(ranks, figures);
  return figures;
}

} // namespace tpc::runtime
