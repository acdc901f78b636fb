//===- Passes.h - the manifest and what it counts ------------------------------===//

#ifndef TPC_TARGET_PASSES_H
#define TPC_TARGET_PASSES_H

#include "mlir/Dialect/ControlFlow/IR/ControlFlow.h"
#include "mlir/Dialect/LLVMIR/NVVMDialect.h"
#include "mlir/IR/BuiltinOps.h"
#include "mlir/Pass/Pass.h"

namespace tpc {

#define GEN_PASS_DECL
#include "tpc/Target/Passes.h.inc"
#define GEN_PASS_REGISTRATION
#include "tpc/Target/Passes.h.inc"

} // namespace tpc

#endif // TPC_TARGET_PASSES_H
