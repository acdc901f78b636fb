//===- Inputs.h - values for a function's arguments ----------------------------===//

#ifndef TPC_INTERPRETER_INPUTS_H
#define TPC_INTERPRETER_INPUTS_H

#include "tpc/Interpreter/Interpreter.h"

namespace tpc {

enum class InputKind {
  Quarters, ///< multiples of 1/4 in [-2, 2]: sums of products are exact in any order
  Random    ///< standard normal times 1/2
};

struct InputOptions {
  InputKind kind = InputKind::Quarters;
  uint64_t seed = 0;
  int64_t ids = 8; ///< integer tensors hold ids in [0, ids)
};

/// The global value of argument `number`: a function of its name (parameter, input, or number) and
/// shape, so that a local program gets the shards of what the global one gets. Scalars called like
/// a hyper-parameter get its usual value. Padding (tpc.logical_shape) is zero in parameters and
/// their state, NaN or no id elsewhere.
Tensor makeInput(mlir::func::FuncOp function, unsigned number, const InputOptions &options);

} // namespace tpc

#endif // TPC_INTERPRETER_INPUTS_H
