// A measured machine as the YAML of tpc/Sharding/MachineModel.h.
#include "Measure/Measure.h"

#include <cstdio>

namespace tpc::runtime {
namespace {

std::string number(double value) {
  char text[32];
  std::snprintf(text, sizeof(text), "%.4e", value);
  return text;
}

std::string linksToYaml(const MachineFigures &figures) {
  if (figures.collectives.empty())
    return "links: [] # one rank has none: measure with -n 2 or more\n";
  // What no collective of its own says: as an all-gather of the largest size.
  const TransferSegment &large = figures.collectives.front().segments.back();
  const TransferSegment &small = figures.collectives.front().segments.front();
  std::string text =
      "links:\n  - name: " + figures.link + "\n    latency: " + number(small.latency) +
      "\n    bandwidth: " + number(large.bandwidth) +
      (figures.asynchronous ? "\n    asynchronous: true"
                            : "\n    wake: {after: " + number(figures.wake.after) +
                                  ", seconds: " + number(figures.wake.seconds) + "}") +
      "\n    collectives:\n";
  for (const CollectiveFigures &collective : figures.collectives)
    for (const TransferSegment &segment : collective.segments)
      text += std::string("      - {op: ") + toString(collective.op) +
              ", up_to: " + number(segment.upTo) + ", latency: " + number(segment.latency) +
              ", bandwidth: " + number(segment.bandwidth) + "}\n";
  return text + "default_link: " + figures.link + "\n";
}

} // namespace

MachineFigures measureMachine(tpc_context &context, const Progress &progress) {
  MachineFigures figures;
  const Device &device = *context.device;
  figures.link = context.communicator->name();
  figures.asynchronous = !device.isHost();
  std::string ranks = std::to_string(context.world()) + " ranks";
  if (device.isHost())
    ranks += " x " + std::to_string(context.threads) + " threads";
  figures.origin = ranks + " over " + figures.link + " on " + device.describe();
  MeasuredWork work =
      device.isHost() ? MeasuredWork::ofHost(context.threads) : MeasuredWork::ofGpu();
  figures.device = measureDevice(context, work, progress);
  figures.collectives = measureCollectives(context, work, progress);
  if (device.isHost() && context.world() > 1)
    figures.wake = measureWake(context);
  return figures;
}

std::string toYaml(const MachineFigures &figures, const std::string &command) {
  const DeviceFigures &device = figures.device;
  std::string text = "# " + command + ": " + figures.origin +
                     "\nname: measured\nflops: " + number(device.flops) + "\ntypes:\n";
  for (const auto &[dtype, flops] : device.types)
    text += std::string("  - {type: ") + toString(dtype) + ", flops: " + number(flops) + "}\n";
  text += "memory_bandwidth: " + number(device.memoryBandwidth) +
          "\ncache: {bytes: " + number(device.cacheBytes) +
          ", bandwidth: " + number(device.cacheBandwidth) +
          "}\nefficiency: {contract: " + number(device.contract) +
          ", attention: " + number(device.attention) +
          ", attention_grad: " + number(device.attentionGrad) +
          "}\nlaunch: " + number(device.launchSeconds) + "\n";
  return text + linksToYaml(figures);
}

} // namespace tpc::runtime
