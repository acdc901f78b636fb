//===- CheckedBytes.h - sums of sizes that say when they overflow ----------------===//

#ifndef TPC_DIALECT_CHECKEDBYTES_H
#define TPC_DIALECT_CHECKEDBYTES_H

#include "mlir/IR/Types.h"
#include <optional>

namespace tpc {

/// Bytes of a tensor of static shape, zero of any other type; nothing if they do not fit in 63
/// bits. getBytes() is for programs whose sizes have been checked.
std::optional<int64_t> getCheckedBytes(mlir::Type type);

/// Adds up sizes, each rounded up to `alignment`, as long as they stay below `limit`.
class CheckedSum {
public:
  explicit CheckedSum(int64_t limit, int64_t alignment = 1) : left(limit), alignment(alignment) {}
  /// False, from then on, once the sum exceeds the limit.
  bool add(mlir::Type type);

private:
  int64_t left; ///< negative: exceeded
  int64_t alignment;
};

} // namespace tpc

#endif // TPC_DIALECT_CHECKEDBYTES_H
