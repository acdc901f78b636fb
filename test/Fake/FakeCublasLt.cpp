// The part of cuBLASLt that tpc's runtime uses: products by their definition, on the stream they
// are given to. Two versions of the same product are two algorithms; only those it has chosen are
// accepted.
//
//   FAKE_CUBLASLT_VERSION=110803   what cublasLtGetVersion says
//   FAKE_CUBLASLT_FULL=1           no memory for the library's handle
//   FAKE_CUBLASLT_FULL_AT=40       no memory in the 40th product of the process
#include "FakeCudaDevice.h"
#include "tpc/runtime/BFloat16.h"

#include <atomic>
#include <cstdlib>
#include <cstring>
#include <cublasLt.h>
#include <cuda_runtime_api.h>
#include <functional>

using tpc::runtime::BFloat16;

namespace {

constexpr uint64_t kMark = 0x7470632066616b65; // first word of every algorithm chosen here

struct Operation {
  cublasComputeType_t compute;
  cublasOperation_t transA = CUBLAS_OP_N, transB = CUBLAS_OP_N;
};

struct Layout {
  cudaDataType type;
  uint64_t rows, columns;
  int64_t leading, batchStride = 0;
  int32_t batch = 1;
};

struct Preference {
  uint64_t workspace = 0;
  uint32_t alignment = 256;
};

double read(const void *data, cudaDataType type, int64_t at) {
  if (type == CUDA_R_64F)
    return static_cast<const double *>(data)[at];
  if (type == CUDA_R_32F)
    return static_cast<const float *>(data)[at];
  return static_cast<float>(static_cast<const BFloat16 *>(data)[at]);
}

void write(void *data, cudaDataType type, int64_t at, double value) {
  if (type == CUDA_R_64F)
    static_cast<double *>(data)[at] = value;
  else if (type == CUDA_R_32F)
    static_cast<float *>(data)[at] = static_cast<float>(value);
  else
    static_cast<BFloat16 *>(data)[at] = BFloat16(static_cast<float>(value));
}

double element(const void *data, const Layout &layout, cublasOperation_t how, int64_t batch,
               int64_t row, int64_t column) {
  int64_t at = how == CUBLAS_OP_N ? row + column * layout.leading : column + row * layout.leading;
  return read(data, layout.type, batch * layout.batchStride + at);
}

struct Product {
  Operation operation;
  Layout a, b, c;
  const void *aData, *bData, *cData;
  void *dData; ///< laid out as C
  double beta;

  void run() const {
    auto depth = static_cast<int64_t>(operation.transA == CUBLAS_OP_N ? a.columns : a.rows);
    for (int64_t batch = 0; batch < c.batch; ++batch)
      for (int64_t column = 0; column < static_cast<int64_t>(c.columns); ++column)
        for (int64_t row = 0; row < static_cast<int64_t>(c.rows); ++row) {
          int64_t at = batch * c.batchStride + row + column * c.leading;
          double sum = beta == 0 ? 0 : beta * read(cData, c.type, at);
          for (int64_t k = 0; k < depth; ++k)
            sum += element(aData, a, operation.transA, batch, row, k) *
                   element(bData, b, operation.transB, batch, k, column);
          write(dData, c.type, at, sum);
        }
  }
};

/// What a product needs of its matrices.
bool fits(const Operation &operation, const Layout &a, const Layout &b, const Layout &c) {
  auto rows = [](const Layout &m, cublasOperation_t how) {
    return how == CUBLAS_OP_N ? m.rows : m.columns;
  };
  auto columns = [](const Layout &m, cublasOperation_t how) {
    return how == CUBLAS_OP_N ? m.columns : m.rows;
  };
  auto sound = [](const Layout &m) { return m.leading >= static_cast<int64_t>(m.rows); };
  return sound(a) && sound(b) && sound(c) && rows(a, operation.transA) == c.rows &&
         columns(b, operation.transB) == c.columns &&
         columns(a, operation.transA) == rows(b, operation.transB) && a.batch == c.batch &&
         b.batch == c.batch;
}

template <typename T>
void set(T &field, const void *value) {
  std::memcpy(&field, value, sizeof(field));
}

} // namespace

