// Seconds of every collective by size, and lines through them.
#include "Measure/Measure.h"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <numeric>

namespace tpc::runtime {
namespace {

constexpr int64_t kSmallest = 1 << 10;
constexpr CollectiveOp kOps[] = {CollectiveOp::AllGather, CollectiveOp::AllReduce,
                                 CollectiveOp::AllToAll, CollectiveOp::Permute,
                                 CollectiveOp::ReduceScatter};

/// The f32 collective over all ranks whose larger side has `bytes` bytes.
Collective makeCollective(CollectiveOp op, int64_t bytes, int ranks) {
  Collective collective;
  collective.op = op;
  collective.index = std::find(std::begin(kOps), std::end(kOps), op) - std::begin(kOps);
  collective.axes = "measured";
  collective.groups.emplace_back(static_cast<size_t>(ranks));
  std::iota(collective.groups[0].begin(), collective.groups[0].end(), 0);
  int64_t small = std::max<int64_t>(bytes / 4 / ranks, 1), large = small * ranks;
  switch (op) {
  case CollectiveOp::AllReduce:
    collective.operands = {{{large}, {large}}};
    break;
  case CollectiveOp::AllGather:
    collective.operands = {{{small}, {large}}};
    break;
  case CollectiveOp::ReduceScatter:
    collective.operands = {{{large}, {small}}};
    break;
  case CollectiveOp::AllToAll:
    collective.concatDim = 1;
    collective.operands = {{{ranks, small}, {1, large}}};
    break;
  case CollectiveOp::Permute:
    for (int rank = 0; rank < ranks; ++rank)
      collective.pairs.emplace_back(rank, (rank + 1) % ranks);
    collective.operands = {{{large}, {large}}};
    break;
  }
  return collective;
}

/// As the compiler's cost model counts (tpc/Sharding/CostModel.h).
double receivedBytes(const Collective &collective, int ranks) {
  double others = ranks - 1, operand = static_cast<double>(collective.inputBytes());
  switch (collective.op) {
  case CollectiveOp::AllGather:
    return others * operand;
  case CollectiveOp::AllReduce:
    return 2 * others / ranks * operand;
  case CollectiveOp::ReduceScatter:
  case CollectiveOp::AllToAll:
    return others / ranks * operand;
  case CollectiveOp::Permute:
    return operand;
  }
  return 0;
}

/// Seconds that a rank is late in a layer, and where the others have slept so deeply that waking
/// them takes longest: after compute of which it is kDrift.
constexpr double kLateness = 5e-4, kLongLateness = 3e-2, kDrift = 0.1;

using Clock = std::chrono::steady_clock;

double secondsSince(Clock::time_point begin) {
  return std::chrono::duration<double>(Clock::now() - begin).count();
}

/// Makes runs of collectives like those in a program.
class Surroundings {
public:
  /// `lateness`: of one rank, in seconds.
  Surroundings(tpc_context &context, double lateness)
      : context(context), lateness(lateness),
        elsewhere(context.device->isHost() ? context.device->allocate(kMeasureRegionBytes)
                                           : nullptr) {}

