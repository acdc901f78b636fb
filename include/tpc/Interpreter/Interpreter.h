//===- Interpreter.h - reference semantics on N simulated ranks ----------------===//
//
// Plain loops in float64, independent of every lowering: the oracle of the lit tests and of
// tpc-compile --verify. Programs are straight-line, so all ranks execute each op together; a
// collective sees every rank's operand.
//
// A global program (layouts attached or not, before tpc-localize) means the same on any mesh: it
// runs once, and constraints, reshards and collectives in global form are identities. A local
// program runs on all ranks.
//
//===----------------------------------------------------------------------===//

#ifndef TPC_INTERPRETER_INTERPRETER_H
#define TPC_INTERPRETER_INTERPRETER_H

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "tpc/Dialect/TPCDialect.h"
#include "tpc/Interpreter/Tensor.h"
#include "llvm/ADT/DenseMap.h"

namespace tpc {

/// One tensor per rank.
using RankTensors = std::vector<Tensor>;

enum class Precision {
  Float64, ///< no rounding: element types are ignored
  Exact    ///< every result of an op is rounded to its element type (f32, bf16, f16)
};

struct InterpreterOptions {
  int64_t ranks = 1;
  Mesh mesh; ///< of the module; ignored for one rank without collectives
  Precision precision = Precision::Float64;
};

/// Reports what `function` has that cannot be interpreted, and fails: branches, types other than
/// numbers and tensors of static shape, values too large to be held on `ranks` simulated ranks.
llvm::LogicalResult checkInterpretable(mlir::func::FuncOp function, int64_t ranks);

/// Runs `function`, which checkInterpretable() has passed; `arguments[i]` has one tensor per rank.
/// Fails with an error at an op it does not know.
llvm::FailureOr<std::vector<RankTensors>> interpret(mlir::func::FuncOp function,
                                                    std::vector<RankTensors> arguments,
                                                    const InterpreterOptions &options);

/// Cuts a global tensor into the shards that `global` describes.
RankTensors shard(const Tensor &tensor, GlobalAttr global, const Mesh &mesh);
/// Joins shards; fails if two ranks that hold the same box disagree in a bit (`replica` then names
/// them).
llvm::FailureOr<Tensor> unshard(const RankTensors &shards, GlobalAttr global, const Mesh &mesh,
                                std::string &replica);

} // namespace tpc

#endif // TPC_INTERPRETER_INTERPRETER_H
