#include "Cuda/CudaDevice.h"
#include "Cuda/DeviceMemory.h"
#include "Cuda/EmbeddingKernels.h"
#include "Cuda/Graph.h"
#include "Kernels/InitialValues.h"
#include "tpc/runtime/Context.h"

namespace tpc::runtime {

int architectureOf(const DeviceOptions &options) { return std::stoi(options.arch.substr(3)); }

CudaDevice::CudaDevice(const DeviceOptions &given, const DeviceChoice &choice)
    : options(given), choice(choice), staging(compute.get()),
      products(compute.get(), options.deterministic),
      attentions(compute.get(), architectureOf(options), options.deterministic) {
  if (options.products)
    products.openLibrary();
  if (options.bf16HeadLength > 0)
    attentions.openLibrary(options.bf16HeadLength);
}

CudaDevice::~CudaDevice() {
  if (code)
    cudaLibraryUnload(code);
}

void CudaDevice::load(const tpc_program &program) {
  if (!program.device_code)
    return;
  checkCuda(
      cudaLibraryLoadData(&code, program.device_code, nullptr, nullptr, 0, nullptr, nullptr, 0),
      "loading the program's kernels");
}

//===-- memory -----------------------------------------------------------------===//

std::shared_ptr<char> CudaDevice::allocate(uint64_t bytes) {
  try {
    return allocateDevice(bytes);
  } catch (const OutOfMemory &) {
    throw Error(describeLack(options, choice, bytes));
  }
}

void CudaDevice::useWorkspace(tpc_context &, char *memory, uint64_t bytes) {
  workspace = memory, workspaceBytes = bytes;
}

void CudaDevice::copyFromHost(char *to, const void *from, uint64_t bytes) {
  staging.copy(to, from, bytes);
}

void CudaDevice::copyToHost(void *to, const char *from, uint64_t bytes) {
  checkCuda(cudaMemcpyAsync(to, from, bytes, cudaMemcpyDeviceToHost, stream()), "cudaMemcpyAsync");
  synchronize();
}

std::shared_ptr<char> CudaDevice::allocateHost(uint64_t bytes) {
  void *memory = nullptr;
  checkCuda(cudaMallocHost(&memory, bytes), "cudaMallocHost");
  return {static_cast<char *>(memory), [](char *pinned) {
            cudaDeviceSynchronize(); // a fetch may be under way
            cudaFreeHost(pinned);
          }};
}

void CudaDevice::fetch(char *to, const char *from, uint64_t bytes) {
  checkCuda(cudaMemcpyAsync(to, from, bytes, cudaMemcpyDeviceToHost, stream()), "cudaMemcpyAsync");
}

void CudaDevice::copy(char *to, const char *from, uint64_t bytes) {
  checkCuda(cudaMemcpyAsync(to, from, bytes, cudaMemcpyDeviceToDevice, stream()),
            "cudaMemcpyAsync");
}

void CudaDevice::fillZero(char *to, uint64_t bytes) {
  checkCuda(cudaMemsetAsync(to, 0, bytes, stream()), "cudaMemsetAsync");
}

void CudaDevice::synchronize() {
  checkCuda(cudaStreamSynchronize(stream()), "work given to the GPU");
}

void CudaDevice::beginRecording() {
  Graph::begin(stream());
  recording = true;
}

std::unique_ptr<Recording> CudaDevice::endRecording() {
  recording = false;
  return std::make_unique<Graph>(stream());
}

void CudaDevice::replay(const Recording &graph) {
  static_cast<const Graph &>(graph).launch(stream());
}

//===-- computing --------------------------------------------------------------===//

cudaKernel_t CudaDevice::kernel(const tpc_device_kernel_desc &desc) {
  cudaKernel_t &found = kernels[desc.name];
  if (!found) {
    std::string what = std::string("finding kernel ") + desc.name;
    checkCuda(cudaLibraryGetKernel(&found, code, desc.name), what.c_str());
  }
  return found;
}

void CudaDevice::launch(tpc_context &, const tpc_device_kernel_desc &desc, char *const *arguments) {
  addresses.clear();
  for (int64_t i = 0; i < desc.arguments; ++i)
    addresses.push_back(const_cast<char **>(arguments + i));
  std::string what = std::string("launching kernel ") + desc.name;
  checkCuda(cudaLaunchKernel(reinterpret_cast<const void *>(kernel(desc)),
                             dim3(static_cast<unsigned>(desc.blocks)),
                             dim3(static_cast<unsigned>(desc.threads)), addresses.data(),
                             static_cast<size_t>(desc.shared_bytes), stream()),
            what.c_str());
}

void CudaDevice::contract(tpc_context &, const tpc_contract_desc &desc, const char *a,
                          const char *b, const char *addend, char *c) {
  products.run(desc, a, b, addend, c, workspace, workspaceBytes);
}

void CudaDevice::prepareContract(const tpc_contract_desc &desc, const char *a, const char *b,
                                 const char *addend, char *c) {
  products.prepare(desc, a, b, addend, c, workspaceBytes);
}

void CudaDevice::attention(tpc_context &, const tpc_attention_desc &desc, const char *q,
                           const char *k, const char *v, char *out, char *logSumExp, char *memory) {
  attentions.forward(desc, q, k, v, out, logSumExp, memory);
}

void CudaDevice::attentionGrad(tpc_context &, const tpc_attention_desc &desc, const char *q,
                               const char *k, const char *v, const char *out, const char *logSumExp,
                               const char *dOut, char *dQ, char *dK, char *dV, char *memory) {
  attentions.backward(desc, q, k, v, out, logSumExp, dOut, dQ, dK, dV, memory);
}

void CudaDevice::embedding(tpc_context &, tpc_dtype dtype, int64_t tokens, int64_t rows,
                           int64_t width, int64_t first, const char *ids, const char *table,
                           char *out) {
  giveEmbedding(dtype, {tokens, rows, width, first}, ids, table, out, stream());
}

void CudaDevice::embeddingGrad(tpc_context &, tpc_dtype dtype, tpc_dtype tableDtype, int64_t tokens,
                               int64_t rows, int64_t width, int64_t first, const char *ids,
                               const char *dOut, const char *addend, char *dTable) {
  giveEmbeddingGrad(dtype, tableDtype, {tokens, rows, width, first}, ids, dOut, addend, dTable,
                    workspace, stream());
}

void CudaDevice::initTensor(tpc_context &, const tpc_init_desc &desc, const char *seed,
                            const char *scheme, const int64_t *offsets, char *out) {
  InitialValues values;
  copyToHost(&values.seed, seed, sizeof(values.seed));
  copyToHost(&values.scheme, scheme, sizeof(values.scheme));
  uint64_t bytes = elementBytes(desc.dtype);
  for (int64_t d = 0; d < desc.rank; ++d)
    bytes *= static_cast<uint64_t>(desc.local_shape[d]);
  std::unique_ptr<char[]> drawn(new char[bytes]);
  drawInitialRows(desc, values, offsets, 0, countInitialRows(desc), drawn.get());
  copyFromHost(out, drawn.get(), bytes);
}

void CudaDevice::dropout(tpc_context &, const tpc_dropout_desc &desc, const char *seed,
                         const int64_t *offsets, const char *in, char *out) {
  giveDropout(desc, seed, offsets, in, out, stream());
}

//===-- being measured ---------------------------------------------------------===//

std::string CudaDevice::describe() const {
  int device = 0;
  cudaDeviceProp properties;
  checkCuda(cudaGetDevice(&device), "cudaGetDevice");
  checkCuda(cudaGetDeviceProperties(&properties, device), "cudaGetDeviceProperties");
  return properties.name;
}

uint64_t CudaDevice::sweep(tpc_context &, char *memory, uint64_t bytes) {
  copy(memory + bytes / 2, memory, bytes / 2);
  return bytes / 2 * 2;
}

void CudaDevice::giveLittle(tpc_context &, char *memory) { fillZero(memory, 4); }

} // namespace tpc::runtime