  /// The input has been written, just now or, if the caches are to be cold, before much else. On
  /// processors one rank, each in its turn, comes so late that the others have gone to sleep.
  void prepare(char *input, uint64_t bytes, bool cold) {
    context.device->fillZero(input, bytes);
    if (elsewhere && cold)
      context.device->sweep(context, elsewhere.get(), kMeasureRegionBytes);
    context.device->synchronize();
    context.communicator->barrier();
    if (elsewhere && runs++ % context.world() == context.rank())
      for (auto begin = Clock::now(); secondsSince(begin) < lateness;)
        ;
  }

private:
  tpc_context &context;
  const double lateness;
  std::shared_ptr<char> elsewhere; ///< more than caches hold
  int runs = 0;
};

double secondsOf(tpc_context &context, Surroundings &surroundings, const Collective &collective,
                 bool cold) {
  char *region = context.communicator->region();
  bool inPlace = collective.op == CollectiveOp::AllReduce;
  char *inputs[] = {region}, *outputs[] = {inPlace ? region : region + kMeasureRegionBytes / 2};
  surroundings.prepare(region, collective.inputBytes(), cold);
  auto begin = Clock::now();
  context.communicator->run(collective, inputs, outputs);
  context.device->synchronize();
  context.check();
  return secondsSince(begin);
}

/// Median of several runs, each as the rank saw it that waited least.
double medianOf(tpc_context &context, Surroundings &surroundings, const Collective &collective,
                size_t runs, bool cold) {
  std::vector<double> mine(runs);
  for (double &seconds : mine)
    seconds = secondsOf(context, surroundings, collective, cold);
  std::vector<double> all(runs * static_cast<size_t>(context.world()));
  context.communicator->gatherHost(mine.data(), runs * sizeof(double), all.data());
  for (size_t i = 0; i < all.size(); ++i)
    mine[i % runs] = std::min(mine[i % runs], all[i]);
  std::nth_element(mine.begin(), mine.begin() + static_cast<ptrdiff_t>(runs / 2), mine.end());
  return mine[runs / 2];
}

/// In a step some of what a collective touches is in caches: the geometric mean of all and nothing.
TransferPoint measurePoint(tpc_context &context, Surroundings &surroundings,
                           const Collective &collective, double enough) {
  secondsOf(context, surroundings, collective, /*cold=*/true);
  auto begin = Clock::now();
  secondsOf(context, surroundings, collective, /*cold=*/true);
  double once = secondsSince(begin);
  context.communicator->broadcast(&once, sizeof(once), 0);
  auto runs = static_cast<size_t>(std::clamp(enough / once, 7.0, 300.0));
  double cold = medianOf(context, surroundings, collective, runs, true),
         warm = medianOf(context, surroundings, collective, runs, false);
  return {receivedBytes(collective, context.world()), std::sqrt(cold * warm)};
}

//===-- lines ------------------------------------------------------------------===//

/// The line with the least squares of relative errors, its latency not negative.
TransferSegment fitLine(const TransferPoint *first, const TransferPoint *last) {
  double w = 0, wx = 0, wy = 0, wxx = 0, wxy = 0;
  for (const TransferPoint *point = first; point != last; ++point) {
    double weight = 1 / (point->seconds * point->seconds);
    w += weight, wx += weight * point->bytes, wy += weight * point->seconds;
    wxx += weight * point->bytes * point->bytes, wxy += weight * point->bytes * point->seconds;
  }
  double determinant = w * wxx - wx * wx;
  double slope =
      last - first > 1 && determinant > 0 ? (w * wxy - wx * wy) / determinant : wxy / wxx;
  double latency = (wy - slope * wx) / w;
  if (slope <= 0) // larger transfers were no slower: a constant
    slope = 1e-13, latency = wy / w;
  if (latency < 0)
    latency = 0, slope = wxy / wxx;
  return {last[-1].bytes, latency, 1 / slope};
}

bool fits(const TransferSegment &line, const TransferPoint *first, const TransferPoint *last) {
  return std::all_of(first, last, [&](const TransferPoint &point) {
    double predicted = line.latency + point.bytes / line.bandwidth;
    return std::abs(predicted / point.seconds - 1) <= 0.1;
  });
}

} // namespace

std::vector<TransferSegment> fitTransfers(const std::vector<TransferPoint> &points) {
  std::vector<TransferSegment> segments;
  const TransferPoint *begin = points.data(), *end = begin + points.size();
  while (begin != end) {
    const TransferPoint *last = begin + 1;
    TransferSegment segment = fitLine(begin, last);
    while (last != end) {
      TransferSegment longer = fitLine(begin, last + 1);
      if (!fits(longer, begin, last + 1))
        break;
      segment = longer, ++last;
    }
    segments.push_back(segment);
    begin = last;
  }
  return segments;
}

std::vector<Collective> measuredCollectives(int ranks) {
  std::vector<Collective> collectives;
  for (CollectiveOp op : kOps)
    if (ranks > 1)
      collectives.push_back(makeCollective(op, kMeasureRegionBytes / 2, ranks));
  return collectives;
}

std::vector<CollectiveFigures> measureCollectives(tpc_context &context, const MeasuredWork &work,
                                                  const Progress &progress) {
  Communicator &communicator = *context.communicator;
  std::vector<CollectiveFigures> figures;
  if (communicator.size() == 1)
    return figures;
  Surroundings surroundings(context, kLateness);
  for (CollectiveOp op : kOps) {
    std::vector<TransferPoint> points;
    for (int64_t bytes = kSmallest; bytes <= work.largestCollective; bytes *= 2)
      points.push_back(measurePoint(
          context, surroundings, makeCollective(op, bytes, communicator.size()), work.seconds / 4));
    figures.push_back({op, fitTransfers(points)});
    char text[96];
    std::snprintf(text, sizeof(text), "%s: %.1f us, large ones %.1f GB/s", toString(op),
                  points.front().seconds * 1e6, points.back().bytes / points.back().seconds / 1e9);
    progress(text);
  }
  return figures;
}

WakeFigures measureWake(tpc_context &context) {
  constexpr size_t kRuns = 15;
  Collective collective = makeCollective(CollectiveOp::AllReduce, kSmallest, context.world());
  Surroundings soon(context, kLateness), late(context, kLongLateness);
  double cold = medianOf(context, soon, collective, kRuns, /*cold=*/true),
         warm = medianOf(context, soon, collective, kRuns, /*cold=*/false),
         longest = medianOf(context, late, collective, kRuns, /*cold=*/true);
  // Beyond what measurePoint() says of this size; after so much else no cache is warm.
  return {kLongLateness / kDrift, std::max(0.0, longest - std::sqrt(cold * warm))};
}

} // namespace tpc::runtime
