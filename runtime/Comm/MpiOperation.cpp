#include "MpiOperation.h"
#include "DirectCommunicator.h"
#include "Reduce.h"
#include <algorithm>
#include <cstring>

namespace tpc::runtime {

MpiOperation::MpiOperation(const Collective &collective, int rank, uint32_t tag,
                           char *const *inputs, char *const *outputs, MpiTransport &transport)
    : collective(collective), group(collective.groupOf(rank)), tag(tag),
      inputs(inputs, inputs + collective.operands.size()),
      outputs(outputs, outputs + collective.operands.size()), transport(transport),
      groupSize(static_cast<int64_t>(group.size())),
      position(std::find(group.begin(), group.end(), rank) - group.begin()),
      bytesPerElement(static_cast<int64_t>(elementBytes(collective.dtype))),
      whole(reducesWhole(collective)) {}

void MpiOperation::start() {
  received.resize(inputs.size() * groupSize);
  for (size_t i = 0; i < inputs.size(); ++i)
    for (int64_t peer = 0; peer < groupSize; ++peer)
      exchange(i, peer);
}

void MpiOperation::finish(const std::string &description) {
  transport.waitAll(transfers, description);
  transfers.clear();
  for (size_t i = 0; i < inputs.size(); ++i)
    combine(i);
  transport.waitAll(transfers, description); // the second exchange, if there is one
}

std::pair<int64_t, int64_t> MpiOperation::sliceOf(size_t i, int64_t peer) const {
  int64_t elements = operand(i).inputElements(), slice = (elements + groupSize - 1) / groupSize;
  int64_t begin = std::min(elements, slice * peer);
  return {begin, std::min(elements, begin + slice)};
}

bool MpiOperation::permutes(int64_t from, int64_t to) const {
  return std::find(collective.pairs.begin(), collective.pairs.end(),
                   std::pair<int, int>(from, to)) != collective.pairs.end();
}

int64_t MpiOperation::bytesBetween(size_t i, int64_t from, int64_t to) const {
  switch (collective.op) {
  case CollectiveOp::AllReduce:
    return whole ? inputBytes(i) : (sliceOf(i, to).second - sliceOf(i, to).first) * bytesPerElement;
  case CollectiveOp::AllGather:
    return inputBytes(i);
  case CollectiveOp::ReduceScatter:
  case CollectiveOp::AllToAll:
    return inputBytes(i) / groupSize;
  case CollectiveOp::Permute:
    return permutes(from, to) ? inputBytes(i) : 0;
  }
  return 0;
}

MpiOperation::Buffer MpiOperation::pack(size_t i, int64_t peer, int64_t dim) const {
  std::vector<int64_t> box = operand(i).inputShape;
  box[dim] /= groupSize;
  Buffer buffer(new char[inputBytes(i) / groupSize]);
  copyBox(box, inputs[i], BoxPlace(operand(i).inputShape, dim, box[dim] * peer), buffer.get(),
          BoxPlace(box));
  return buffer;
}

const char *MpiOperation::outgoing(size_t i, int64_t peer) {
  bool scatters = collective.op == CollectiveOp::ReduceScatter;
  if (scatters || collective.op == CollectiveOp::AllToAll) {
    packed.push_back(pack(i, peer, scatters ? collective.dim : collective.splitDim));
    return packed.back().get();
  }
  bool slices = collective.op == CollectiveOp::AllReduce && !whole;
  return inputs[i] + (slices ? sliceOf(i, peer).first * bytesPerElement : 0);
}

void MpiOperation::exchange(size_t i, int64_t peer) {
  int64_t out = bytesBetween(i, position, peer), in = bytesBetween(i, peer, position);
  Buffer &answer = received[i * groupSize + peer];
  if (in)
    answer.reset(new char[in]);
  if (peer == position) {
    if (in)
      std::memcpy(answer.get(), outgoing(i, peer), in);
    return;
  }
  if (in)
    transport.receive(answer.get(), in, group[peer], tag, transfers);
  if (out)
    transport.send(outgoing(i, peer), out, group[peer], tag, transfers);
}

void MpiOperation::combine(size_t i) {
  switch (collective.op) {
  case CollectiveOp::AllReduce:
    return whole ? reduceReceived(i, operand(i).inputElements(), outputs[i]) : combineSlices(i);
  case CollectiveOp::ReduceScatter:
    return reduceReceived(i, operand(i).outputElements(), outputs[i]);
  case CollectiveOp::AllGather:
    return unpack(i, operand(i).inputShape, collective.dim);
  case CollectiveOp::AllToAll: {
    std::vector<int64_t> box = operand(i).inputShape;
    box[collective.splitDim] /= groupSize;
    return unpack(i, box, collective.concatDim);
  }
  case CollectiveOp::Permute:
    return combinePermuted(i);
  }
}

void MpiOperation::reduceReceived(size_t i, int64_t elements, char *target) {
  std::vector<const char *> sources;
  for (int64_t peer = 0; peer < groupSize; ++peer)
    sources.push_back(received[i * groupSize + peer].get());
  if (elements > 0)
    reduceInto(collective.dtype, collective.reduction, sources, {target}, elements,
               /*streaming=*/false);
}

void MpiOperation::combineSlices(size_t i) {
  auto place = [&](int64_t peer) { return outputs[i] + sliceOf(i, peer).first * bytesPerElement; };
  auto bytes = [&](int64_t peer) { return bytesBetween(i, position, peer); };
  reduceReceived(i, bytes(position) / bytesPerElement, place(position));
  for (int64_t peer = 0; peer < groupSize; ++peer)
    if (peer != position) {
      transport.receive(place(peer), bytes(peer), group[peer], tag + 1, transfers);
      transport.send(place(position), bytes(position), group[peer], tag + 1, transfers);
    }
}

void MpiOperation::combinePermuted(size_t i) {
  for (int64_t peer = 0; peer < groupSize; ++peer)
    if (permutes(peer, position)) {
      std::memcpy(outputs[i], received[i * groupSize + peer].get(), inputBytes(i));
      return;
    }
  std::memset(outputs[i], 0, inputBytes(i));
}

void MpiOperation::unpack(size_t i, const std::vector<int64_t> &box, int64_t dim) {
  for (int64_t peer = 0; peer < groupSize; ++peer)
    copyBox(box, received[i * groupSize + peer].get(), BoxPlace(box), outputs[i],
            BoxPlace(operand(i).outputShape, dim, box[dim] * peer));
}

void MpiOperation::copyBox(const std::vector<int64_t> &box, const char *source,
                           const BoxPlace &from, char *target, const BoxPlace &to) const {
  forEachRun(box, from, to, [&](int64_t sourceElement, int64_t targetElement, int64_t count) {
    std::memcpy(target + targetElement * bytesPerElement, source + sourceElement * bytesPerElement,
                count * bytesPerElement);
  });
}

} // namespace tpc::runtime
