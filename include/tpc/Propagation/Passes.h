//===- Passes.h - layout propagation ---------------------------------------===//

#ifndef TPC_PROPAGATION_PASSES_H
#define TPC_PROPAGATION_PASSES_H

#include "mlir/Pass/Pass.h"
#include "tpc/Instrumentation/Counter.h"

namespace tpc {

#define GEN_PASS_DECL
#include "tpc/Propagation/Passes.h.inc"

#define GEN_PASS_REGISTRATION
#include "tpc/Propagation/Passes.h.inc"

} // namespace tpc

#endif // TPC_PROPAGATION_PASSES_H
