// The form in which libraries of matrix products take a contraction.
#ifndef TPC_RUNTIME_KERNELS_ROWMAJOR_H
#define TPC_RUNTIME_KERNELS_ROWMAJOR_H

#include "tpc_runtime.h"

namespace tpc::runtime {

/// The same contraction with a row-major C: C^T = B^T A^T, with `a` and `b` exchanged, where C is
/// column-major. Fields that do not matter are zero, so equal contractions are equal bytes.
tpc_contract_desc rowMajor(const tpc_contract_desc &desc, const char *&a, const char *&b);

} // namespace tpc::runtime

#endif
