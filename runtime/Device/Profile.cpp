#include "Device/Profile.h"
#include "IO/AsideFile.h"

#include <algorithm>
#include <nlohmann/json.hpp>

namespace tpc::runtime {

void Profile::beginStep() {
  ++begun;
  for (std::vector<float> &seconds : collectives)
    seconds.resize(begun);
}

void Profile::addOp(const char *op, Span span) {
  if (spans.size() == ops.size())
    ops.push_back({op, {}});
  spans.push_back(std::move(span));
}

void Profile::endStep(double seconds) {
  for (size_t op = 0; op < spans.size(); ++op) {
    ops[op].seconds.resize(begun);
    ops[op].seconds.back() = static_cast<float>(spans[op].seconds());
  }
  spans.clear();
  steps.push_back(seconds);
}

void Profile::addCollective(int64_t number, double seconds) {
  std::vector<float> &bySteps = collectives[static_cast<size_t>(number)];
  if (!bySteps.empty())
    bySteps.back() += static_cast<float>(seconds);
}

namespace {
/// Of all but the first, which meets cold caches, if there are others.
template <typename T>
double medianOfSteps(std::vector<T> seconds) {
  if (seconds.empty())
    return 0;
  auto first = seconds.begin() + (seconds.size() > 1 ? 1 : 0);
  auto middle = first + (seconds.end() - first) / 2;
  std::nth_element(first, middle, seconds.end());
  return static_cast<double>(*middle);
}

/// By step the least time of the ranks in rank 0's group. `all`: each rank's steps one after
/// another.
std::vector<float> leastOfGroup(const std::vector<int> &group, const std::vector<float> &all,
                                size_t steps) {
  std::vector<float> least(all.begin(), all.begin() + static_cast<ptrdiff_t>(steps));
  for (int rank : group)
    for (size_t step = 0; step < steps; ++step)
      least[step] = std::min(least[step], all[static_cast<size_t>(rank) * steps + step]);
  return least;
}
} // namespace

void Profile::write(const std::string &path, tpc_context &context) const {
  nlohmann::ordered_json json = {
      {"steps", steps.size()}, {"ranks", context.world()}, {"threads", context.threads}};
  json["seconds"] = medianOfSteps(steps);
  json["ops"] = nlohmann::json::array();
  for (const Op &op : ops)
    json["ops"].push_back({{"op", op.name}, {"seconds", medianOfSteps(op.seconds)}});
  json["collectives"] = nlohmann::json::array();
  for (const Collective &collective : context.collectives) {
    const std::vector<float> &mine = collectives[static_cast<size_t>(collective.index)];
    std::vector<float> all(mine.size() * static_cast<size_t>(context.world()));
    context.communicator->gatherHost(mine.data(), mine.size() * sizeof(float), all.data());
    if (std::all_of(all.begin(), all.end(), [](float seconds) { return seconds == 0; }))
      continue; // of another entry
    std::vector<float> least = leastOfGroup(collective.groupOf(0), all, mine.size());
    json["collectives"].push_back({{"number", collective.index},
                                   {"op", toString(collective.op)},
                                   {"axes", collective.axes},
                                   {"module", collective.module},
                                   {"seconds", medianOfSteps(least)}});
  }
  if (context.rank() == 0)
    writeTextFile(path, json.dump(1) + "\n");
}

void ProfileScope::mark(std::unique_ptr<Mark> &moment) noexcept {
  if (!context->profile)
    return;
  try {
    moment = context->device->mark();
  } catch (const std::exception &error) {
    context->fail(error.what());
  }
}

} // namespace tpc::runtime
