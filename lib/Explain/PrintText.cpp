//===- PrintText.cpp - reports for people --------------------------------------===//

#include "tpc/Explain/FoldLayers.h"
#include "tpc/Explain/PrintReport.h"
#include "llvm/ADT/MapVector.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/ADT/StringMap.h"
#include "llvm/Support/FormatVariadic.h"

using namespace mlir;
using namespace tpc;

//===-- numbers ----------------------------------------------------------------===//

std::string tpc::formatBytes(int64_t bytes) {
  double value = static_cast<double>(bytes);
  if (value >= 1e9)
    return llvm::formatv("{0:f2} GB", value / 1e9).str();
  if (value >= 1e6)
    return llvm::formatv("{0:f2} MB", value / 1e6).str();
  return value >= 1e3 ? llvm::formatv("{0:f2} kB", value / 1e3).str()
                      : llvm::formatv("{0} B", bytes).str();
}

std::string tpc::formatSeconds(double seconds) {
  if (seconds >= 1)
    return llvm::formatv("{0:f3} s", seconds).str();
  return seconds >= 1e-3 ? llvm::formatv("{0:f2} ms", seconds * 1e3).str()
                         : llvm::formatv("{0:f1} us", seconds * 1e6).str();
}

static std::string format(const Totals &totals) {
  return llvm::formatv("{0} collectives, {1}, {2}", totals.collectives,
                       formatBytes(getSum(totals.bytes)), formatSeconds(totals.seconds));
}

//===-- sections ---------------------------------------------------------------===//

/// What prints alike, in the order of the first of each group.
template <typename T>
using Groups = llvm::MapVector<std::string, std::vector<T>, llvm::StringMap<unsigned>>;

namespace {
class TextPrinter {
public:
  TextPrinter(const Explanation &explanation, llvm::raw_ostream &os)
      : report(explanation.report), explanation(explanation), os(os) {}
  void print();

private:
  void printTotals();
  void printModules();
  void printCollectives(ProgramPhase phase);
  void printGroup(ArrayRef<const CollectiveReport *> group);
  void printRemarks();

  const Report &report;
  const Explanation &explanation;
  llvm::raw_ostream &os;
};
} // namespace

void TextPrinter::printTotals() {
  Totals totals = report.getTotals();
  os << report.program << " on " << report.mesh << ", a rank receives per step, as "
     << report.machine << " predicts\n";
  os << "  in all             " << format(totals) << "\n";
  for (TrafficKind kind : kTrafficKinds)
    if (int64_t bytes = totals.bytes[static_cast<unsigned>(kind)])
      os << "  " << llvm::left_justify(stringify(kind), 18) << " " << formatBytes(bytes) << "\n";
  if (explanation.strict)
    os << "  taken literally    " << format(*explanation.strict) << "\n";
  os << "parameters on a rank " << formatBytes(report.getParameterBytes()) << "\n";
  if (report.timeline)
    printTimeline(*report.timeline, os);
}

/// Layouts of one module's ports and parameters, in a line.
static std::string describe(const ModuleReport &module, const Report &report) {
  std::string text;
  llvm::raw_string_ostream os(text);
  auto print = [&](StringRef title, ArrayRef<std::string> layouts) {
    if (!layouts.empty())
      os << "    " << title << " " << llvm::join(layouts, "; ") << "\n";
  };
  print("in ", module.inputs);
  print("out", module.outputs);
  for (const ParameterReport &parameter : report.parameters) {
    auto [owner, name] = StringRef(parameter.name).rsplit('.');
    if (owner != module.name)
      continue;
    os << "    " << name << " [";
    llvm::interleaveComma(parameter.shape, os);
    os << "] " << parameter.layout << ", " << formatBytes(parameter.bytes) << "\n";
  }
  return text;
}

void TextPrinter::printModules() {
  Groups<const ModuleReport *> groups;
  for (const ModuleReport &module : report.modules)
    groups[foldLayers(module.name) + "\n" + describe(module, report)].push_back(&module);
  if (!groups.empty())
    os << "\nmodules\n";
  for (const auto &[key, modules] : groups) {
    const ModuleReport &first = *modules.front();
    if (modules.size() == 1)
      os << "  " << first.name << "\n";
    else
      os << "  " << foldLayers(first.name) << " (" << modules.size() << ")\n";
    os << describe(first, report);
  }
}

/// A group is told by one in its middle: what reaches the first layer is not typical.
void TextPrinter::printGroup(ArrayRef<const CollectiveReport *> group) {
  const CollectiveReport &member = *group[group.size() / 2];
  int64_t bytes = getSum(member.bytes);
  auto count = static_cast<double>(group.size());
  std::string module = group.size() == 1 ? member.module : foldLayers(member.module);
  os << "  " << member.op << " over " << llvm::join(member.axes, ", ") << " of " << member.elements
     << " " << member.dtype << ", " << stringify(member.kind) << ", "
     << (module.empty() ? "no module" : module) << "\n";
  os << "    number ";
  llvm::interleaveComma(group.take_front(4), os,
                        [&](const CollectiveReport *each) { os << each->number; });
  os << (group.size() > 4 ? ", ..." : "") << ": " << formatBytes(bytes) << ", "
     << formatSeconds(member.seconds);
  if (group.size() > 1)
    os << ", " << group.size() << " times: " << formatBytes(bytes * static_cast<int64_t>(count))
       << ", " << formatSeconds(member.seconds * count);
  os << "\n";
  StringRef indent = "    because ";
  for (const ChainLink &link : foldChain(member.why)) {
    os << indent << link.place << "\n";
    indent = "            ";
    for (const std::string &decision : link.record)
      os << indent << "  " << decision << "\n";
  }
  if (const std::optional<Remedy> &remedy = member.remedy)
    os << "    goes if " << remedy->location << " " << remedy->key << ": "
       << (remedy->style.empty() ? "is left out" : remedy->style) << " ("
       << (remedy->bytes < 0 ? "-" : "+") << formatBytes(std::abs(remedy->bytes))
       << " in a model of one layer)\n";
}

void TextPrinter::printCollectives(ProgramPhase phase) {
  Groups<const CollectiveReport *> groups;
  for (const CollectiveReport &collective : report.collectives)
    if (collective.phase == phase) {
      std::string key =
          llvm::formatv("{0} {1} {2} {3} {4} {5}", collective.op, llvm::join(collective.axes, ","),
                        collective.dtype, collective.elements, foldLayers(collective.module),
                        stringify(collective.kind));
      groups[key].push_back(&collective);
    }
  if (groups.empty())
    return;
  os << "\n" << stringify(phase) << "\n";
  for (const auto &[key, group] : groups)
    printGroup(group);
}

void TextPrinter::printRemarks() {
  Groups<const Remark *> groups;
  for (const Remark &remark : explanation.remarks)
    groups[remark.location + ": " + remark.severity + ": " + foldLayers(remark.message)].push_back(
        &remark);
  if (!groups.empty())
    os << "\nremarks\n";
  for (const auto &[text, remarks] : groups) {
    os << "  " << text;
    if (remarks.size() > 1)
      os << " (" << remarks.size() << " times)";
    os << "\n";
  }
}

void TextPrinter::print() {
  printTotals();
  printModules();
  for (ProgramPhase phase : {ProgramPhase::Forward, ProgramPhase::Backward, ProgramPhase::Update})
    printCollectives(phase);
  printRemarks();
}

void tpc::printText(const Explanation &explanation, llvm::raw_ostream &os) {
  TextPrinter(explanation, os).print();
}
