// A GPU as a device: work goes to one stream, the host goes on.
#ifndef TPC_RUNTIME_CUDA_CUDADEVICE_H
#define TPC_RUNTIME_CUDA_CUDADEVICE_H

#include "Cuda/DeviceMarks.h"
#include "Cuda/DeviceMemory.h"
#include "Cuda/GpuAttention.h"
#include "Cuda/Products.h"
#include "Cuda/Staging.h"
#include "Cuda/Stream.h"
#include "tpc/runtime/Device.h"
#include <unordered_map>

namespace tpc::runtime {

class CudaDevice : public Device {
public:
  /// The calling thread's current GPU; see openCudaDevice. Opens the libraries that `options` says
  /// are needed. Throws Error naming the one that is missing or too old.
  CudaDevice(const DeviceOptions &options, const DeviceChoice &choice);
  ~CudaDevice() override;
  const char *name() const override { return "cuda"; }
  bool isHost() const override { return false; }
  /// The stream that all work goes to.
  cudaStream_t stream() const { return compute.get(); }

  /// Throws Error if the GPU refuses the code.
  void load(const tpc_program &program) override;

  std::shared_ptr<char> allocate(uint64_t bytes) override;
  uint64_t touchedBytes(const char *data, uint64_t bytes) const override { return bytes; }
  void useWorkspace(tpc_context &context, char *workspace, uint64_t bytes) override;

  void copyFromHost(char *to, const void *from, uint64_t bytes) override;
  void copyToHost(void *to, const char *from, uint64_t bytes) override;
  std::shared_ptr<char> allocateHost(uint64_t bytes) override;
  void fetch(char *to, const char *from, uint64_t bytes) override;
  void copy(char *to, const char *from, uint64_t bytes) override;
  void fillZero(char *to, uint64_t bytes) override;
  void synchronize() override;
  std::unique_ptr<Mark> mark() override { return marks.make(); }

  /// As a CUDA graph.
  void beginRecording() override;
  std::unique_ptr<Recording> endRecording() override;
  bool isRecording() const override { return recording; }
  void replay(const Recording &recording) override;

  void launch(tpc_context &context, const tpc_device_kernel_desc &kernel,
              char *const *arguments) override;
  void prepareContract(const tpc_contract_desc &desc, const char *a, const char *b,
                       const char *addend, char *c) override;
  void contract(tpc_context &context, const tpc_contract_desc &desc, const char *a, const char *b,
                const char *addend, char *c) override;
  void attention(tpc_context &context, const tpc_attention_desc &desc, const char *q, const char *k,
                 const char *v, char *out, char *logSumExp, char *workspace) override;
  void attentionGrad(tpc_context &context, const tpc_attention_desc &desc, const char *q,
                     const char *k, const char *v, const char *out, const char *logSumExp,
                     const char *dOut, char *dQ, char *dK, char *dV, char *workspace) override;
  void embedding(tpc_context &context, tpc_dtype dtype, int64_t tokens, int64_t rows, int64_t width,
                 int64_t first, const char *ids, const char *table, char *out) override;
  void embeddingGrad(tpc_context &context, tpc_dtype dtype, tpc_dtype tableDtype, int64_t tokens,
                     int64_t rows, int64_t width, int64_t first, const char *ids, const char *dOut,
                     const char *addend, char *dTable) override;
  /// Draws on the host, so that a model starts with the same bits as on a processor.
  void initTensor(tpc_context &context, const tpc_init_desc &desc, const char *seed,
                  const char *scheme, const int64_t *offsets, char *out) override;
  void dropout(tpc_context &context, const tpc_dropout_desc &desc, const char *seed,
               const int64_t *offsets, const char *in, char *out) override;

  std::string describe() const override;
  /// A copy of one half to the other.
  uint64_t sweep(tpc_context &context, char *memory, uint64_t bytes) override;
  void giveLittle(tpc_context &context, char *memory) override;

private:
  cudaKernel_t kernel(const tpc_device_kernel_desc &desc);

  const DeviceOptions options;
  const DeviceChoice choice;
  Stream compute{Priority::Low};
  DeviceMarks marks{compute.get()};
  Staging staging;
  Products products;
  GpuAttention attentions;
  cudaLibrary_t code = nullptr;
  std::unordered_map<std::string, cudaKernel_t> kernels;
  std::vector<void *> addresses; ///< of the arguments of a launch
  char *workspace = nullptr;
  uint64_t workspaceBytes = 0;
  bool recording = false;
};

/// 90 of "sm_90".
int architectureOf(const DeviceOptions &options);

/// The GPU of `options.place`. Throws Error, in this order, if there is no GPU or no driver, if the
/// driver is too old, if there are more ranks than GPUs, if the program is for another
/// architecture, if what the ranks need does not fit into the memory that is left, if a library
/// that the program needs is missing or too old.
std::unique_ptr<Device> openCudaDevice(const DeviceOptions &options);

} // namespace tpc::runtime

#endif
