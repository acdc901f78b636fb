#include "Device/Threads.h"
#include "tpc/runtime/Context.h"

#include <cstring>

using namespace tpc::runtime;

extern "C" void tpc_embedding(tpc_context *context, tpc_dtype dtype, int64_t tokens, int64_t rows,
                              int64_t width, int64_t first, const char *ids, const char *table,
                              char *out) {
  int64_t rowBytes = width * static_cast<int64_t>(elementBytes(dtype));
  auto *tokenIds = reinterpret_cast<const int32_t *>(ids);
  parallelFor(context->threads, tokens, 1, [&](int64_t begin, int64_t end) {
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
template <typename Element>
void gradRows(int64_t begin, int64_t end, int64_t tokens, int64_t width, int64_t first,
              const int32_t *ids, const Element *dOut, Element *dTable) {
  std::memset(dTable + begin * width, 0,
              sizeof(Element) * static_cast<size_t>((end - begin) * width));
  for (int64_t i = 0; i < tokens; ++i) {
    int64_t row = ids[i] - first;
    if (row < begin || row >= end)
      continue;
    Element *to = dTable + row * width;
    const Element *from = dOut + i * width;
    for (int64_t j = 0; j < width; ++j)
      to[j] += from[j];
  }
}

} // namespace

extern "C" void tpc_embedding_grad(tpc_context *context, tpc_dtype dtype, int64_t tokens,
                                   int64_t rows, int64_t width, int64_t first, const char *ids,
                                   const char *d_out, char *d_table) {
  auto *tokenIds = reinterpret_cast<const int32_t *>(ids);
  if (dtype != TPC_F32 && dtype != TPC_F64)
    return context->fail(std::string("embedding gradients are f32 or f64, got ") + toString(dtype));
  parallelFor(context->threads, rows, 1, [&](int64_t begin, int64_t end) {
    if (dtype == TPC_F32)
      gradRows(begin, end, tokens, width, first, tokenIds, reinterpret_cast<const float *>(d_out),
               reinterpret_cast<float *>(d_table));
    else
      gradRows(begin, end, tokens, width, first, tokenIds, reinterpret_cast<const double *>(d_out),
               reinterpret_cast<double *>(d_table));
  });
}
