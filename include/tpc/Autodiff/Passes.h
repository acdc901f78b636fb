//===- Passes.h - from a loss to a training step -------------------------------===//

#ifndef TPC_AUTODIFF_PASSES_H
#define TPC_AUTODIFF_PASSES_H

#include "mlir/Pass/Pass.h"
#include "tpc/Instrumentation/Counter.h"
#include <memory>

namespace tpc {

#define GEN_PASS_DECL
#include "tpc/Autodiff/Passes.h.inc"

#define GEN_PASS_REGISTRATION
#include "tpc/Autodiff/Passes.h.inc"

} // namespace tpc

#endif // TPC_AUTODIFF_PASSES_H
