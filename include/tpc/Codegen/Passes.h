//===- Passes.h - from local programs to an LLVM schedule and its kernels ------===//

#ifndef TPC_CODEGEN_PASSES_H
#define TPC_CODEGEN_PASSES_H

#include "mlir/Dialect/ControlFlow/IR/ControlFlow.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "mlir/IR/BuiltinOps.h"
#include "mlir/Pass/Pass.h"
#include "tpc/Dialect/TPCDialect.h"
#include "tpc/Instrumentation/Counter.h"

namespace tpc {

#define GEN_PASS_DECL
#include "tpc/Codegen/Passes.h.inc"
#define GEN_PASS_REGISTRATION
#include "tpc/Codegen/Passes.h.inc"

} // namespace tpc

#endif // TPC_CODEGEN_PASSES_H
