//===- CheckedBytes.cpp --------------------------------------------------------===//

#include "tpc/Dialect/CheckedBytes.h"
#include "mlir/IR/BuiltinTypes.h"
#include "llvm/Support/CheckedArithmetic.h"
#include "llvm/Support/MathExtras.h"

using namespace mlir;

std::optional<int64_t> tpc::getCheckedBytes(Type type) {
  auto tensor = dyn_cast<RankedTensorType>(type);
  if (!tensor || !tensor.hasStaticShape() || !tensor.getElementType().isIntOrFloat())
    return 0;
  std::optional<int64_t> bytes = llvm::divideCeil(tensor.getElementTypeBitWidth(), 8u);
  for (int64_t size : tensor.getShape())
    if (bytes && size != 0)
      bytes = llvm::checkedMul(*bytes, size);
  return llvm::is_contained(tensor.getShape(), 0) ? 0 : bytes;
}

bool tpc::CheckedSum::add(Type type) {
  std::optional<int64_t> bytes = getCheckedBytes(type);
  if (left < 0 || !bytes || *bytes > left)
    left = -1;
  else
    left -= *bytes + static_cast<int64_t>(llvm::offsetToAlignment(*bytes, llvm::Align(alignment)));
  return left >= 0;
}
