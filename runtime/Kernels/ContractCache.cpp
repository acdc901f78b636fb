// bf16 contractions: oneDNN's matmul, one primitive per distinct descriptor, made on first use.
#include "Kernels/ContractCache.h"
#include "Device/Threads.h"

#include <cstring>

namespace tpc::runtime {
namespace {

/// A matrix of the batch as oneDNN wants it: a stride for every dimension, also those of size 1.
dnnl::memory::desc describe(dnnl::memory::data_type type, int64_t batch, int64_t rows,
                            int64_t columns, int64_t batchStride, int64_t rowStride,
                            int64_t columnStride) {
  if (rows == 1)
    rowStride = columnStride == 1 ? columns : 1;
  if (columns == 1)
    columnStride = 1;
  if (batch == 1 || batchStride == 0)
    return {{rows, columns}, type, {rowStride, columnStride}};
  return {{batch, rows, columns}, type, {batchStride, rowStride, columnStride}};
}

/// One operand that is the same for the whole batch still needs a batch dimension beside one that
/// has it.
dnnl::memory::desc withRank(const dnnl::memory::desc &desc, size_t rank) {
  auto dims = desc.dims();
  if (dims.size() == rank)
    return desc;
  auto *strides = desc.data.format_desc.blocking.strides;
  return {{1, dims[0], dims[1]},
          static_cast<dnnl::memory::data_type>(desc.data.data_type),
          {dims[0] * dims[1] * std::max<int64_t>(1, std::max(strides[0], strides[1])), strides[0],
           strides[1]}};
}

} // namespace

size_t ContractCache::KeyHash::operator()(const Key &key) const {
  int64_t words[sizeof(tpc_contract_desc) / sizeof(int64_t)]; // the two types are one word
  std::memcpy(words, &key.desc, sizeof(words));
  uint64_t hash = 0xcbf29ce484222325ull;
  for (int64_t word : words)
    hash = (hash ^ static_cast<uint64_t>(word)) * 0x100000001b3ull, hash ^= hash >> 29;
  return hash;
}

bool ContractCache::Key::operator==(const Key &other) const {
  return !std::memcmp(&desc, &other.desc, sizeof(desc));
}

std::optional<ContractCache::Prepared> ContractCache::prepare(const tpc_contract_desc &desc) {
  constexpr auto type = dnnl::memory::data_type::bf16;
  const auto resultType = desc.result_dtype == TPC_BF16 ? type : dnnl::memory::data_type::f32;
  auto a = describe(type, desc.batch, desc.m, desc.k, desc.a_batch, desc.a_m, desc.a_k);
  auto b = describe(type, desc.batch, desc.k, desc.n, desc.b_batch, desc.b_k, desc.b_n);
  auto c = describe(resultType, desc.batch, desc.m, desc.n, desc.c_batch, desc.c_m, desc.c_n);
  size_t rank = c.dims().size();
  a = withRank(a, rank), b = withRank(b, rank);
  dnnl::primitive_attr attributes;
  if (desc.accumulate) {
    dnnl::post_ops sum;
    sum.append_sum();
    attributes.set_post_ops(sum);
  }
  dnnl::matmul::primitive_desc primitive(dnnl::matmul::desc(a, b, c), attributes, engine,
                                         /*allow_empty=*/true);
  if (!primitive)
    return std::nullopt;
  return Prepared{dnnl::matmul(primitive), dnnl::memory(a, engine, nullptr),
                  dnnl::memory(b, engine, nullptr), dnnl::memory(c, engine, nullptr)};
}

bool ContractCache::run(int threads, const tpc_contract_desc &desc, const char *a, const char *b,
                        char *c) {
  setLibraryThreads(threads);
  auto found = prepared.find(Key{desc});
  if (found == prepared.end())
    found = prepared.emplace(Key{desc}, prepare(desc)).first;
  if (!found->second)
    return false;
  Prepared &call = *found->second;
  call.a.set_data_handle(const_cast<char *>(a));
  call.b.set_data_handle(const_cast<char *>(b));
  call.c.set_data_handle(c);
  call.primitive.execute(
      stream, {{DNNL_ARG_SRC, call.a}, {DNNL_ARG_WEIGHTS, call.b}, {DNNL_ARG_DST, call.c}});
  return true;
}

} // namespace tpc::runtime
