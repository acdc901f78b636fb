#include "Device/CpuDevice.h"
#include "Device/Threads.h"
#include "tpc/runtime/BFloat16.h"
#include "tpc/runtime/Context.h"

#include <cstring>

using namespace tpc::runtime;

void CpuDevice::embedding(tpc_context &context, tpc_dtype dtype, int64_t tokens, int64_t rows,
                          int64_t width, int64_t first, const char *ids, const char *table,
                          char *out) {
  int64_t rowBytes = width * static_cast<int64_t>(elementBytes(dtype));
  auto *tokenIds = reinterpret_cast<const int32_t *>(ids);
  parallelFor(context.threads, tokens, 1, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) {
      int64_t row = tokenIds[i] - first;
      if (row >= 0 && row < rows)
        std::memcpy(out + i * rowBytes, table + row * rowBytes, static_cast<size_t>(rowBytes));
      else
        std::memset(out + i * rowBytes, 0, static_cast<size_t>(rowBytes));
    }
  });
}

namespace {

/// The rows [begin, end) of the table's cotangent: every thread reads all ids and adds those that
/// are its own.
template <typename Element, typename Sum>
void gradRows(int64_t begin, int64_t end, int64_t tokens, int64_t width, int64_t first,
              const int32_t *ids, const char *cotangents, char *table) {
  auto *dOut = reinterpret_cast<const Element *>(cotangents);
  auto *dTable = reinterpret_cast<Sum *>(table);
  std::memset(dTable + begin * width, 0, sizeof(Sum) * static_cast<size_t>((end - begin) * width));
  for (int64_t i = 0; i < tokens; ++i) {
    int64_t row = ids[i] - first;
    if (row < begin || row >= end)
      continue;
    Sum *to = dTable + row * width;
    const Element *from = dOut + i * width;
    for (int64_t j = 0; j < width; ++j)
      to[j] += static_cast<Sum>(from[j]);
  }
}

auto chooseGradRows(tpc_dtype dtype, tpc_dtype tableDtype) {
  if (dtype == TPC_F32 && tableDtype == TPC_F32)
    return &gradRows<float, float>;
  if (dtype == TPC_F64 && tableDtype == TPC_F64)
    return &gradRows<double, double>;
  if (dtype == TPC_BF16 && tableDtype == TPC_F32)
    return &gradRows<BFloat16, float>;
  return static_cast<decltype(&gradRows<float, float>)>(nullptr);
}

} // namespace

void CpuDevice::embeddingGrad(tpc_context &context, tpc_dtype dtype, tpc_dtype tableDtype,
                              int64_t tokens, int64_t rows, int64_t width, int64_t first,
                              const char *ids, const char *dOut, char *dTable) {
  auto *tokenIds = reinterpret_cast<const int32_t *>(ids);
  auto *grad = chooseGradRows(dtype, tableDtype);
  if (!grad)
    throw Error(std::string("embedding gradients are f32 of f32 or bf16, or f64, got ") +
                toString(tableDtype) + " of " + toString(dtype));
  parallelFor(context.threads, rows, 1, [&](int64_t begin, int64_t end) {
    grad(begin, end, tokens, width, first, tokenIds, dOut, dTable);
  });
}
