// Rates of one rank's device. The best of many short rounds counts: other work only ever slows one
// down.
#include "Measure/Measure.h"
#include "tpc/runtime/BFloat16.h"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdio>

namespace tpc::runtime {
namespace {

using Clock = std::chrono::steady_clock;

constexpr int kLeastRounds = 5;

double secondsSince(Clock::time_point begin) {
  return std::chrono::duration<double>(Clock::now() - begin).count();
}

/// Best seconds of what is `given`, done again and again until so many seconds are over.
template <typename Work>
double bestSeconds(tpc_context &context, double enough, Work given) {
  auto work = [&] {
    given();
    context.device->synchronize();
    context.check();
  };
  work(); // prepares primitives, touches memory
  double best = 1e30;
  Clock::time_point all = Clock::now();
  for (int round = 0; round < kLeastRounds || secondsSince(all) < enough; ++round) {
    Clock::time_point begin = Clock::now();
    work();
    best = std::min(best, secondsSince(begin));
  }
  return best;
}

/// A tensor of one value in the device's memory.
std::shared_ptr<char> makeTensor(tpc_context &context, tpc_dtype dtype, int64_t elements,
                                 float value) {
  std::vector<char> bytes(static_cast<size_t>(elements) * elementBytes(dtype));
  auto fill = [&](auto element) {
    auto *first = reinterpret_cast<decltype(element) *>(bytes.data());
    std::fill_n(first, elements, element);
  };
  if (dtype == TPC_F64)
    fill(static_cast<double>(value));
  else if (dtype == TPC_BF16)
    fill(BFloat16(value));
  else
    fill(value);
  std::shared_ptr<char> tensor = context.device->allocate(bytes.size());
  context.device->copyFromHost(tensor.get(), bytes.data(), bytes.size());
  return tensor;
}

//===-- matrix products --------------------------------------------------------===//

double flopsOf(const ProductShape &shape) {
  return 2.0 * static_cast<double>(shape.m) * static_cast<double>(shape.n) *
         static_cast<double>(shape.k);
}

/// x [m, k] times w [n, k] transposed, as linear layers have them.
double secondsOfProduct(tpc_context &context, double enough, tpc_dtype dtype,
                        const ProductShape &shape) {
  auto a = makeTensor(context, dtype, shape.m * shape.k, 0.5f),
       b = makeTensor(context, dtype, shape.n * shape.k, 0.25f),
       c = makeTensor(context, dtype, shape.m * shape.n, 0);
  tpc_contract_desc desc = {};
  desc.dtype = desc.result_dtype = dtype;
  desc.batch = 1, desc.m = shape.m, desc.n = shape.n, desc.k = shape.k;
  desc.a_batch = shape.m * shape.k, desc.a_m = shape.k, desc.a_k = 1;
  desc.b_batch = shape.n * shape.k, desc.b_k = 1, desc.b_n = shape.k;
  desc.c_batch = shape.m * shape.n, desc.c_m = shape.n, desc.c_n = 1;
  return bestSeconds(context, enough,
                     [&] { tpc_contract(&context, &desc, a.get(), b.get(), c.get()); });
}

double rateOfProduct(tpc_context &context, double enough, tpc_dtype dtype,
                     const ProductShape &shape) {
  return flopsOf(shape) / secondsOfProduct(context, enough, dtype, shape);
}

/// Of the best rate, what a Llama's layers reach together.
double contractEfficiency(tpc_context &context, const MeasuredWork &work, double flops) {
  double operations = 0, seconds = 0;
  for (const ProductShape &shape : work.layers) {
    operations += flopsOf(shape);
    seconds += secondsOfProduct(context, work.seconds, work.type, shape);
  }
  return operations / seconds / flops;
}

//===-- attention --------------------------------------------------------------===//

void measureAttention(tpc_context &context, const MeasuredWork &work, DeviceFigures &figures) {
  const tpc_attention_desc &desc = work.attention;
  const int64_t heads = desc.kv_heads * desc.group, rows = desc.batch * desc.queries * heads;
  const int64_t q = rows * desc.head_dim,
                k = desc.batch * desc.keys * desc.kv_heads * desc.head_dim;
  auto make = [&](int64_t elements, float value) {
    return makeTensor(context, desc.dtype, elements, value);
  };
  auto queries = make(q, 0.5f), keys = make(k, 0.25f), values = make(k, 0.25f), out = make(q, 0),
       cotangent = make(q, 0.5f), dQueries = make(q, 0), dKeys = make(k, 0), dValues = make(k, 0),
       logSumExp = makeTensor(context, TPC_F32, rows, 0),
       workspace = context.device->allocate(work.attentionWorkspace);
  double forward = bestSeconds(context, work.seconds, [&] {
    tpc_attention(&context, &desc, queries.get(), keys.get(), values.get(), out.get(),
                  logSumExp.get(), workspace.get());
  });
  double backward = bestSeconds(context, work.seconds, [&] {
    tpc_attention_grad(&context, &desc, queries.get(), keys.get(), values.get(), out.get(),
                       logSumExp.get(), cotangent.get(), dQueries.get(), dKeys.get(), dValues.get(),
                       workspace.get());
  });
  // Two products forward and five backward, halved by the mask: as the compiler counts.
  double product = static_cast<double>(desc.keys) * static_cast<double>(q);
  figures.attention = 2 * product / forward / figures.flops;
  figures.attentionGrad = 5 * product / backward / figures.flops;
}

//===-- memory -----------------------------------------------------------------===//

double memoryRate(tpc_context &context, double enough, char *memory, uint64_t bytes) {
  uint64_t moved = 0;
  double seconds =
      bestSeconds(context, enough, [&] { moved = context.device->sweep(context, memory, bytes); });
  return static_cast<double>(moved) / seconds;
}

/// What is larger than all caches, what is as large as an activation, and the size in between at
/// which the rate falls.
void measureMemory(tpc_context &context, const MeasuredWork &work, DeviceFigures &figures) {
  auto region = makeTensor(context, TPC_F32, static_cast<int64_t>(work.largestMemory / 4), 1);
  figures.memoryBandwidth = memoryRate(context, work.seconds, region.get(), work.largestMemory);
  figures.cacheBandwidth = memoryRate(context, work.seconds, region.get(), work.smallestMemory);
  figures.cacheBytes = static_cast<double>(work.smallestMemory);
  double between = std::sqrt(figures.memoryBandwidth * figures.cacheBandwidth);
  for (uint64_t bytes = 2 * work.smallestMemory; bytes < work.largestMemory; bytes *= 2) {
    if (memoryRate(context, work.seconds, region.get(), bytes) < between)
      break;
    figures.cacheBytes = static_cast<double>(bytes);
  }
}

double launchSeconds(tpc_context &context, double enough) {
  constexpr int kLaunches = 1000;
  std::shared_ptr<char> memory = context.device->allocate(256);
  return bestSeconds(context, enough,
                     [&] {
                       for (int i = 0; i < kLaunches; ++i)
                         context.device->giveLittle(context, memory.get());
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

MeasuredWork MeasuredWork::ofHost(int threads) {
  constexpr int64_t kQueries = 512;
  MeasuredWork work = {};
  work.type = TPC_F32;
  work.products = {{512 * threads, 512, 512}, {1024 * threads, 1024, 1024}};
  work.layers = {{512, 768, 768}, {512, 3072, 768}, {512, 768, 3072}, {512, 8192, 768}};
  work.otherTypes = {{TPC_BF16, 768}, {TPC_F64, 192}};
  work.attention = {TPC_F32, 1, kQueries, kQueries, 3, 4, 64, 1, 0.125};
  work.attentionWorkspace = static_cast<uint64_t>(threads * 4 * 2 * TPC_ATTENTION_BLOCK * kQueries);
  work.largestMemory = 192 << 20, work.smallestMemory = 3 << 20;
  work.seconds = 0.4;
  return work;
}

MeasuredWork MeasuredWork::ofGpu() {
  MeasuredWork work = {};
  work.type = TPC_BF16;
  work.products = {{4096, 4096, 4096}, {8192, 8192, 8192}};
  work.layers = {{4096, 2048, 2048}, {4096, 16384, 2048}, {4096, 2048, 8192}};
  work.otherTypes = {{TPC_F32, 4096}, {TPC_F64, 4096}};
  work.attention = {TPC_BF16, 1, 4096, 4096, 8, 4, 64, 1, 0.125};
  work.attentionWorkspace = 256 << 20, work.workspace = 32 << 20;
  work.largestMemory = uint64_t(4) << 30, work.smallestMemory = 16 << 20;
  work.seconds = 0.4;
  return work;
}

DeviceFigures measureDevice(tpc_context &context, const MeasuredWork &work,
                            const Progress &progress) {
  DeviceFigures figures;
  HostCommunicator &ranks = *context.communicator;
  auto meet = [&] { ranks.barrier(); };
  std::shared_ptr<char> workspace = context.device->allocate(work.workspace);
  if (workspace)
    context.device->useWorkspace(context, workspace.get(), work.workspace);
  meet();
  auto tell = [&](tpc_dtype dtype, double rate) {
    progress(std::string(toString(dtype)) + " products: " + inGiga(rate, "FLOP/s"));
  };
  for (const ProductShape &shape : work.products)
    figures.flops = std::max(figures.flops, rateOfProduct(context, work.seconds, work.type, shape));
  figures.contract = contractEfficiency(context, work, figures.flops);
  tell(work.type, figures.flops);
  meet();
  for (auto [dtype, size] : work.otherTypes) {
    double rate = rateOfProduct(context, work.seconds, dtype, {size * context.threads, size, size});
    figures.types.emplace_back(dtype, rate);
    tell(dtype, rate);
    meet();
  }
  measureAttention(context, work, figures);
  progress("attention: " + inGiga(figures.attention * figures.flops, "FLOP/s"));
  meet();
  measureMemory(context, work, figures);
  progress("memory: " + inGiga(figures.memoryBandwidth, "B/s"));
  meet();
  figures.launchSeconds = launchSeconds(context, work.seconds);
  for (double *share : {&figures.contract, &figures.attention, &figures.attentionGrad})
    *share = std::min(*share, 1.0);
  takeWorst(ranks, figures);
  return figures;
}

} // namespace tpc::runtime
