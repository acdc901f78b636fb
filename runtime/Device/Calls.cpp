// What generated code calls and the rank's device answers. No exception leaves these functions:
// generated code cannot unwind.
#include "Device/Profile.h"
#include "tpc/runtime/Context.h"
#include "tpc/runtime/Device.h"

using namespace tpc::runtime;

namespace {

template <typename Call>
void recordFailure(tpc_context *context, Call call) {
  try {
    call(*context->device);
  } catch (const std::exception &error) {
    context->fail(error.what());
  }
}

/// Nothing is given to the device of a rank that has failed: what it would compute is of no use.
template <typename Call>
void onDevice(tpc_context *context, const char *op, Call call) {
  if (context->communicator->failed() || context->rehearsing)
    return;
  ProfileScope scope(context, op);
  recordFailure(context, call);
}

} // namespace

void tpc_launch_device(tpc_context *context, const tpc_device_kernel_desc *kernel,
                       char *const *arguments) {
  onDevice(context, "launch", [&](Device &device) { device.launch(*context, *kernel, arguments); });
}

void tpc_copy(tpc_context *context, char *to, const char *from, int64_t bytes) {
  onDevice(context, "copy",
           [&](Device &device) { device.copy(to, from, static_cast<uint64_t>(bytes)); });
}

void tpc_contract(tpc_context *context, const tpc_contract_desc *desc, const char *a, const char *b,
                  char *c) {
  tpc_contract_add(context, desc, a, b, c, c);
}

void tpc_contract_add(tpc_context *context, const tpc_contract_desc *desc, const char *a,
                      const char *b, const char *addend, char *c) {
  if (context->rehearsing)
    return recordFailure(context,
                         [&](Device &device) { device.prepareContract(*desc, a, b, addend, c); });
  onDevice(context, "contract",
           [&](Device &device) { device.contract(*context, *desc, a, b, addend, c); });
}

void tpc_attention(tpc_context *context, const tpc_attention_desc *desc, const char *q,
                   const char *k, const char *v, char *out, char *log_sum_exp, char *workspace) {
  onDevice(context, "attention", [&](Device &device) {
    device.attention(*context, *desc, q, k, v, out, log_sum_exp, workspace);
  });
}

void tpc_attention_grad(tpc_context *context, const tpc_attention_desc *desc, const char *q,
                        const char *k, const char *v, const char *out, const char *log_sum_exp,
                        const char *d_out, char *d_q, char *d_k, char *d_v, char *workspace) {
  onDevice(context, "attention_grad", [&](Device &device) {
    device.attentionGrad(*context, *desc, q, k, v, out, log_sum_exp, d_out, d_q, d_k, d_v,
                         workspace);
  });
}

void tpc_embedding(tpc_context *context, tpc_dtype dtype, int64_t tokens, int64_t rows,
                   int64_t width, int64_t first, const char *ids, const char *table, char *out) {
  onDevice(context, "embedding", [&](Device &device) {
    device.embedding(*context, dtype, tokens, rows, width, first, ids, table, out);
  });
}

void tpc_embedding_grad(tpc_context *context, tpc_dtype dtype, tpc_dtype table_dtype,
                        int64_t tokens, int64_t rows, int64_t width, int64_t first, const char *ids,
                        const char *d_out, const char *addend, char *d_table) {
  onDevice(context, "embedding_grad", [&](Device &device) {
    device.embeddingGrad(*context, dtype, table_dtype, tokens, rows, width, first, ids, d_out,
                         addend, d_table);
  });
}

void tpc_init_tensor(tpc_context *context, const tpc_init_desc *desc, const char *seed,
                     const char *scheme, const int64_t *offsets, char *out) {
  onDevice(context, "init",
           [&](Device &device) { device.initTensor(*context, *desc, seed, scheme, offsets, out); });
}

void tpc_dropout(tpc_context *context, const tpc_dropout_desc *desc, const char *seed,
                 const int64_t *offsets, const char *in, char *out) {
  onDevice(context, "dropout",
           [&](Device &device) { device.dropout(*context, *desc, seed, offsets, in, out); });
}
