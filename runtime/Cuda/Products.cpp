// cuBLASLt sees matrices by columns. With C by rows, C = A B is C^T = B^T A^T by columns: the
// library's first matrix is our B, its second our A, and what is stored along k is transposed.
#include "Cuda/Products.h"
#include "Cuda/CudaError.h"
#include "Kernels/RowMajor.h"
#include "tpc/runtime/Collective.h"
#include "tpc/runtime/Error.h"

#include <algorithm>

namespace tpc::runtime {
namespace {

std::string print(const tpc_contract_desc &desc) {
  return "product of " + std::to_string(desc.m) + "x" + std::to_string(desc.n) + "x" +
         std::to_string(desc.k) + " in " + toString(desc.dtype);
}

cudaDataType_t libraryType(tpc_dtype dtype) {
  switch (dtype) {
  case TPC_F32:
    return CUDA_R_32F;
  case TPC_F64:
    return CUDA_R_64F;
  case TPC_BF16:
    return CUDA_R_16BF;
  default:
    throw Error(std::string("contraction of element type ") + toString(dtype));
  }
}

/// A stored matrix by columns, and whether the product uses its transpose.
struct StoredMatrix {
  uint64_t rows, columns;
  int64_t leading, batchStride;
  bool transposed;
};

/// Seen by columns, the matrix that the product needs is `rows` x `columns` with strides
/// `rowStride` and `columnStride`, one of which is 1 (or of no matter, where the size is 1).
StoredMatrix store(int64_t rows, int64_t columns, int64_t rowStride, int64_t columnStride,
                   int64_t batchStride) {
  auto unsignedOf = [](int64_t size) { return static_cast<uint64_t>(size); };
  if (rowStride == 1 || rows == 1)
    return {unsignedOf(rows), unsignedOf(columns), columns == 1 ? rows : columnStride, batchStride,
            false};
  if (columnStride != 1 && columns != 1)
    throw Error("a matrix that is contiguous in neither direction");
  return {unsignedOf(columns), unsignedOf(rows), rowStride, batchStride, true};
}

/// The largest power of two up to 256 that divides all addresses.
uint32_t alignmentOf(std::initializer_list<const void *> pointers) {
  uintptr_t bits = 256;
  for (const void *pointer : pointers)
    bits |= reinterpret_cast<uintptr_t>(pointer);
  return static_cast<uint32_t>(bits & ~(bits - 1));
}

/// What the choice of an algorithm depends on, in one word.
std::string keyOf(const tpc_contract_desc &desc, uint32_t alignment, uint64_t workspaceBytes,
                  bool deterministic) {
  std::string key = std::string(toString(desc.dtype)) + ":" + toString(desc.result_dtype);
  for (int64_t number : {desc.batch, desc.m, desc.n, desc.k, desc.a_batch, desc.a_m, desc.a_k,
                         desc.b_batch, desc.b_k, desc.b_n, desc.c_batch, desc.c_m, desc.c_n,
                         desc.accumulate, static_cast<int64_t>(alignment),
                         static_cast<int64_t>(workspaceBytes), static_cast<int64_t>(deterministic)})
    key += ":" + std::to_string(number);
  return key;
}

} // namespace

/// The library's objects for one product.
struct Products::Prepared {
  explicit Prepared(const CublasLtLibrary &library) : library(library) {}
  ~Prepared() {
    for (cublasLtMatrixLayout_t layout : {first, second, result})
      if (layout)
        library.destroyLayout(layout);
    if (operation)
      library.destroyDesc(operation);
  }
  void set(const tpc_contract_desc &desc);
  cublasLtMatrixLayout_t layoutOf(const StoredMatrix &matrix, tpc_dtype dtype, int64_t batch);

