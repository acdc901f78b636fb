//===- PassStatistics.cpp ------------------------------------------------------===//

#include "tpc/Instrumentation/PassStatistics.h"
#include "tpc/Instrumentation/Counter.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/FormatVariadic.h"
#include <utility>

using namespace mlir;
using namespace tpc;

/// The one that collects.
static PassStatistics *collector = nullptr;

PassStatistics::PassStatistics() {
  assert(!collector && "pass statistics are collected once at a time");
  collector = this;
}
PassStatistics::~PassStatistics() { collector = nullptr; }

PassStatisticsPause::PassStatisticsPause() : paused(std::exchange(collector, nullptr)) {}
PassStatisticsPause::~PassStatisticsPause() { collector = paused; }

Counter &Counter::operator+=(int64_t amount) {
  if (collector)
    collector->update(pass, name, description, [=](int64_t sum) { return sum + amount; });
  return *this;
}

void Counter::updateMax(int64_t amount) {
  if (collector)
    collector->update(pass, name, description,
                      [=](int64_t highest) { return std::max(highest, amount); });
}

/// The element that `matches`, or a new one.
template <typename T, typename Function>
static T &findOrAdd(std::vector<T> &list, Function matches, T added) {
  auto found = llvm::find_if(list, matches);
  return found != list.end() ? *found : list.emplace_back(std::move(added));
}

void PassStatistics::update(Pass *pass, StringRef name, StringRef description,
                            llvm::function_ref<int64_t(int64_t)> change) {
  std::lock_guard<std::mutex> lock(mutex);
  StringRef argument = pass->getArgument();
  Record &record = findOrAdd(
      records,
      [&](const Record &record) { return record.pass == pass && record.argument == argument; },
      Record{pass, argument.str(), {}});
  Row &row = findOrAdd(
      record.rows, [&](const Row &row) { return row.name == name; },
      Row{name.str(), description.str()});
  row.amount = change(row.amount);
}

void PassStatistics::print(raw_ostream &os) const {
  os << "pass statistics\n";
  for (const Record &record : records) {
    os << "  " << record.argument << "\n";
    for (const Row &row : record.rows)
      os << llvm::formatv("{0,14}", row.amount) << " " << row.name << " - " << row.description
         << "\n";
  }
}
