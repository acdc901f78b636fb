//===- PrintJson.cpp - reports for scripts -------------------------------------===//

#include "tpc/Explain/PrintReport.h"
#include "llvm/Support/JSON.h"

using namespace mlir;
using namespace tpc;

namespace {
class Writer {
public:
  explicit Writer(llvm::raw_ostream &os) : json(os, /*IndentSize=*/1) {}
  void write(const Explanation &explanation);

private:
  void write(const CollectiveReport &collective);
  void write(const ParameterReport &parameter);
  void write(const ModuleReport &module);
  void write(const Remark &remark);
  void write(StringRef name, const Totals &totals);
  void write(const Timeline &timeline);
  template <typename Range>
  void writeValues(StringRef name, const Range &values) {
    json.attributeBegin(name);
    writeList(values);
    json.attributeEnd();
  }
  template <typename Range>
  void writeList(const Range &values) {
    json.array([&] {
      for (const auto &value : values)
        json.value(value);
    });
  }
  template <typename Range>
  void writeObjects(StringRef name, const Range &objects) {
    json.attributeArray(name, [&] {
      for (const auto &object : objects)
        json.object([&] { write(object); });
    });
  }

  llvm::json::OStream json;
};
} // namespace

void Writer::write(const CollectiveReport &collective) {
  json.attribute("index", collective.index);
  json.attribute("number", collective.number);
  json.attribute("op", collective.op);
  writeValues("axes", collective.axes);
  json.attribute("dtype", collective.dtype);
  json.attribute("elements", collective.elements);
  json.attribute("bytes", getSum(collective.bytes));
  json.attribute("seconds", collective.seconds);
  json.attribute("module", collective.module);
  json.attribute("phase", stringify(collective.phase));
  json.attribute("kind", stringify(collective.kind));
  writeValues("why", llvm::map_range(collective.why, std::mem_fn(&ChainLink::place)));
  json.attributeArray("recorded", [&] {
    for (const ChainLink &link : collective.why)
      writeList(link.record);
  });
  if (!collective.remedy)
    return json.attribute("remedy", nullptr);
  json.attributeObject("remedy", [&] {
    json.attribute("location", collective.remedy->location);
    json.attribute("key", collective.remedy->key);
    json.attribute("style", collective.remedy->style);
    json.attribute("bytes", collective.remedy->bytes);
  });
}

void Writer::write(const ParameterReport &parameter) {
  json.attribute("name", parameter.name);
  writeValues("shape", parameter.shape);
  json.attribute("layout", parameter.layout);
  json.attribute("bytes_per_rank", parameter.bytes);
}

void Writer::write(const ModuleReport &module) {
  json.attribute("name", module.name);
  writeValues("inputs", module.inputs);
  writeValues("outputs", module.outputs);
}

void Writer::write(const Remark &remark) {
  json.attribute("location", remark.location);
  json.attribute("severity", remark.severity);
  json.attribute("message", remark.message);
}

void Writer::write(StringRef name, const Totals &totals) {
  json.attributeObject(name, [&] {
    json.attribute("collectives", totals.collectives);
    json.attributeObject("bytes", [&] {
      for (TrafficKind kind : kTrafficKinds)
        json.attribute(stringify(kind), totals.bytes[static_cast<unsigned>(kind)]);
      json.attribute("all", getSum(totals.bytes));
    });
    json.attribute("seconds", totals.seconds);
  });
}

void Writer::write(const Timeline &timeline) {
  json.attributeObject("timeline", [&] {
    json.attribute("seconds", timeline.seconds);
    json.attribute("compute_seconds", timeline.computeSeconds);
    json.attributeArray("communication", [&] {
      for (const CommunicationTime &time : timeline.communication)
        json.object([&] {
          json.attribute("axes", time.axes);
          json.attribute("exposed_seconds", time.exposed);
          json.attribute("hidden_seconds", time.hidden);
        });
    });
    json.attribute("mfu_causal", timeline.mfuCausal);
    json.attribute("mfu_palm", timeline.mfuPalm);
    json.attribute("peak_flops", timeline.peakFlops);
    json.attributeObject("memory", [&] {
      for (const NamedBytes &part : timeline.memory)
        json.attribute(part.name, part.bytes);
      json.attribute("workspace_per_thread", timeline.workspacePerThread);
    });
  });
}

void Writer::write(const Explanation &explanation) {
  const Report &report = explanation.report;
  json.object([&] {
    json.attribute("machine", report.machine);
    json.attribute("mesh", report.mesh);
    json.attribute("program", report.program);
    write("totals", report.getTotals());
    if (explanation.strict)
      write("strict", *explanation.strict);
    else
      json.attribute("strict", nullptr);
    if (report.timeline)
      write(*report.timeline);
    else
      json.attribute("timeline", nullptr);
    writeObjects("collectives", report.collectives);
    writeObjects("parameters", report.parameters);
    writeObjects("modules", report.modules);
    writeObjects("remarks", explanation.remarks);
  });
}

void tpc::printJson(const Explanation &explanation, llvm::raw_ostream &os) {
  Writer(os).write(explanation);
  os << "\n";
}
