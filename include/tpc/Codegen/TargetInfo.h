//===- TargetInfo.h - what the planner must know of a target -------------------===//
//
// One schedule serves every target; what differs before the lowerings is answered here. A module
// says its target by an attribute, a processor without it:
//
//   module attributes {tpc.target = {name = "cuda", arch = "sm_90"}} { ... }
//
//===----------------------------------------------------------------------===//

#ifndef TPC_CODEGEN_TARGETINFO_H
#define TPC_CODEGEN_TARGETINFO_H

#include "mlir/IR/BuiltinOps.h"
#include <memory>

namespace tpc {

/// What a program is compiled for: "cpu", or "cuda" with an architecture ("sm_90").
struct TargetName {
  std::string name = "cpu", arch;

  bool isCuda() const { return name == "cuda"; }
  /// "cpu", "cuda --arch=sm_90": as it is said on the command line after --target=.
  std::string toString() const { return isCuda() ? name + " --arch=" + arch : name; }
  bool operator==(const TargetName &other) const {
    return name == other.name && arch == other.arch;
  }
};

/// The GPU architectures that code is generated for, oldest first.
llvm::ArrayRef<llvm::StringLiteral> getCudaArchitectures();

/// Reads `tpc.target`; reports a malformed one, an unknown name or architecture at the module.
mlir::FailureOr<TargetName> getTarget(mlir::ModuleOp module);
/// Writes `tpc.target`, which a processor does not have.
void setTarget(mlir::ModuleOp module, const TargetName &target);

class TargetInfo {
public:
  virtual ~TargetInfo();

  /// Bytes of scratch memory that `op` of a schedule needs, 0 for none; the same formulas are in
  /// the runtime. They are counted once for each thread of a rank: a rank that drives a GPU has
  /// one.
  virtual int64_t getWorkspaceBytes(mlir::Operation *op) const = 0;

  /// Whether one call for two products of one shape is faster than two (tpc-pair-contracts).
  virtual bool pairsContracts() const { return false; }

  /// Bytes of scratch memory that collective `op` needs in the communication region, 0 for none;
  /// the same formula is in the runtime. Collectives use it one after the other.
  virtual int64_t getPackingBytes(mlir::Operation *op) const { return 0; }

  /// The target of `module`. Reports what getTarget() reports and returns null.
  static std::unique_ptr<TargetInfo> get(mlir::ModuleOp module);
};

std::unique_ptr<TargetInfo> createCpuTargetInfo();
std::unique_ptr<TargetInfo> createCudaTargetInfo(llvm::StringRef arch);

} // namespace tpc

#endif // TPC_CODEGEN_TARGETINFO_H
