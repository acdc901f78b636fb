/* The C ABI between generated code and the runtime.
 *
 * This header and the manifest (docs/manifest.md) are the only two places where the compiler and
 * the runtime meet. Generated code is re-entrant: everything a rank owns hangs off `tpc_context`,
 * so several logical ranks can live in one process. No function returns an error: a failure is
 * recorded in the context with rank and host, the other ranks are told, and the entry returns
 * through `tpc_failed`.
 */
#ifndef TPC_RUNTIME_H
#define TPC_RUNTIME_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* One rank: mesh coordinates, communicators, device, threads, error state. Pointers below are to
 * the memory of its device, unless they are to descriptors, offsets or arrays of pointers. */
typedef struct tpc_context tpc_context;

/* Element types, numbered as in the manifest's `dtype` order. */
typedef enum tpc_dtype {
  TPC_F32 = 0,
  TPC_F64 = 1,
  TPC_BF16 = 2,
  TPC_I32 = 3,
  TPC_I64 = 4,
  TPC_I1 = 5
} tpc_dtype;

/* ------------------------------------------------------------------ symbols of a compiled program
 */

/* One entry program: `init`, `step`, `loss` or `forward`. `base_private` and `base_communication`
 * are the two regions of this rank's arena; every slot of the manifest is a byte offset into one of
 * them. The private region ends with workspace for each thread: arena.private + threads *
 * arena.workspace_per_thread bytes in all. Inputs are written to their slots before the call,
 * outputs read from theirs after it: on a GPU all that an entry does is to give work to it. */
typedef void (*tpc_entry)(tpc_context *context, char *base_private, char *base_communication);

typedef struct tpc_entry_point {
  const char *name; /* "init", "step", "loss", "forward" */
  tpc_entry function;
} tpc_entry_point;

/* What the target of a program brings along (tpc/runtime/Device.h). */
struct tpc_backend;
extern const struct tpc_backend tpc_cpu_backend;  /* libtpc_runtime_cpu.a */
extern const struct tpc_backend tpc_cuda_backend; /* libtpc_runtime_cuda.a */

/* Defined by the object file that the compiler emits. */
typedef struct tpc_program {
  const char *manifest; /* JSON text, docs/manifest.md */
  int64_t manifest_bytes;
  const tpc_entry_point *entries;
  int64_t entry_count;
  const struct tpc_backend *backend;
  const char *device_code; /* kernels as the device loads them: a cubin; null if there are none */
} tpc_program;
extern const tpc_program tpc_compiled_program;

/* ------------------------------------------------------------------ kernels */

/* A generated kernel works on the iterations [begin, end) of its outermost parallel loop.
 * `buffers`: one pointer per operand, then one per result, 64-byte aligned. Iterations are
 * independent. */
typedef void (*tpc_kernel)(char *const *buffers, int64_t begin, int64_t end);

/* Runs `kernel` over [0, extent) on the rank's threads, in pieces that are multiples of `grain`
 * (but for the last). The split depends on the thread count only, so results are reproducible. */
void tpc_launch(tpc_context *context, tpc_kernel kernel, char *const *buffers, int64_t extent,
                int64_t grain);

/* The same on a GPU: a function of device_code, launched once. `arguments` has 8 bytes for each of
 * its parameters: pointers to operands and results, index operands by value, then the pointer to
 * its workspace if it has one. A kernel may take all of them as one parameter, an array. */
typedef struct tpc_device_kernel_desc {
  const char *name;
  int64_t arguments;
  int64_t blocks, threads; /* of the grid, of a block */
  int64_t shared_bytes;    /* of dynamic shared memory */
} tpc_device_kernel_desc;
void tpc_launch_device(tpc_context *context, const tpc_device_kernel_desc *kernel,
                       char *const *arguments);

/* Copies within the device's memory. */
void tpc_copy(tpc_context *context, char *to, const char *from, int64_t bytes);

/* Rank coordinate along mesh axis number `axis` (order of the manifest's mesh.axes). */
int64_t tpc_axis_index(tpc_context *context, int64_t axis);

/* ------------------------------------------------------------------ contractions and attention */

/* C[batch, m, n] = sum_k A[batch, m, k] * B[batch, k, n] (+ C if accumulate). Strides in elements.
 * One of the strides (row, column) of each matrix is 1. A and B are of `dtype`, C of
 * `result_dtype`: the same, or f32 if `dtype` is bf16. bf16 is summed in f32 and rounded once. */
typedef struct tpc_contract_desc {
  tpc_dtype dtype, result_dtype;
  int64_t batch, m, n, k;
  int64_t a_batch, a_m, a_k; /* strides of A along batch, m, k */
  int64_t b_batch, b_k, b_n;
  int64_t c_batch, c_m, c_n;
  int64_t accumulate;
} tpc_contract_desc;

void tpc_contract(tpc_context *context, const tpc_contract_desc *desc, const char *a, const char *b,
                  char *c);
/* The same with `accumulate`, where what is added to the sum may lie elsewhere: `addend` is laid
 * out as C, and is C or does not overlap it. */
void tpc_contract_add(tpc_context *context, const tpc_contract_desc *desc, const char *a,
                      const char *b, const char *addend, char *c);

