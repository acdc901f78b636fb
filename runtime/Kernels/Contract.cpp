// Contractions: oneDNN's matmul, one primitive per distinct descriptor, made on first use.
#include "Device/Threads.h"
#include "Kernels/PlainContract.h"
#include "tpc/runtime/Context.h"

#include <cstring>
#include <dnnl.hpp>
#include <unordered_map>

using namespace tpc::runtime;

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

struct Prepared {
  dnnl::matmul primitive;
  dnnl::memory a, b, c;
};

struct Key {
  tpc_contract_desc desc;
  bool operator==(const Key &other) const { return !std::memcmp(&desc, &other.desc, sizeof(desc)); }
};

struct KeyHash {
  size_t operator()(const Key &key) const {
    int64_t words[sizeof(tpc_contract_desc) / sizeof(int64_t)];
    std::memcpy(words, &key.desc, sizeof(words));
    uint64_t hash = 0xcbf29ce484222325ull;
    for (int64_t word : words)
      hash = (hash ^ static_cast<uint64_t>(word)) * 0x100000001b3ull, hash ^= hash >> 29;
    return hash;
  }
};

/// The same contraction with C row-major: C^T = B^T A^T where C is column-major.
tpc_contract_desc rowMajor(const tpc_contract_desc &desc, const char *&a, const char *&b) {
  tpc_contract_desc result;
  std::memset(&result, 0, sizeof(result)); // padding too: the descriptor is a key
  result.dtype = desc.dtype, result.batch = desc.batch, result.accumulate = desc.accumulate != 0;
  result.k = desc.k, result.c_batch = desc.c_batch;
  bool swap = desc.c_n != 1 && desc.n != 1;
  if (swap)
    std::swap(a, b);
  result.m = swap ? desc.n : desc.m, result.n = swap ? desc.m : desc.n;
  result.a_batch = swap ? desc.b_batch : desc.a_batch,
  result.b_batch = swap ? desc.a_batch : desc.b_batch;
  result.a_m = swap ? desc.b_n : desc.a_m, result.a_k = swap ? desc.b_k : desc.a_k;
  result.b_k = swap ? desc.a_k : desc.b_k, result.b_n = swap ? desc.a_m : desc.b_n;
  result.c_m = swap ? desc.c_n : desc.c_m, result.c_n = swap ? desc.c_m : desc.c_n;
  return result;
}

} // namespace

class tpc::runtime::ContractCache {
public:
  Prepared &find(const tpc_contract_desc &desc) {
    auto found = prepared.find(Key{desc});
    return found != prepared.end() ? found->second
                                   : prepared.emplace(Key{desc}, prepare(desc)).first->second;
  }
  dnnl::stream &getStream() { return stream; }

private:
  Prepared prepare(const tpc_contract_desc &desc) {
    auto type =
        desc.dtype == TPC_BF16 ? dnnl::memory::data_type::bf16 : dnnl::memory::data_type::f32;
    auto a = describe(type, desc.batch, desc.m, desc.k, desc.a_batch, desc.a_m, desc.a_k);
    auto b = describe(type, desc.batch, desc.k, desc.n, desc.b_batch, desc.b_k, desc.b_n);
    auto c = describe(type, desc.batch, desc.m, desc.n, desc.c_batch, desc.c_m, desc.c_n);
    size_t rank = c.dims().size();
    a = withRank(a, rank), b = withRank(b, rank);
    dnnl::primitive_attr attributes;
    if (desc.accumulate) {
      dnnl::post_ops sum;
      sum.append_sum();
      attributes.set_post_ops(sum);
    }
    dnnl::matmul::primitive_desc primitive(dnnl::matmul::desc(a, b, c), attributes, engine);
    return {dnnl::matmul(primitive), dnnl::memory(a, engine, nullptr),
            dnnl::memory(b, engine, nullptr), dnnl::memory(c, engine, nullptr)};
  }

  dnnl::engine engine{dnnl::engine::kind::cpu, 0};
  dnnl::stream stream{engine};
  std::unordered_map<Key, Prepared, KeyHash> prepared;
};

static void contractWithLibrary(tpc_context *context, const tpc_contract_desc *given, const char *a,
                                const char *b, char *c) {
  tpc_contract_desc desc = rowMajor(*given, a, b);
  setLibraryThreads(context->threads);
  if (!context->contracts)
    context->contracts = std::make_shared<ContractCache>();
  Prepared &call = context->contracts->find(desc);
  call.a.set_data_handle(const_cast<char *>(a));
  call.b.set_data_handle(const_cast<char *>(b));
  call.c.set_data_handle(c);
  call.primitive.execute(
      context->contracts->getStream(),
      {{DNNL_ARG_SRC, call.a}, {DNNL_ARG_WEIGHTS, call.b}, {DNNL_ARG_DST, call.c}});
}

extern "C" void tpc_contract(tpc_context *context, const tpc_contract_desc *desc, const char *a,
                             const char *b, char *c) {
  if (desc->batch <= 0 || desc->m <= 0 || desc->n <= 0 || (desc->k <= 0 && desc->accumulate))
    return;
  if (desc->dtype == TPC_F64)
    return contractPlain<double, double>(*desc, a, b, c);
  if (desc->k <= 0 && desc->dtype == TPC_F32)
    return contractPlain<float, float>(*desc, a, b, c); // writes zeros
  if (desc->dtype != TPC_F32 && desc->dtype != TPC_BF16)
    return context->fail(std::string("contraction of element type ") + toString(desc->dtype));
  try {
    contractWithLibrary(context, desc, a, b, c);
  } catch (const dnnl::error &error) {
    context->fail("oneDNN refuses a contraction of " + std::to_string(desc->m) + "x" +
                  std::to_string(desc->n) + "x" + std::to_string(desc->k) + " in " +
                  toString(desc->dtype) + ": " + error.what());
  }
}
