//===- Counter.h - a number that a pass counts ---------------------------------===//
//
// What mlir::Pass::Statistic is in an LLVM built with statistics; releases of LLVM have them
// compiled out. The statistics of our Passes.td become Counters (include/tpc/CMakeLists.txt).
//
//===----------------------------------------------------------------------===//

#ifndef TPC_INSTRUMENTATION_COUNTER_H
#define TPC_INSTRUMENTATION_COUNTER_H

#include "mlir/Pass/Pass.h"

namespace tpc {

class Counter {
public:
  Counter(mlir::Pass *pass, const char *name, const char *description)
      : pass(pass), name(name), description(description) {}

  /// Adds to what PassStatistics collects, if there is one.
  Counter &operator+=(int64_t amount);
  /// Raises what is collected to `amount`.
  void updateMax(int64_t amount);

private:
  mlir::Pass *pass;
  const char *name, *description;
};

} // namespace tpc

#endif // TPC_INSTRUMENTATION_COUNTER_H
