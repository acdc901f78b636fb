//===- PrintReport.h - reports for people and for scripts ----------------------===//

#ifndef TPC_EXPLAIN_PRINTREPORT_H
#define TPC_EXPLAIN_PRINTREPORT_H

#include "tpc/Explain/Report.h"
#include "llvm/Support/raw_ostream.h"

namespace tpc {

/// What the compiler said about the program on its way to it.
struct Remark {
  std::string location, severity, message;
};

/// A program explained: what is printed.
struct Explanation {
  Report report;
  std::optional<Totals> strict; ///< of the plan taken literally, if it can be
  std::vector<Remark> remarks;
};

/// One object; docs/explain.md has its members.
void printJson(const Explanation &explanation, llvm::raw_ostream &os);
/// Totals, modules, collectives with their reasons; what all layers have is told once.
void printText(const Explanation &explanation, llvm::raw_ostream &os);

/// "88.16 MB"; a kB is 1000 bytes.
std::string formatBytes(int64_t bytes);
/// "3.20 ms", "41.0 us".
std::string formatSeconds(double seconds);

} // namespace tpc

#endif // TPC_EXPLAIN_PRINTREPORT_H
