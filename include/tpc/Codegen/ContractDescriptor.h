//===- ContractDescriptor.h - a contraction as a batch of matrix products ------===//

#ifndef TPC_CODEGEN_CONTRACTDESCRIPTOR_H
#define TPC_CODEGEN_CONTRACTDESCRIPTOR_H

#include "tpc/Dialect/TPCDialect.h"

namespace tpc {

/// tpc_contract_desc of runtime/include/tpc_runtime.h without dtype: C[batch, m, n] = sum_k
/// A[batch, m, k] * B[batch, k, n], strides in elements.
struct ContractDescriptor {
  int64_t batch = 1, m = 1, n = 1, k = 1;
  int64_t aBatch = 0, aM = 0, aK = 0;
  int64_t bBatch = 0, bK = 0, bN = 0;
  int64_t cBatch = 0, cM = 0, cN = 0;
};

/// Letters of both operands and the result are batch, of lhs and result m, of rhs and result n, of
/// both operands k. Each group must have one stride in every tensor; where m or n has two, one of
/// its letters becomes the batch. Reports an error at the op if that is not possible or a matrix
/// has no unit stride.
///
/// Example: [b, s, k], [h, g, d, k] -> [b, s, h, g, d] is m = bs, n = hgd, k: one product.
mlir::FailureOr<ContractDescriptor> describeContract(const Contraction &contraction);

} // namespace tpc

#endif // TPC_CODEGEN_CONTRACTDESCRIPTOR_H
