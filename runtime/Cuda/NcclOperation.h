// One collective as calls of NCCL.
#ifndef TPC_RUNTIME_CUDA_NCCLOPERATION_H
#define TPC_RUNTIME_CUDA_NCCLOPERATION_H

#include "Cuda/NcclLibrary.h"
#include "tpc/runtime/Collective.h"
#include <cuda_runtime_api.h>

namespace tpc::runtime {

/// What one rank gives to a stream for a collective: copies that place the parts of each operand
/// one behind the other, one group of NCCL's calls for all operands, and copies to where the parts
/// belong.
///
/// NCCL gathers, scatters and exchanges whole blocks. So a tensor [2, 6] gathered along dim 1 from
/// two ranks with [2, 3] comes as [2, 2, 3] into scratch memory, and is placed by two strided
/// copies. Where everything before the dimension is 1, and where the buffers do not overlap in a
/// way that NCCL forbids, nothing is copied.
class NcclOperation {
public:
  NcclOperation(const Collective &collective, int rank, char *const *inputs, char *const *outputs);

  /// Scratch bytes that give() needs.
  size_t scratchBytes() const { return scratchSize; }
  /// The same where no output overlaps an input: known before there are any.
  static size_t scratchBytes(const Collective &collective, int rank);
  /// Gives the work to `stream`. `communicator` is that of the rank's group, null in a group of
  /// one; `who` is for messages.
  void give(const NcclLibrary *library, ncclComm_t communicator, cudaStream_t stream, char *scratch,
            const std::string &who) const;

private:
  /// Where the calls of NCCL read and write: in the operand, or in scratch, at `packed` and
  /// `unpacked` bytes.
  struct Operand {
    const char *input;
    char *output;
    bool packs = false, unpacks = false;
    size_t packed = 0, unpacked = 0;
  };

  const CollectiveOperand &shapes(size_t i) const { return collective.operands[i]; }
  size_t inputBytes(size_t i) const { return shapes(i).inputElements() * elementSize; }
  size_t outputBytes(size_t i) const { return shapes(i).outputElements() * elementSize; }
  Operand plan(size_t i, const char *input, char *output) const;
  /// Shape of what one member gives to another.
  std::vector<int64_t> partOf(size_t i) const;
  int64_t splitDim() const;
  int64_t joinDim() const;
  void pack(size_t i, char *scratch, cudaStream_t stream) const;
  void unpack(size_t i, const char *scratch, cudaStream_t stream) const;
  void call(const NcclLibrary &library, size_t i, ncclComm_t communicator, cudaStream_t stream,
            char *scratch, const std::string &who) const;
  void giveAlone(cudaStream_t stream) const;
  bool receives() const;

  const Collective &collective;
  const int64_t groupSize, position;
  const size_t elementSize;
  std::vector<Operand> operands;
  size_t scratchSize = 0;
};

} // namespace tpc::runtime

#endif
