//===- PassStatistics.h - what passes counted, as one table --------------------===//

#ifndef TPC_INSTRUMENTATION_PASSSTATISTICS_H
#define TPC_INSTRUMENTATION_PASSSTATISTICS_H

#include "mlir/Pass/Pass.h"
#include <mutex>
#include <vector>

namespace tpc {

/// Collects the Counters of all passes that run while it exists; there can be one at a time.
class PassStatistics {
public:
  PassStatistics();
  ~PassStatistics();
  PassStatistics(const PassStatistics &) = delete;

  /// What is collected under `name` of a pass; zero at first.
  void update(mlir::Pass *pass, llvm::StringRef name, llvm::StringRef description,
              llvm::function_ref<int64_t(int64_t)> change);
  /// One line per counter, below its pass, in the order in which they counted. A pass that counted
  /// nothing is left out.
  void print(llvm::raw_ostream &os) const;

private:
  struct Row {
    std::string name, description;
    int64_t amount = 0;
  };
  struct Record {
    mlir::Pass *pass; ///< one that runs twice has two records, unless it is one object
    std::string argument;
    std::vector<Row> rows;
  };
  std::mutex mutex;
  std::vector<Record> records;
};

/// While it exists nothing is collected: passes run on trial.
class PassStatisticsPause {
public:
  PassStatisticsPause();
  ~PassStatisticsPause();
  PassStatisticsPause(const PassStatisticsPause &) = delete;

private:
  PassStatistics *paused;
};

} // namespace tpc

#endif // TPC_INSTRUMENTATION_PASSSTATISTICS_H
