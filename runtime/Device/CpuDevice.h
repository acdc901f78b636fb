// The processor as a device: memory is the host's, and all work is done when a call returns.
#ifndef TPC_RUNTIME_DEVICE_CPUDEVICE_H
#define TPC_RUNTIME_DEVICE_CPUDEVICE_H

#include "tpc/runtime/Device.h"

namespace tpc::runtime {

class ContractCache;

/// What it computes is in Kernels/, a file per function.
class CpuDevice : public Device {
public:
  CpuDevice();
  ~CpuDevice() override;
  const char *name() const override { return "cpu"; }
  bool isHost() const override { return true; }
  void warmUp() override;
  void load(const tpc_program &) override {}

  std::shared_ptr<char> allocate(uint64_t bytes) override;
  uint64_t touchedBytes(const char *data, uint64_t bytes) const override;
  /// Each thread writes its workspace first, so that a machine with several memory nodes places it
  /// near that thread; and no step finds memory missing that the plan has counted.
  void useWorkspace(tpc_context &context, char *workspace, uint64_t bytes) override;

  void copyFromHost(char *to, const void *from, uint64_t bytes) override;
  void copyToHost(void *to, const char *from, uint64_t bytes) override;
  std::shared_ptr<char> allocateHost(uint64_t bytes) override;
  void fetch(char *to, const char *from, uint64_t bytes) override { copyToHost(to, from, bytes); }
  void copy(char *to, const char *from, uint64_t bytes) override;
  void fillZero(char *to, uint64_t bytes) override;
  void synchronize() override {}
  std::unique_ptr<Mark> mark() override;

  void launch(tpc_context &context, const tpc_device_kernel_desc &kernel,
              char *const *arguments) override;
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
  void initTensor(tpc_context &context, const tpc_init_desc &desc, const char *seed,
                  const char *scheme, const int64_t *offsets, char *out) override;
  void dropout(tpc_context &context, const tpc_dropout_desc &desc, const char *seed,
               const int64_t *offsets, const char *in, char *out) override;

  std::string describe() const override;
  uint64_t sweep(tpc_context &context, char *memory, uint64_t bytes) override;
  void giveLittle(tpc_context &context, char *memory) override;

private:
  std::unique_ptr<ContractCache> contracts; ///< prepared oneDNN primitives
};

} // namespace tpc::runtime

#endif