  const CublasLtLibrary &library;
  cublasLtMatmulDesc_t operation = nullptr;
  cublasLtMatrixLayout_t first = nullptr, second = nullptr, result = nullptr;
  cublasLtMatmulAlgo_t algorithm;
};

cublasLtMatrixLayout_t Products::Prepared::layoutOf(const StoredMatrix &matrix, tpc_dtype dtype,
                                                    int64_t batch) {
  cublasLtMatrixLayout_t layout = nullptr;
  library.check(library.createLayout(&layout, libraryType(dtype), matrix.rows, matrix.columns,
                                     matrix.leading),
                "describing a matrix");
  auto count = static_cast<int32_t>(batch);
  library.check(
      library.setLayout(layout, CUBLASLT_MATRIX_LAYOUT_BATCH_COUNT, &count, sizeof(count)),
      "describing a batch");
  library.check(library.setLayout(layout, CUBLASLT_MATRIX_LAYOUT_STRIDED_BATCH_OFFSET,
                                  &matrix.batchStride, sizeof(matrix.batchStride)),
                "describing a batch");
  return layout;
}

void Products::Prepared::set(const tpc_contract_desc &desc) {
  bool wide = desc.dtype == TPC_F64;
  library.check(library.createDesc(&operation, wide ? CUBLAS_COMPUTE_64F : CUBLAS_COMPUTE_32F,
                                   wide ? CUDA_R_64F : CUDA_R_32F),
                "describing a product");
  StoredMatrix b = store(desc.n, desc.k, desc.b_n, desc.b_k, desc.b_batch);
  StoredMatrix a = store(desc.k, desc.m, desc.a_k, desc.a_m, desc.a_batch);
  StoredMatrix c = store(desc.n, desc.m, desc.c_n, desc.c_m, desc.c_batch);
  first = layoutOf(b, desc.dtype, desc.batch);
  second = layoutOf(a, desc.dtype, desc.batch);
  result = layoutOf(c, desc.result_dtype, desc.batch);
  auto transpose = [&](cublasLtMatmulDescAttributes_t which, bool transposed) {
    cublasOperation_t how = transposed ? CUBLAS_OP_T : CUBLAS_OP_N;
    library.check(library.setDesc(operation, which, &how, sizeof(how)), "describing a product");
  };
  transpose(CUBLASLT_MATMUL_DESC_TRANSA, b.transposed);
  transpose(CUBLASLT_MATMUL_DESC_TRANSB, a.transposed);
}

Products::Products(cudaStream_t stream, bool deterministic)
    : stream(stream), deterministic(deterministic) {}

Products::~Products() = default;

void Products::openLibrary() {
  if (library)
    return;
  library = std::make_unique<CublasLtLibrary>();
  int device = 0;
  cudaDeviceProp properties;
  checkCuda(cudaGetDevice(&device), "cudaGetDevice");
  checkCuda(cudaGetDeviceProperties(&properties, device), "cudaGetDeviceProperties");
  cache.emplace(library->version, properties.name);
}

/// The heuristic's first answer; nothing is timed, so that every run and rank gets the same.
cublasLtMatmulAlgo_t Products::choose(const Prepared &product, const tpc_contract_desc &desc,
                                      uint32_t alignment, uint64_t workspaceBytes) {
  cublasLtMatmulPreference_t created = nullptr;
  library->check(library->createPreference(&created), "choosing an algorithm");
  std::unique_ptr<cublasLtMatmulPreferenceOpaque_t, decltype(library->destroyPreference)>
      preference(created, library->destroyPreference);
  auto prefer = [&](cublasLtMatmulPreferenceAttributes_t which, auto value) {
    library->check(library->setPreference(created, which, &value, sizeof(value)),
                   "choosing an algorithm");
  };
  prefer(CUBLASLT_MATMUL_PREF_MAX_WORKSPACE_BYTES, workspaceBytes);
  for (auto which :
       {CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_A_BYTES, CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_B_BYTES,
        CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_C_BYTES, CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_D_BYTES})
    prefer(which, alignment);
  if (deterministic) // no part of a sum is added in an order of its own
    prefer(CUBLASLT_MATMUL_PREF_REDUCTION_SCHEME_MASK,
           static_cast<uint32_t>(CUBLASLT_REDUCTION_SCHEME_COMPUTE_TYPE));
  cublasLtMatmulHeuristicResult_t answer;
  int answers = 0;
  cublasStatus_t code =
      library->getHeuristic(library->handle, product.operation, product.first, product.second,
                            product.result, product.result, created, 1, &answer, &answers);
  library->check(code == CUBLAS_STATUS_SUCCESS && answers == 0 ? CUBLAS_STATUS_NOT_SUPPORTED : code,
                 print(desc));
  return answer.algo;
}

std::unique_ptr<Products::Prepared> Products::make(const std::string &key,
                                                   const tpc_contract_desc &desc,
                                                   uint32_t alignment, uint64_t workspaceBytes) {
  auto made = std::make_unique<Prepared>(*library);
  made->set(desc);
  std::optional<cublasLtMatmulAlgo_t> known = cache->find(key);
  cublasLtMatmulHeuristicResult_t answer;
  if (known &&
      library->checkAlgorithm(library->handle, made->operation, made->first, made->second,
                              made->result, made->result, &*known,
                              &answer) == CUBLAS_STATUS_SUCCESS &&
      answer.workspaceSize <= workspaceBytes) {
    made->algorithm = *known;
  } else {
    made->algorithm = choose(*made, desc, alignment, workspaceBytes);
    cache->add(key, made->algorithm);
  }
  return made;
}

Products::Prepared &Products::find(const tpc_contract_desc &desc, const char *a, const char *b,
                                   const char *addend, const char *c, uint64_t workspaceBytes) {
  openLibrary();
  uint32_t alignment = alignmentOf({a, b, addend, c});
  std::string key = keyOf(desc, alignment, workspaceBytes, deterministic);
  std::unique_ptr<Prepared> &product = prepared[key];
  if (!product)
    product = make(key, desc, alignment, workspaceBytes);
  return *product;
}

/// Whether there is nothing to do. Throws Error at a result that nothing defines.
static bool isNothing(const tpc_contract_desc &desc, bool inPlace) {
  if (desc.batch <= 0 || desc.m <= 0 || desc.n <= 0)
    return true;
  if (desc.k > 0)
    return false;
  if (!desc.accumulate || !inPlace)
    throw Error(print(desc) + ": a sum of nothing");
  return true;
}

void Products::prepare(const tpc_contract_desc &given, const char *a, const char *b,
                       const char *addend, const char *c, uint64_t workspaceBytes) {
  if (isNothing(given, addend == c))
    return;
  tpc_contract_desc desc = rowMajor(given, a, b);
  find(desc, a, b, desc.accumulate ? addend : c, c, workspaceBytes);
}

void Products::run(const tpc_contract_desc &given, const char *a, const char *b, const char *addend,
                   char *c, char *workspace, uint64_t workspaceBytes) {
  if (isNothing(given, addend == c))
    return;
  tpc_contract_desc desc = rowMajor(given, a, b);
  if (!desc.accumulate)
    addend = c;
  Prepared &product = find(desc, a, b, addend, c, workspaceBytes);
  float one = 1, beta = desc.accumulate ? 1 : 0;
  double wideOne = 1, wideBeta = beta;
  bool wide = desc.dtype == TPC_F64;
  const void *alpha = wide ? static_cast<const void *>(&wideOne) : &one;
  const void *scale = wide ? static_cast<const void *>(&wideBeta) : &beta;
  library->check(library->matmul(library->handle, product.operation, alpha, b, product.first, a,
                                 product.second, scale, addend, product.result, c, product.result,
                                 &product.algorithm, workspace, workspaceBytes, stream),
                 print(desc));
}

} // namespace tpc::runtime
