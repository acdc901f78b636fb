//===- RopeKernel.h - the arithmetic of rotary position embeddings -------------===//

#ifndef TPC_LIB_CODEGEN_ROPEKERNEL_H
#define TPC_LIB_CODEGEN_ROPEKERNEL_H

#include "KernelEmitter.h"

namespace tpc {

/// [batch, positions, heads, 2 * half].
struct RopeShape {
  int64_t batch, positions, heads, half;
  static RopeShape get(RopeOp op);
};

/// Element positions of a vector of a head's lower half, of the upper half's, and of the tables'.
struct RotationPlace {
  mlir::Value low, high, table;
};
/// Rotates two vectors of a head. The result may lie where the input was.
void emitRotation(KernelEmitter &emitter, RopeOp op, const RotationPlace &place, mlir::Value mask);

/// Writes cosines and sines.
class RopeTable {
public:
  RopeTable(KernelEmitter &emitter, RopeTableOp op);
  /// For a position (from the op's first on) and the number of a frequency.
  void emitEntry(mlir::Value row, mlir::Value column);

private:
  KernelEmitter &emitter;
  RopeTableOp op;
  mlir::Value frequencies; ///< constant data beside the function, f64
  mlir::Value first;
};

} // namespace tpc

#endif // TPC_LIB_CODEGEN_ROPEKERNEL_H
