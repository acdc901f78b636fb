//===- Compare.cpp -------------------------------------------------------------===//

#include "tpc/Explain/Compare.h"
#include "tpc/Explain/FoldLayers.h"
#include "tpc/Explain/PrintReport.h"
#include "llvm/ADT/MapVector.h"
#include "llvm/ADT/StringMap.h"
#include "llvm/Support/FormatVariadic.h"
#include "llvm/Support/JSON.h"

using namespace mlir;
using namespace tpc;

using Reports = std::array<const Report *, 2>;

std::vector<ModuleDifference> tpc::getDifferences(const Report &first, const Report &second) {
  llvm::MapVector<std::string, ModuleDifference, llvm::StringMap<unsigned>> modules;
  for (auto [side, report] : llvm::enumerate(Reports{&first, &second}))
    for (const CollectiveReport &collective : report->collectives) {
      ModuleDifference &module = modules[foldLayers(collective.module)];
      module.module = foldLayers(collective.module);
      ++module.collectives[side];
      module.bytes[side] += getSum(collective.bytes);
    }
  std::vector<ModuleDifference> differences;
  for (auto &[name, module] : modules)
    if (module.collectives[0] != module.collectives[1] || module.bytes[0] != module.bytes[1])
      differences.push_back(std::move(module));
  return differences;
}

void tpc::printComparison(const Report &first, const Report &second,
                          const std::array<std::string, 2> &names, llvm::raw_ostream &os) {
  Totals totals[] = {first.getTotals(), second.getTotals()};
  auto print = [&](StringRef title, const auto &left, const auto &right) {
    os << llvm::formatv("{0,-48} {1,14} {2,14}\n", title, left, right);
  };
  os << "A = " << names[0] << "\nB = " << names[1] << "\n\n";
  print(first.program + " on " + first.mesh, "A", "B");
  print("collectives", totals[0].collectives, totals[1].collectives);
  print("bytes received by a rank", formatBytes(getSum(totals[0].bytes)),
        formatBytes(getSum(totals[1].bytes)));
  print("parameters on a rank", formatBytes(first.getParameterBytes()),
        formatBytes(second.getParameterBytes()));
  std::vector<ModuleDifference> differences = getDifferences(first, second);
  os << (differences.empty() ? "\nno module differs\n" : "\nmodules that differ\n");
  for (const ModuleDifference &module : differences)
    print(module.module.empty() ? "no module" : module.module,
          llvm::formatv("{0} x {1}", module.collectives[0], formatBytes(module.bytes[0])).str(),
          llvm::formatv("{0} x {1}", module.collectives[1], formatBytes(module.bytes[1])).str());
}

static void writePlan(llvm::json::OStream &json, const Report &report, StringRef name) {
  Totals totals = report.getTotals();
  json.object([&] {
    json.attribute("name", name);
    json.attribute("collectives", totals.collectives);
    json.attribute("bytes", getSum(totals.bytes));
    json.attribute("seconds", totals.seconds);
    json.attribute("parameter_bytes", report.getParameterBytes());
  });
}

void tpc::printComparisonJson(const Report &first, const Report &second,
                              const std::array<std::string, 2> &names, llvm::raw_ostream &os) {
  llvm::json::OStream json(os, /*IndentSize=*/1);
  json.object([&] {
    json.attributeArray("plans", [&] {
      writePlan(json, first, names[0]);
      writePlan(json, second, names[1]);
    });
    json.attributeArray("modules", [&] {
      for (const ModuleDifference &module : getDifferences(first, second))
        json.object([&] {
          json.attribute("name", module.module);
          json.attribute("collectives", llvm::json::Array(module.collectives));
          json.attribute("bytes", llvm::json::Array(module.bytes));
        });
    });
  });
  os << "\n";
}
