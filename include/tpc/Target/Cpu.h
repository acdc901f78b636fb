//===- Cpu.h - the processor that code is generated for ------------------------===//

#ifndef TPC_TARGET_CPU_H
#define TPC_TARGET_CPU_H

#include "mlir/IR/Diagnostics.h"
#include <string>
#include <vector>

namespace tpc {

struct Cpu {
  std::string name;                  ///< as LLVM calls it: "x86-64-v4", "znver4"
  std::vector<std::string> features; ///< what the code may use, without '+'
  /// "+avx2,+fma": LLVM's attribute target-features.
  std::string getFeatureString() const;
};

/// The processor called `name`; "native" is this machine's. Reports an unknown name at `loc` and
/// fails.
mlir::FailureOr<Cpu> getCpu(llvm::StringRef name, mlir::Location loc);

} // namespace tpc

#endif // TPC_TARGET_CPU_H
