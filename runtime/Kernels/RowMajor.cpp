#include "Kernels/RowMajor.h"

#include <cstring>
#include <utility>

namespace tpc::runtime {

tpc_contract_desc rowMajor(const tpc_contract_desc &desc, const char *&a, const char *&b) {
  tpc_contract_desc result;
  std::memset(&result, 0, sizeof(result));
  result.dtype = desc.dtype, result.result_dtype = desc.result_dtype;
  result.batch = desc.batch, result.accumulate = desc.accumulate != 0;
  result.k = desc.k, result.c_batch = desc.c_batch;
  bool swap = desc.c_n != 1 && desc.n != 1;
  if (swap)
    std::swap(a, b);
  result.m = swap ? desc.n : desc.m, result.n = swap ? desc.m : desc.n;
  result.a_batch = swap ? desc.b_batch : desc.a_batch,
  result.b_batch = swap ? desc.a_batch : desc.b_batch;
  result.a_m = swap ? desc.b_n : desc.a_m, result.a_k = swap ? desc.b_k : desc.a_k;
  result.b_k = swap ? desc.a_k : desc.b_k, result.b_n = swap ? desc.a_m : desc.b_n;
  result.c_m = swap ? desc.c_n : desc.c_m, result.c_n = swap ? desc.c_m : desc.c_n;
  return result;
}

} // namespace tpc::runtime
