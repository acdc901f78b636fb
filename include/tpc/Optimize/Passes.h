//===- Passes.h - fewer and larger collectives -----------------------------===//

#ifndef TPC_OPTIMIZE_PASSES_H
#define TPC_OPTIMIZE_PASSES_H

#include "mlir/Pass/Pass.h"
#include "tpc/Instrumentation/Counter.h"

namespace tpc {

#define GEN_PASS_DECL
#include "tpc/Optimize/Passes.h.inc"

#define GEN_PASS_REGISTRATION
#include "tpc/Optimize/Passes.h.inc"

} // namespace tpc

#endif // TPC_OPTIMIZE_PASSES_H
