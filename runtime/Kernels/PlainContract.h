// The contraction by definition: element types that no library handles, and the reference of the
// tests.
#ifndef TPC_RUNTIME_KERNELS_PLAINCONTRACT_H
#define TPC_RUNTIME_KERNELS_PLAINCONTRACT_H

#include "tpc_runtime.h"

namespace tpc::runtime {

/// Computes `tpc_contract` with plain loops, products and sums in `Sum`, one rounding to `Result`
/// at the end.
template <typename Element, typename Sum, typename Result = Element>
void contractPlain(const tpc_contract_desc &desc, const char *aBytes, const char *bBytes,
                   char *cBytes) {
  auto *a = reinterpret_cast<const Element *>(aBytes),
       *b = reinterpret_cast<const Element *>(bBytes);
  auto *c = reinterpret_cast<Result *>(cBytes);
  for (int64_t batch = 0; batch < desc.batch; ++batch)
    for (int64_t m = 0; m < desc.m; ++m)
      for (int64_t n = 0; n < desc.n; ++n) {
        const Element *row = a + batch * desc.a_batch + m * desc.a_m;
        const Element *column = b + batch * desc.b_batch + n * desc.b_n;
        Result &out = c[batch * desc.c_batch + m * desc.c_m + n * desc.c_n];
        Sum sum = desc.accumulate ? static_cast<Sum>(out) : Sum(0);
        for (int64_t k = 0; k < desc.k; ++k)
          sum += static_cast<Sum>(row[k * desc.a_k]) * static_cast<Sum>(column[k * desc.b_k]);
        out = static_cast<Result>(sum);
      }
}

} // namespace tpc::runtime

#endif
