// Contractions: f32 by oneDNN's gemm, bf16 by its matmul where it has one, f64 by definition.
#include "Device/CpuDevice.h"
#include "Device/Threads.h"
#include "Kernels/ContractCache.h"
#include "Kernels/Gemm.h"
#include "Kernels/PlainContract.h"
#include "Kernels/RowMajor.h"
#include "tpc/runtime/Collective.h"
#include "tpc/runtime/Context.h"

#include <cstring>
#include <memory>
#include <string>

using namespace tpc::runtime;

namespace {

std::string print(const tpc_contract_desc &desc) {
  std::string text = "contraction of " + std::to_string(desc.m) + "x" + std::to_string(desc.n) +
                     "x" + std::to_string(desc.k) + " in " + toString(desc.dtype);
  return desc.result_dtype == desc.dtype ? text : text + " to " + toString(desc.result_dtype);
}

/// Puts the addend where the product is added to it.
void copyAddend(int threads, const tpc_contract_desc &desc, const char *addend, char *c) {
  auto bytes = static_cast<int64_t>(elementBytes(desc.result_dtype)), rowBytes = desc.n * bytes;
  auto copyRow = [&](int64_t row, int) {
    int64_t first = (row / desc.m * desc.c_batch + row % desc.m * desc.c_m) * bytes;
    std::memcpy(c + first, addend + first, static_cast<size_t>(rowBytes));
  };
  parallelItems(threads, desc.batch * desc.m, copyRow);
}

/// Rows or columns must be contiguous; a dimension of size 1 has no stride.
bool contiguous(int64_t rows, int64_t columns, int64_t rowStride, int64_t columnStride) {
  return rowStride == 1 || columnStride == 1 || rows == 1 || columns == 1;
}

void contractNarrow(ContractCache &contracts, int threads, const tpc_contract_desc &desc,
                    const char *a, const char *b, char *c) {
  if (!contracts.run(threads, desc, a, b, c))
    contractGemm(threads, desc, reinterpret_cast<const BFloat16 *>(a),
                 reinterpret_cast<const BFloat16 *>(b), c);
}

} // namespace

void CpuDevice::contract(tpc_context &context, const tpc_contract_desc &given, const char *a,
                         const char *b, const char *addend, char *c) {
  if (given.batch <= 0 || given.m <= 0 || given.n <= 0)
    return;
  tpc_contract_desc desc = rowMajor(given, a, b);
  if (!contiguous(desc.m, desc.k, desc.a_m, desc.a_k) ||
      !contiguous(desc.k, desc.n, desc.b_k, desc.b_n) ||
      !contiguous(desc.m, desc.n, desc.c_m, desc.c_n))
    throw Error(print(desc) + " with a matrix that is contiguous in neither direction");
  if (desc.accumulate && addend != c)
    copyAddend(context.threads, desc, addend, c);
  if (desc.k <= 0 && desc.accumulate)
    return;
  if (desc.dtype == TPC_BF16 && (desc.result_dtype == TPC_BF16 || desc.result_dtype == TPC_F32)) {
    if (!contracts)
      contracts = std::make_unique<ContractCache>();
    return contractNarrow(*contracts, context.threads, desc, a, b, c);
  }
  if (desc.result_dtype != desc.dtype)
    throw Error(print(desc) + ": only bf16 has results of another element type, f32");
  if (desc.dtype == TPC_F64)
    return contractPlain<double, double>(desc, a, b, c);
  if (desc.dtype == TPC_F32 && desc.k <= 0)
    return contractPlain<float, float>(desc, a, b, c); // writes zeros
  if (desc.dtype == TPC_F32)
    return contractGemm(context.threads, desc, reinterpret_cast<const float *>(a),
                        reinterpret_cast<const float *>(b), reinterpret_cast<float *>(c));
  throw Error(std::string("contraction of element type ") + toString(desc.dtype));
}
