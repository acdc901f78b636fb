// Contractions on a GPU: cuBLASLt.
#ifndef TPC_RUNTIME_CUDA_PRODUCTS_H
#define TPC_RUNTIME_CUDA_PRODUCTS_H

#include "Cuda/AlgorithmCache.h"
#include "Cuda/CublasLtLibrary.h"
#include "tpc_runtime.h"
#include <cuda_runtime_api.h>
#include <memory>
#include <optional>
#include <unordered_map>

namespace tpc::runtime {

/// Prepares each distinct product once: the library's heuristic chooses its algorithm, or an
/// earlier run's choice is taken from the cache. Sums are in f32 (f64 of f64) without TF32.
class Products {
public:
  Products(cudaStream_t stream, bool deterministic);
  ~Products();
  Products(const Products &) = delete;
  Products &operator=(const Products &) = delete;

  /// Does nothing if it is open. Throws Error naming what is missing and the remedy.
  void openLibrary();
  /// Chooses the algorithm that run() will take for such a product and such addresses, unless that
  /// is done. Throws Error.
  void prepare(const tpc_contract_desc &desc, const char *a, const char *b, const char *addend,
               const char *c, uint64_t workspaceBytes);
  /// Gives the stream what tpc_contract_add defines, by the library, opened if it is not. Throws
  /// Error.
  void run(const tpc_contract_desc &desc, const char *a, const char *b, const char *addend, char *c,
           char *workspace, uint64_t workspaceBytes);

private:
  struct Prepared;
  Prepared &find(const tpc_contract_desc &desc, const char *a, const char *b, const char *addend,
                 const char *c, uint64_t workspaceBytes);
  std::unique_ptr<Prepared> make(const std::string &key, const tpc_contract_desc &desc,
                                 uint32_t alignment, uint64_t workspaceBytes);
  cublasLtMatmulAlgo_t choose(const Prepared &product, const tpc_contract_desc &desc,
                              uint32_t alignment, uint64_t workspaceBytes);

  cudaStream_t stream;
  const bool deterministic;
  std::unique_ptr<CublasLtLibrary> library;
  std::optional<AlgorithmCache> cache;
  std::unordered_map<std::string, std::unique_ptr<Prepared>> prepared;
};

} // namespace tpc::runtime

#endif