extern "C" {
size_t cublasLtGetVersion() {
  const char *version = std::getenv("FAKE_CUBLASLT_VERSION");
  return version ? static_cast<size_t>(std::atoll(version)) : 130100;
}
const char *cublasLtGetStatusString(cublasStatus_t code) {
  return code == CUBLAS_STATUS_ALLOC_FAILED    ? "CUBLAS_STATUS_ALLOC_FAILED"
         : code == CUBLAS_STATUS_NOT_SUPPORTED ? "CUBLAS_STATUS_NOT_SUPPORTED"
                                               : "CUBLAS_STATUS_OTHER";
}
cublasStatus_t cublasLtCreate(cublasLtHandle_t *handle) {
  if (std::getenv("FAKE_CUBLASLT_FULL"))
    return CUBLAS_STATUS_ALLOC_FAILED;
  static int only;
  *handle = reinterpret_cast<cublasLtHandle_t>(&only);
  return CUBLAS_STATUS_SUCCESS;
}
cublasStatus_t cublasLtDestroy(cublasLtHandle_t) { return CUBLAS_STATUS_SUCCESS; }

cublasStatus_t cublasLtMatmulDescCreate(cublasLtMatmulDesc_t *desc, cublasComputeType_t compute,
                                        cudaDataType_t) {
  *desc = reinterpret_cast<cublasLtMatmulDesc_t>(new Operation{compute});
  return CUBLAS_STATUS_SUCCESS;
}
cublasStatus_t cublasLtMatmulDescDestroy(cublasLtMatmulDesc_t desc) {
  delete reinterpret_cast<Operation *>(desc);
  return CUBLAS_STATUS_SUCCESS;
}
cublasStatus_t cublasLtMatmulDescSetAttribute(cublasLtMatmulDesc_t desc,
                                              cublasLtMatmulDescAttributes_t which,
                                              const void *value, size_t) {
  auto *operation = reinterpret_cast<Operation *>(desc);
  set(which == CUBLASLT_MATMUL_DESC_TRANSA ? operation->transA : operation->transB, value);
  return CUBLAS_STATUS_SUCCESS;
}

cublasStatus_t cublasLtMatrixLayoutCreate(cublasLtMatrixLayout_t *layout, cudaDataType type,
                                          uint64_t rows, uint64_t columns, int64_t leading) {
  *layout = reinterpret_cast<cublasLtMatrixLayout_t>(new Layout{type, rows, columns, leading});
  return CUBLAS_STATUS_SUCCESS;
}
cublasStatus_t cublasLtMatrixLayoutDestroy(cublasLtMatrixLayout_t layout) {
  delete reinterpret_cast<Layout *>(layout);
  return CUBLAS_STATUS_SUCCESS;
}
cublasStatus_t cublasLtMatrixLayoutSetAttribute(cublasLtMatrixLayout_t opaque,
                                                cublasLtMatrixLayoutAttribute_t which,
                                                const void *value, size_t) {
  auto *layout = reinterpret_cast<Layout *>(opaque);
  if (which == CUBLASLT_MATRIX_LAYOUT_BATCH_COUNT)
    set(layout->batch, value);
  else
    set(layout->batchStride, value);
  return CUBLAS_STATUS_SUCCESS;
}

cublasStatus_t cublasLtMatmulPreferenceCreate(cublasLtMatmulPreference_t *preference) {
  *preference = reinterpret_cast<cublasLtMatmulPreference_t>(new Preference);
  return CUBLAS_STATUS_SUCCESS;
}
cublasStatus_t cublasLtMatmulPreferenceDestroy(cublasLtMatmulPreference_t preference) {
  delete reinterpret_cast<Preference *>(preference);
  return CUBLAS_STATUS_SUCCESS;
}
cublasStatus_t cublasLtMatmulPreferenceSetAttribute(cublasLtMatmulPreference_t,
                                                    cublasLtMatmulPreferenceAttributes_t,
                                                    const void *, size_t) {
  return CUBLAS_STATUS_SUCCESS;
}

cublasStatus_t cublasLtMatmulAlgoGetHeuristic(cublasLtHandle_t, cublasLtMatmulDesc_t operation,
                                              cublasLtMatrixLayout_t a, cublasLtMatrixLayout_t b,
                                              cublasLtMatrixLayout_t c, cublasLtMatrixLayout_t,
                                              cublasLtMatmulPreference_t, int,
                                              cublasLtMatmulHeuristicResult_t *answer,
                                              int *answers) {
  std::memset(answer, 0, sizeof(*answer));
  *answers = fits(*reinterpret_cast<Operation *>(operation), *reinterpret_cast<Layout *>(a),
                  *reinterpret_cast<Layout *>(b), *reinterpret_cast<Layout *>(c));
  answer->algo.data[0] = kMark;
  return CUBLAS_STATUS_SUCCESS;
}
cublasStatus_t cublasLtMatmulAlgoCheck(cublasLtHandle_t, cublasLtMatmulDesc_t,
                                       cublasLtMatrixLayout_t, cublasLtMatrixLayout_t,
                                       cublasLtMatrixLayout_t, cublasLtMatrixLayout_t,
                                       const cublasLtMatmulAlgo_t *algorithm,
                                       cublasLtMatmulHeuristicResult_t *answer) {
  std::memset(answer, 0, sizeof(*answer));
  return algorithm->data[0] == kMark ? CUBLAS_STATUS_SUCCESS : CUBLAS_STATUS_NOT_SUPPORTED;
}

cublasStatus_t cublasLtMatmul(cublasLtHandle_t, cublasLtMatmulDesc_t desc, const void *,
                              const void *a, cublasLtMatrixLayout_t aLayout, const void *b,
                              cublasLtMatrixLayout_t bLayout, const void *beta, const void *c,
                              cublasLtMatrixLayout_t cLayout, void *d, cublasLtMatrixLayout_t,
                              const cublasLtMatmulAlgo_t *algorithm, void *, size_t,
                              cudaStream_t stream) {
  static std::atomic<int> products{0};
  auto &operation = *reinterpret_cast<Operation *>(desc);
  if (const char *last = std::getenv("FAKE_CUBLASLT_FULL_AT");
      last && ++products >= std::atoi(last))
    return CUBLAS_STATUS_ALLOC_FAILED;
  if (algorithm->data[0] != kMark)
    return CUBLAS_STATUS_NOT_SUPPORTED;
  double scale = operation.compute == CUBLAS_COMPUTE_64F ? *static_cast<const double *>(beta)
                                                         : *static_cast<const float *>(beta);
  Product product{operation,
                  *reinterpret_cast<Layout *>(aLayout),
                  *reinterpret_cast<Layout *>(bLayout),
                  *reinterpret_cast<Layout *>(cLayout),
                  a,
                  b,
                  c,
                  d,
                  scale};
  tpc::test::giveTo(stream, [product] { product.run(); });
  return CUBLAS_STATUS_SUCCESS;
}
} // extern "C"
