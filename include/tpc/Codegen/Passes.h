//===- Passes.h - from local programs to an LLVM schedule and its kernels ------===//

#ifndef TPC_CODEGEN_PASSES_H
#define TPC_CODEGEN_PASSES_H

#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/IR/BuiltinOps.h"
#include "mlir/Pass/Pass.h"

namespace tpc {

#define GEN_PASS_DECL
#include "tpc/Codegen/Passes.h.inc"
#define GEN_PASS_REGISTRATION
#include "tpc/Codegen/Passes.h.inc"

} // namespace tpc

#endif // TPC_CODEGEN_PASSES_H
