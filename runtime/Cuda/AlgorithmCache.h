// Algorithms of cuBLASLt that earlier runs were given, so that all runs take the same ones.
#ifndef TPC_RUNTIME_CUDA_ALGORITHMCACHE_H
#define TPC_RUNTIME_CUDA_ALGORITHMCACHE_H

#include <cublasLt.h>
#include <map>
#include <optional>
#include <string>

namespace tpc::runtime {

/// A file for each version of the library and kind of GPU:
/// $XDG_CACHE_HOME/tpc/cublaslt-VERSION-GPU, without that variable below $HOME/.cache. A line is a
/// product and 16 hexadecimal digits for each word of its algorithm. Lines that are damaged are
/// ignored; a folder that cannot be written only means that the next run asks again.
class AlgorithmCache {
public:
  AlgorithmCache(size_t version, const std::string &gpu);

  std::optional<cublasLtMatmulAlgo_t> find(const std::string &product) const;
  /// Appends in one write, so that the ranks of a host can share the file.
  void add(const std::string &product, const cublasLtMatmulAlgo_t &algorithm);

  const std::string &path() const { return file; }

private:
  std::string file; ///< empty: there is no place for it
  std::map<std::string, cublasLtMatmulAlgo_t> known;
};

} // namespace tpc::runtime

#endif
