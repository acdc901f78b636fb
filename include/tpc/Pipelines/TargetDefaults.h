//===- TargetDefaults.h - what a target implies, unless the user says otherwise -===//

#ifndef TPC_PIPELINES_TARGETDEFAULTS_H
#define TPC_PIPELINES_TARGETDEFAULTS_H

#include "tpc/Codegen/TargetInfo.h"

namespace tpc {

/// The options that depend on what a program is compiled for.
struct TargetDefaults {
  llvm::StringRef machine; ///< a preset of MachineModel
  bool overlap;            ///< do collectives proceed by themselves there?
  int64_t overlapMemory;   ///< bytes
};

/// Of a processor: shared memory, nothing overlaps. Of a GPU: the server that GPUs of its
/// architecture are built into, where collectives overlap.
TargetDefaults getDefaults(const TargetName &target);

} // namespace tpc

#endif // TPC_PIPELINES_TARGETDEFAULTS_H