/* Causal (or full) attention with grouped key/value heads, row-major contiguous:
 * q, out: [batch, queries, kv_heads, group, head_dim]; k, v: [batch, keys, kv_heads, head_dim];
 * log_sum_exp: [batch, queries, kv_heads, group] f32. out = softmax(scale * q k^T) v, the mask
 * letting query i see keys j <= i + (keys - queries) if causal. A row that sees nothing is zeros.
 * Never materializes queries x keys for more than a block of query rows: `workspace` holds 4 * 2 *
 * TPC_ATTENTION_BLOCK * keys bytes for each thread: scores and their cotangents, f32; for bf16,
 * which is what all but log_sum_exp may be, 4 * (TPC_ATTENTION_BLOCK * (keys + head_dim) + 2 * keys
 * * head_dim) bytes more: both rounded, a block of rows, dK and dV. The compiler knows the same
 * formula. */
typedef struct tpc_attention_desc {
  tpc_dtype dtype;
  int64_t batch, queries, keys, kv_heads, group, head_dim;
  int64_t causal;
  double scale;
} tpc_attention_desc;

void tpc_attention(tpc_context *context, const tpc_attention_desc *desc, const char *q,
                   const char *k, const char *v, char *out, char *log_sum_exp, char *workspace);
/* Cotangents of q, k, v from that of out; probabilities are recomputed from log_sum_exp. */
void tpc_attention_grad(tpc_context *context, const tpc_attention_desc *desc, const char *q,
                        const char *k, const char *v, const char *out, const char *log_sum_exp,
                        const char *d_out, char *d_q, char *d_k, char *d_v, char *workspace);

/* Query rows of a block. */
#define TPC_ATTENTION_BLOCK 64
/* Threads of a rank never exceed this; what asks for more is taken for a mistake. */
#define TPC_MAX_THREADS 256

/* ------------------------------------------------------------------ embedding, random */

/* out[i, :] = table[ids[i] - first, :] if 0 <= ids[i] - first < rows, else zeros. */
void tpc_embedding(tpc_context *context, tpc_dtype dtype, int64_t tokens, int64_t rows,
                   int64_t width, int64_t first, const char *ids, const char *table, char *out);
/* d_table[r, :] = sum over i with ids[i] - first == r of d_out[i, :], in order of i
 * (deterministic), plus addend[r, :] unless `addend` is null; `addend` is d_table or does not
 * overlap it. d_out is of `dtype`, d_table of `table_dtype`: the same, or f32 if `dtype` is bf16.
 */
void tpc_embedding_grad(tpc_context *context, tpc_dtype dtype, tpc_dtype table_dtype,
                        int64_t tokens, int64_t rows, int64_t width, int64_t first, const char *ids,
                        const char *d_out, const char *addend, char *d_table);

/* Fills one rank's box of a parameter from a counter-based generator keyed by (seed, parameter
 * name, global element index in the global row-major shape): the same values for every mesh.
 * tpc_random.h has the generator. */
typedef enum tpc_parameter_kind {
  TPC_LINEAR = 0,
  TPC_EMBEDDING = 1,
  TPC_BIAS = 2,
  TPC_NORM = 3
} tpc_parameter_kind;
typedef struct tpc_init_desc {
  const char *parameter; /* Hugging Face name */
  tpc_dtype dtype;
  int64_t kind;             /* tpc_parameter_kind */
  int64_t fan_in;           /* of the linear layer the parameter belongs to */
  double initializer_range; /* standard deviation of scheme 0 */
  int64_t rank;             /* at most 8 */
  int64_t global_shape[8];
  int64_t local_shape[8];
} tpc_init_desc;
/* scheme 0 (normal): weights N(0, initializer_range), biases 0, norms 1.
 * scheme 1 (torch): linear weights and biases U(-1/sqrt(fan_in), 1/sqrt(fan_in)), embeddings N(0,
 * 1), norms 1. What the local box has beyond global_shape (padding) is 0. */
void tpc_init_tensor(tpc_context *context, const tpc_init_desc *desc,
                     const char *seed /* int64_t */, const char *scheme /* int32_t */,
                     const int64_t *offsets /* of the local box in the global shape */, char *out);

/* out[i] = in[i] / (1 - probability) if draw i of (seed, stream) is at least `probability`, else 0;
 * i is the global row-major index, the draws are those of tpc_random.h, so the mask is the same for
 * every mesh. out may be in. */
typedef struct tpc_dropout_desc {
  const char *stream;
  tpc_dtype dtype;
  double probability; /* in [0, 1) */
  int64_t rank;       /* at most 8 */
  int64_t global_shape[8];
  int64_t local_shape[8];
} tpc_dropout_desc;
void tpc_dropout(tpc_context *context, const tpc_dropout_desc *desc, const char *seed /* int64_t */,
                 const int64_t *offsets /* of the local box in the global shape */, const char *in,
                 char *out);

/* ------------------------------------------------------------------ collectives */

/* Number `index` of the manifest's `collectives`, which says op, groups, dtype, shapes. Every rank
 * executes the same sequence. `inputs`/`outputs` have one pointer per operand; both may point into
 * the communication region (then shared memory reduces in place) or not. start may return early;
 * wait returns when outputs are written and inputs may be overwritten. */
void tpc_collective_start(tpc_context *context, int64_t index, char *const *inputs,
                          char *const *outputs);
void tpc_collective_wait(tpc_context *context, int64_t index);

/* Nonzero once this rank or a peer has failed; entries return at the next collective. */
int tpc_failed(tpc_context *context);

#ifdef __cplusplus
}
#endif
#endif
