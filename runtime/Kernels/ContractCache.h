// Prepared oneDNN primitives of one rank.
#ifndef TPC_RUNTIME_KERNELS_CONTRACTCACHE_H
#define TPC_RUNTIME_KERNELS_CONTRACTCACHE_H

#include "tpc_runtime.h"

#include <dnnl.hpp>
#include <optional>
#include <unordered_map>

namespace tpc::runtime {

class ContractCache {
public:
  /// A bf16 contraction with sums in f32, rowMajor() already applied. False, and nothing is done,
  /// if oneDNN has no implementation for the processor (below AVX-512).
  bool run(int threads, const tpc_contract_desc &desc, const char *a, const char *b, char *c);

private:
  struct Prepared {
    dnnl::matmul primitive;
    dnnl::memory a, b, c;
  };
  struct Key {
    tpc_contract_desc desc;
    bool operator==(const Key &other) const;
  };
  struct KeyHash {
    size_t operator()(const Key &key) const;
  };
  /// Nothing if there is no implementation.
  std::optional<Prepared> prepare(const tpc_contract_desc &desc);

  dnnl::engine engine{dnnl::engine::kind::cpu, 0};
  dnnl::stream stream{engine};
  std::unordered_map<Key, std::optional<Prepared>, KeyHash> prepared;
};

} // namespace tpc::runtime

#endif
