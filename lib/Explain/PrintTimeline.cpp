//===- PrintTimeline.cpp - a predicted step, for people and for Perfetto --------===//

#include "tpc/Explain/PrintReport.h"
#include "llvm/ADT/MapVector.h"
#include "llvm/Support/FormatVariadic.h"
#include "llvm/Support/JSON.h"

using namespace mlir;
using namespace tpc;

//===-- text -------------------------------------------------------------------===//

static std::string formatShare(double share) { return llvm::formatv("{0:f1} %", 100 * share); }

static void printMemory(const Timeline &timeline, llvm::raw_ostream &os) {
  int64_t all = 0;
  for (const NamedBytes &part : timeline.memory)
    all += part.bytes;
  os << "  memory of a rank   " << formatBytes(all) << ": ";
  llvm::interleaveComma(timeline.memory, os, [&](const NamedBytes &part) {
    os << part.name << " " << formatBytes(part.bytes);
  });
  if (timeline.workspacePerThread)
    os << "; workspace " << formatBytes(timeline.workspacePerThread) << " per thread";
  os << "\n";
}

void tpc::printTimeline(const Timeline &timeline, llvm::raw_ostream &os) {
  os << "predicted step       " << formatSeconds(timeline.seconds) << ", mfu_causal "
     << formatShare(timeline.mfuCausal) << ", mfu_palm " << formatShare(timeline.mfuPalm) << " of "
     << llvm::formatv("{0:f2} TFLOP/s", timeline.peakFlops / 1e12) << " per device\n";
  os << "  compute            " << formatSeconds(timeline.computeSeconds) << "\n";
  for (const CommunicationTime &time : timeline.communication)
    os << "  over " << llvm::left_justify(time.axes, 13) << " " << formatSeconds(time.exposed)
       << " exposed, " << formatSeconds(time.hidden) << " hidden\n";
  printMemory(timeline, os);
}

//===-- trace ------------------------------------------------------------------===//

namespace {
enum Track { Compute = 0, Communication = 1 };

class TraceWriter {
public:
  explicit TraceWriter(llvm::raw_ostream &os) : json(os, /*IndentSize=*/0) {}
  void write(const Timeline &timeline);

private:
  void nameTrack(Track track, StringRef name);
  void write(const TimelineEvent &event);

  llvm::json::OStream json;
};
} // namespace

void TraceWriter::nameTrack(Track track, StringRef name) {
  json.object([&] {
    json.attribute("ph", "M");
    json.attribute("name", "thread_name");
    json.attribute("pid", 0);
    json.attribute("tid", static_cast<int>(track));
    json.attributeObject("args", [&] { json.attribute("name", name); });
  });
}

/// A complete event; times are microseconds.
void TraceWriter::write(const TimelineEvent &event) {
  json.object([&] {
    json.attribute("ph", "X");
    json.attribute("name", event.module.empty() ? event.op : event.op + " " + event.module);
    json.attribute("cat", event.collective ? "communication" : "compute");
    json.attribute("pid", 0);
    json.attribute("tid", static_cast<int>(event.collective ? Communication : Compute));
    json.attribute("ts", event.begin * 1e6);
    json.attribute("dur", event.seconds * 1e6);
    json.attributeObject("args", [&] {
      json.attribute("op", event.op);
      json.attribute("module", event.module);
      if (!event.collective)
        return;
      json.attribute("number", event.collective->number);
      json.attribute("axes", event.collective->axes);
      json.attribute("bytes", event.collective->bytes);
      json.attribute("exposed_us", event.collective->exposed * 1e6);
    });
  });
}

void TraceWriter::write(const Timeline &timeline) {
  json.object([&] {
    json.attribute("displayTimeUnit", "ms");
    json.attributeArray("traceEvents", [&] {
      nameTrack(Compute, "compute");
      nameTrack(Communication, "communication");
      for (const TimelineEvent &event : timeline.events)
        write(event);
    });
  });
}

void tpc::printTrace(const Timeline &timeline, llvm::raw_ostream &os) {
  TraceWriter(os).write(timeline);
  os << "\n";
}
