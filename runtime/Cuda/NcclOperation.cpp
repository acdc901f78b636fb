#include "Cuda/NcclOperation.h"
#include "Cuda/BoxCopy.h"
#include "Cuda/CudaError.h"
#include "tpc/runtime/Error.h"
#include <algorithm>

namespace tpc::runtime {

namespace {
ncclDataType_t dataType(tpc_dtype dtype) {
  constexpr ncclDataType_t kTypes[] = {ncclFloat32, ncclFloat64, ncclBfloat16,
                                       ncclInt32,   ncclInt64,   ncclUint8};
  return kTypes[dtype];
}

ncclRedOp_t reductionOf(Reduction reduction) {
  constexpr ncclRedOp_t kReductions[] = {ncclSum, ncclMax, ncclMin};
  return kReductions[static_cast<int>(reduction)];
}

int64_t positionOf(int rank, const std::vector<int> &group) {
  return std::find(group.begin(), group.end(), rank) - group.begin();
}

/// Whether a slice along `dim` is one block of memory.
bool isOutermost(const std::vector<int64_t> &shape, int64_t dim) {
  return std::all_of(shape.begin(), shape.begin() + dim, [](int64_t size) { return size == 1; });
}

/// So that blocks in scratch memory begin as buffers of the arena do.
size_t aligned(size_t bytes) { return (bytes + 255) / 256 * 256; }
} // namespace

NcclOperation::NcclOperation(const Collective &collective, int rank, char *const *inputs,
                             char *const *outputs)
    : collective(collective), groupSize(static_cast<int64_t>(collective.groupOf(rank).size())),
      position(positionOf(rank, collective.groupOf(rank))),
      elementSize(elementBytes(collective.dtype)) {
  for (size_t i = 0; i < collective.operands.size(); ++i) {
    Operand operand = plan(i, inputs[i], outputs[i]);
    operand.packed = scratchSize;
    scratchSize += operand.packs ? aligned(inputBytes(i)) : 0;
    operand.unpacked = scratchSize;
    scratchSize += operand.unpacks ? aligned(outputBytes(i)) : 0;
    operands.push_back(operand);
  }
}

size_t NcclOperation::scratchBytes(const Collective &collective, int rank) {
  std::vector<char *> inputs, outputs; // addresses that lie apart, for nobody to read
  uintptr_t next = 0;
  for (const CollectiveOperand &operand : collective.operands) {
    inputs.push_back(reinterpret_cast<char *>(next));
    next += operand.inputElements() * elementBytes(collective.dtype);
    outputs.push_back(reinterpret_cast<char *>(next));
    next += operand.outputElements() * elementBytes(collective.dtype);
  }
  return NcclOperation(collective, rank, inputs.data(), outputs.data()).scratchBytes();
}

int64_t NcclOperation::splitDim() const {
  return collective.op == CollectiveOp::AllToAll ? collective.splitDim : collective.dim;
}

int64_t NcclOperation::joinDim() const {
  return collective.op == CollectiveOp::AllToAll ? collective.concatDim : collective.dim;
}

NcclOperation::Operand NcclOperation::plan(size_t i, const char *input, char *output) const {
  Operand operand{input, output};
  if (groupSize == 1)
    return operand;
  bool overlap = input < output + outputBytes(i) && output < input + inputBytes(i);
  const CollectiveOperand &shape = shapes(i);
  switch (collective.op) {
  case CollectiveOp::AllReduce:
    break; // in place or disjoint
  case CollectiveOp::AllGather:
    operand.unpacks = !isOutermost(shape.outputShape, joinDim()) ||
                      (overlap && input != output + position * inputBytes(i));
    break;
  case CollectiveOp::ReduceScatter:
    operand.packs = !isOutermost(shape.inputShape, splitDim()) ||
                    (overlap && output != input + position * outputBytes(i));
    break;
  case CollectiveOp::AllToAll:
    operand.packs = overlap || !isOutermost(shape.inputShape, splitDim());
    operand.unpacks = !isOutermost(shape.outputShape, joinDim());
    break;
  case CollectiveOp::Permute:
    operand.packs = overlap;
    break;
  }
  return operand;
}

std::vector<int64_t> NcclOperation::partOf(size_t i) const {
  std::vector<int64_t> part = shapes(i).inputShape;
  if (collective.op == CollectiveOp::ReduceScatter || collective.op == CollectiveOp::AllToAll)
    part[splitDim()] /= groupSize;
  return part;
}

void NcclOperation::pack(size_t i, char *scratch, cudaStream_t stream) const {
  const Operand &operand = operands[i];
  if (!operand.packs)
    return;
  char *target = scratch + operand.packed;
  if (collective.op == CollectiveOp::Permute)
    return copyBytes(target, operand.input, inputBytes(i), stream);
  std::vector<int64_t> part = partOf(i);
  for (int64_t peer = 0; peer < groupSize; ++peer)
    copyBox(part, elementSize, operand.input,
            BoxPlace(shapes(i).inputShape, splitDim(), part[splitDim()] * peer),
            target + inputBytes(i) / groupSize * peer, BoxPlace(part), stream);
}

void NcclOperation::unpack(size_t i, const char *scratch, cudaStream_t stream) const {
  const Operand &operand = operands[i];
  if (!operand.unpacks)
    return;
  std::vector<int64_t> part = partOf(i);
  for (int64_t peer = 0; peer < groupSize; ++peer)
    copyBox(part, elementSize, scratch + operand.unpacked + outputBytes(i) / groupSize * peer,
            BoxPlace(part), operand.output,
            BoxPlace(shapes(i).outputShape, joinDim(), part[joinDim()] * peer), stream);
}

void NcclOperation::call(const NcclLibrary &library, size_t i, ncclComm_t communicator,
                         cudaStream_t stream, char *scratch, const std::string &who) const {
  const Operand &operand = operands[i];
  const char *input = operand.packs ? scratch + operand.packed : operand.input;
  char *output = operand.unpacks ? scratch + operand.unpacked : operand.output;
  ncclDataType_t type = dataType(collective.dtype);
  ncclRedOp_t reduction = reductionOf(collective.reduction);
  size_t inputCount = shapes(i).inputElements(), part = inputCount / groupSize;
  auto check = [&](ncclResult_t code, const char *name) {
    library.check(code, who, name, communicator);
  };
  switch (collective.op) {
  case CollectiveOp::AllReduce:
    return check(
        library.allReduce(input, output, inputCount, type, reduction, communicator, stream),
        "ncclAllReduce");
  case CollectiveOp::AllGather:
    return check(library.allGather(input, output, inputCount, type, communicator, stream),
                 "ncclAllGather");
  case CollectiveOp::ReduceScatter:
    return check(library.reduceScatter(input, output, part, type, reduction, communicator, stream),
                 "ncclReduceScatter");
  case CollectiveOp::AllToAll:
    for (int peer = 0; peer < groupSize; ++peer) {
      size_t offset = part * elementSize * peer;
      check(library.send(input + offset, part, type, peer, communicator, stream), "ncclSend");
      check(library.receive(output + offset, part, type, peer, communicator, stream), "ncclRecv");
    }
    return;
  case CollectiveOp::Permute:
    for (auto [source, destination] : collective.pairs) {
      if (source == position)
        check(library.send(input, inputCount, type, destination, communicator, stream), "ncclSend");
      if (destination == position)
        check(library.receive(output, inputCount, type, source, communicator, stream), "ncclRecv");
    }
  }
}

bool NcclOperation::receives() const {
  return collective.op != CollectiveOp::Permute ||
         std::any_of(collective.pairs.begin(), collective.pairs.end(),
                     [&](auto pair) { return pair.second == position; });
}

void NcclOperation::giveAlone(cudaStream_t stream) const {
  for (size_t i = 0; i < operands.size(); ++i)
    if (receives())
      copyBytes(operands[i].output, operands[i].input, inputBytes(i), stream);
}

void NcclOperation::give(const NcclLibrary *library, ncclComm_t communicator, cudaStream_t stream,
                         char *scratch, const std::string &who) const {
  for (size_t i = 0; i < operands.size(); ++i)
    pack(i, scratch, stream);
  if (groupSize == 1) {
    giveAlone(stream);
  } else {
    library->check(library->groupStart(), who, "ncclGroupStart");
    for (size_t i = 0; i < operands.size(); ++i)
      call(*library, i, communicator, stream, scratch, who);
    library->check(library->groupEnd(), who, "ncclGroupEnd", communicator);
  }
  for (size_t i = 0; i < operands.size(); ++i) {
    unpack(i, scratch, stream);
    if (!receives())
      checkCuda(cudaMemsetAsync(operands[i].output, 0, outputBytes(i), stream), "cudaMemsetAsync");
  }
}

} // namespace tpc::runtime
