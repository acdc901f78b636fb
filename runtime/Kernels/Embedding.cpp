#include "Device/CpuDevice.h"
#include "Device/Threads.h"
#include "tpc/runtime/BFloat16.h"
#include "tpc/runtime/Context.h"

#include <algorithm>
#include <cstring>
#include <utility>
#include <vector>

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

/// The tokens of rows [begin, end), by row and in order.
std::vector<std::pair<int64_t, int64_t>> tokensByRow(int64_t begin, int64_t end, int64_t tokens,
                                                     int64_t first, const int32_t *ids) {
  std::vector<std::pair<int64_t, int64_t>> byRow;
  for (int64_t i = 0; i < tokens; ++i)
    if (int64_t row = ids[i] - first; row >= begin && row < end)
      byRow.emplace_back(row, i);
  std::sort(byRow.begin(), byRow.end());
  return byRow;
}

/// Adds the rows [begin, end) of the table's cotangent to `table`: every thread reads all ids, and
/// sums those that are its own.
template <typename Element, typename Sum>
void gradRows(int64_t begin, int64_t end, int64_t tokens, int64_t width, int64_t first,
              const int32_t *ids, const char *cotangents, char *table) {
  auto *dOut = reinterpret_cast<const Element *>(cotangents);
  auto *dTable = reinterpret_cast<Sum *>(table);
  std::vector<Sum> sum(static_cast<size_t>(width));
  auto byRow = tokensByRow(begin, end, tokens, first, ids);
  for (auto next = byRow.begin(); next != byRow.end();) {
    int64_t row = next->first;
    std::fill(sum.begin(), sum.end(), Sum(0));
    for (; next != byRow.end() && next->first == row; ++next)
      for (int64_t j = 0; j < width; ++j)
        sum[static_cast<size_t>(j)] += static_cast<Sum>(dOut[next->second * width + j]);
    for (int64_t j = 0; j < width; ++j)
      dTable[row * width + j] += sum[static_cast<size_t>(j)];
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
                              const char *ids, const char *dOut, const char *addend, char *dTable) {
  auto *tokenIds = reinterpret_cast<const int32_t *>(ids);
  auto *grad = chooseGradRows(dtype, tableDtype);
  if (!grad)
    throw Error(std::string("embedding gradients are f32 of f32 or bf16, or f64, got ") +
                toString(tableDtype) + " of " + toString(dtype));
  auto rowBytes = static_cast<size_t>(width) * elementBytes(tableDtype);
  parallelFor(context.threads, rows, 1, [&](int64_t begin, int64_t end) {
    size_t offset = static_cast<size_t>(begin) * rowBytes,
           bytes = static_cast<size_t>(end - begin) * rowBytes;
    if (!addend)
      std::memset(dTable + offset, 0, bytes);
    else if (addend != dTable)
      std::memcpy(dTable + offset, addend + offset, bytes);
    grad(begin, end, tokens, width, first, tokenIds, dOut, dTable);
  });
}
