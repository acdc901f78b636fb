//===- Passes.h - the plan becomes constraints ---------------------------------===//

#ifndef TPC_FRONTEND_PASSES_H
#define TPC_FRONTEND_PASSES_H

#include "mlir/Pass/Pass.h"
#include "tpc/Instrumentation/Counter.h"
#include <memory>

namespace tpc {

#define GEN_PASS_DECL
#include "tpc/Frontend/Passes.h.inc"

#define GEN_PASS_REGISTRATION
#include "tpc/Frontend/Passes.h.inc"

} // namespace tpc

#endif // TPC_FRONTEND_PASSES_H
