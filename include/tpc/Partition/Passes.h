//===- Passes.h - from layouts to one rank's program ---------------------------===//

#ifndef TPC_PARTITION_PASSES_H
#define TPC_PARTITION_PASSES_H

#include "mlir/Pass/Pass.h"
#include "tpc/Instrumentation/Counter.h"
#include <memory>

namespace tpc {

#define GEN_PASS_DECL
#include "tpc/Partition/Passes.h.inc"

#define GEN_PASS_REGISTRATION
#include "tpc/Partition/Passes.h.inc"

} // namespace tpc

#endif // TPC_PARTITION_PASSES_H
