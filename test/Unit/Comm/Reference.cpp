#include "Reference.h"
#include <algorithm>
#include <cstring>

namespace tpc::runtime::test {

namespace {
template <typename T>
std::vector<char> encodeAs(const Values &values) {
  std::vector<char> bytes(values.size() * sizeof(T));
  for (size_t i = 0; i < values.size(); ++i) {
    auto value = static_cast<T>(values[i]);
    std::memcpy(bytes.data() + i * sizeof(T), &value, sizeof(T));
  }
  return bytes;
}

template <typename T>
Values decodeAs(const char *bytes, size_t count) {
  Values values(count);
  for (size_t i = 0; i < count; ++i) {
    T value;
    std::memcpy(&value, bytes + i * sizeof(T), sizeof(T));
    values[i] = static_cast<double>(value);
  }
  return values;
}

std::vector<int64_t> indexOf(size_t element, const std::vector<int64_t> &shape) {
  std::vector<int64_t> index(shape.size());
  for (size_t dim = shape.size(); dim-- > 0;) {
    index[dim] = static_cast<int64_t>(element) % shape[dim];
    element /= shape[dim];
  }
  return index;
}

size_t elementOf(const std::vector<int64_t> &index, const std::vector<int64_t> &shape) {
  size_t element = 0;
  for (size_t dim = 0; dim < shape.size(); ++dim)
    element = element * shape[dim] + index[dim];
  return element;
}

double reduce(Reduction reduction, double a, double b) {
  if (reduction == Reduction::Sum)
    return a + b;
  return reduction == Reduction::Max ? std::max(a, b) : std::min(a, b);
}

double reduceGroup(const Collective &collective, const std::vector<int> &group, size_t operand,
                   size_t element) {
  double result = inputValue(collective, group[0], operand, element);
  for (size_t i = 1; i < group.size(); ++i)
    result =
        reduce(collective.reduction, result, inputValue(collective, group[i], operand, element));
  return result;
}

/// One element of the output at `index`.
double outputValue(const Collective &collective, int rank, size_t operand,
                   std::vector<int64_t> index) {
  const std::vector<int> &group = collective.groupOf(rank);
  auto position = std::find(group.begin(), group.end(), rank) - group.begin();
  const std::vector<int64_t> &inputShape = collective.operands[operand].inputShape;
  const std::vector<int64_t> &outputShape = collective.operands[operand].outputShape;
  switch (collective.op) {
  case CollectiveOp::AllReduce:
    return reduceGroup(collective, group, operand, elementOf(index, inputShape));
  case CollectiveOp::AllGather: {
    int64_t peer = index[collective.dim] / inputShape[collective.dim];
    index[collective.dim] %= inputShape[collective.dim];
    return inputValue(collective, group[peer], operand, elementOf(index, inputShape));
  }
  case CollectiveOp::ReduceScatter:
    index[collective.dim] += position * outputShape[collective.dim];
    return reduceGroup(collective, group, operand, elementOf(index, inputShape));
  case CollectiveOp::AllToAll: {
    auto size = static_cast<int64_t>(group.size());
    int64_t part = outputShape[collective.concatDim] / size;
    int64_t peer = index[collective.concatDim] / part;
    index[collective.concatDim] %= part;
    index[collective.splitDim] += position * (inputShape[collective.splitDim] / size);
    return inputValue(collective, group[peer], operand, elementOf(index, inputShape));
  }
  case CollectiveOp::Permute:
    for (auto [source, destination] : collective.pairs)
      if (destination == position)
        return inputValue(collective, group[source], operand, elementOf(index, inputShape));
    return 0;
  }
  return 0;
}

std::vector<std::vector<std::vector<int>>> groupings(int world) {
  if (world == 4)
    return {
        {{0, 1, 2, 3}}, {{0, 1}, {2, 3}}, {{0, 2}, {1, 3}}, {{3, 1}, {2, 0}}, {{0}, {1}, {2}, {3}}};
  std::vector<int> all(world);
  for (int rank = 0; rank < world; ++rank)
    all[rank] = rank;
  return {{all}};
}

void setOutputs(Collective &collective) {
  auto size = static_cast<int64_t>(collective.groups[0].size());
  for (CollectiveOperand &operand : collective.operands) {
    operand.outputShape = operand.inputShape;
    if (collective.op == CollectiveOp::AllGather)
      operand.outputShape[collective.dim] *= size;
    if (collective.op == CollectiveOp::ReduceScatter)
      operand.outputShape[collective.dim] /= size;
    if (collective.op == CollectiveOp::AllToAll) {
      operand.outputShape[collective.splitDim] /= size;
      operand.outputShape[collective.concatDim] *= size;
    }
  }
}

/// Adds `collective` with every choice of dims, with one small operand, and with three of which one
/// is large.
void addDims(std::vector<Collective> &cases, Collective collective) {
  auto add = [&](std::vector<std::vector<int64_t>> shapes) {
    collective.operands.clear();
    for (std::vector<int64_t> &shape : shapes)
      collective.operands.push_back({shape, {}});
    setOutputs(collective);
    collective.index = static_cast<int64_t>(cases.size());
    cases.push_back(collective);
  };
  int64_t dims =
      collective.op == CollectiveOp::AllReduce || collective.op == CollectiveOp::Permute ? 1 : 3;
  for (int64_t dim = 0; dim < dims; ++dim)
    for (int64_t other = 0; other < (collective.op == CollectiveOp::AllToAll ? 3 : 1); ++other) {
      collective.dim = collective.splitDim = dim;
      collective.concatDim = other;
      add({{12, 24, 12}});
      add({{12, 12, 12}, {12, 12, 24}, {12, 24, 24}});
    }
}
} // namespace

std::vector<char> encode(tpc_dtype dtype, const Values &values) {
  switch (dtype) {
  case TPC_F32:
    return encodeAs<float>(values);
  case TPC_F64:
    return encodeAs<double>(values);
  case TPC_I32:
    return encodeAs<int32_t>(values);
  case TPC_I64:
    return encodeAs<int64_t>(values);
  case TPC_I1:
    return encodeAs<int8_t>(values);
  case TPC_BF16:
    break;
  }
  std::vector<char> wide = encodeAs<float>(values), bytes(values.size() * 2);
  for (size_t i = 0; i < values.size(); ++i) // little-endian: the upper half of a float
    std::memcpy(bytes.data() + 2 * i, wide.data() + 4 * i + 2, 2);
  return bytes;
}

Values decode(tpc_dtype dtype, const char *bytes, size_t count) {
  switch (dtype) {
  case TPC_F32:
    return decodeAs<float>(bytes, count);
  case TPC_F64:
    return decodeAs<double>(bytes, count);
  case TPC_I32:
    return decodeAs<int32_t>(bytes, count);
  case TPC_I64:
    return decodeAs<int64_t>(bytes, count);
  case TPC_I1:
    return decodeAs<int8_t>(bytes, count);
  case TPC_BF16:
    break;
  }
  std::vector<char> wide(count * 4, 0);
  for (size_t i = 0; i < count; ++i)
    std::memcpy(wide.data() + 4 * i + 2, bytes + 2 * i, 2);
  return decodeAs<float>(wide.data(), count);
}

double inputValue(const Collective &collective, int rank, size_t operand, size_t element) {
  size_t mixed = element * 7919 + operand * 104729 + rank * 31 + collective.index * 17;
  return static_cast<double>(mixed % 31) - 15;
}

Values inputOf(const Collective &collective, int rank, size_t operand) {
  Values values(collective.operands[operand].inputElements());
  for (size_t i = 0; i < values.size(); ++i)
    values[i] = inputValue(collective, rank, operand, i);
  return values;
}

Values expectedOutput(const Collective &collective, int rank, size_t operand) {
  const CollectiveOperand &shapes = collective.operands[operand];
  Values values(shapes.outputElements());
  for (size_t i = 0; i < values.size(); ++i)
    values[i] = outputValue(collective, rank, operand, indexOf(i, shapes.outputShape));
  return values;
}

std::vector<Collective> allCases(int world) {
  std::vector<Collective> cases;
  for (const std::vector<std::vector<int>> &groups : groupings(world))
    for (CollectiveOp op :
         {CollectiveOp::AllReduce, CollectiveOp::AllGather, CollectiveOp::ReduceScatter,
          CollectiveOp::AllToAll, CollectiveOp::Permute})
      for (tpc_dtype dtype : {TPC_F32, TPC_F64, TPC_BF16, TPC_I32, TPC_I64})
        for (Reduction reduction : {Reduction::Sum, Reduction::Max, Reduction::Min}) {
          bool reduces = op == CollectiveOp::AllReduce || op == CollectiveOp::ReduceScatter;
          if (!reduces && reduction != Reduction::Sum)
            continue;
          Collective collective;
          collective.op = op;
          collective.dtype = dtype;
          collective.reduction = reduction;
          collective.groups = groups;
          collective.axes = "x";
          auto last = static_cast<int>(groups[0].size()) - 1;
          if (op == CollectiveOp::Permute) // the first two change places, the last goes without
            collective.pairs = last > 0 ? std::vector<std::pair<int, int>>{{0, 1}, {1, 0}}
                                        : std::vector<std::pair<int, int>>{{0, 0}};
          addDims(cases, collective);
        }
  return cases;
}

namespace {
size_t alignedBytes(const Collective &collective, int64_t elements) {
  return (elements * elementBytes(collective.dtype) + 63) / 64 * 64;
}
} // namespace

size_t regionBytesFor(const std::vector<Collective> &cases) {
  size_t most = 0;
  for (const Collective &collective : cases) {
    size_t bytes = 0;
    for (const CollectiveOperand &operand : collective.operands)
      bytes += alignedBytes(collective, operand.inputElements()) +
               alignedBytes(collective, operand.outputElements());
    most = std::max(most, bytes);
  }
  return most;
}

std::string checkCollective(Communicator &communicator, const Collective &collective,
                            const std::vector<Values> &expected, Placement placement) {
  std::vector<char> outside(placement == Placement::Outside ? regionBytesFor({collective}) : 0);
  char *next = placement == Placement::Outside ? outside.data() : communicator.region();
  std::vector<char *> inputs, outputs;
  for (size_t i = 0; i < collective.operands.size(); ++i) {
    size_t inputBytes = alignedBytes(collective, collective.operands[i].inputElements());
    size_t outputBytes = alignedBytes(collective, collective.operands[i].outputElements());
    inputs.push_back(next);
    outputs.push_back(placement == Placement::InPlace ? next : next + inputBytes);
    next += placement == Placement::InPlace ? std::max(inputBytes, outputBytes)
                                            : inputBytes + outputBytes;
    std::vector<char> bytes = encode(collective.dtype, inputOf(collective, communicator.rank(), i));
    std::memcpy(inputs.back(), bytes.data(), bytes.size());
  }
  communicator.run(collective, inputs.data(), outputs.data());
  for (size_t i = 0; i < collective.operands.size(); ++i) {
    Values got = decode(collective.dtype, outputs[i], expected[i].size());
    auto wrong = std::mismatch(got.begin(), got.end(), expected[i].begin());
    if (wrong.first != got.end())
      return "rank " + std::to_string(communicator.rank()) + ": " + collective.describe() + " " +
             toString(collective.dtype) + " " + toString(collective.reduction) + " placement " +
             std::to_string(static_cast<int>(placement)) + " operand " + std::to_string(i) +
             " element " + std::to_string(wrong.first - got.begin()) + ": got " +
             std::to_string(*wrong.first) + ", expected " + std::to_string(*wrong.second);
  }
  return "";
}

std::string checkAll(Communicator &communicator, const std::vector<Collective> &cases) {
  for (const Collective &collective : cases) {
    std::vector<Values> expected;
    for (size_t i = 0; i < collective.operands.size(); ++i)
      expected.push_back(expectedOutput(collective, communicator.rank(), i));
    for (Placement placement : {Placement::Region, Placement::Outside, Placement::InPlace}) {
      std::string mistake = checkCollective(communicator, collective, expected, placement);
      if (!mistake.empty()) {
        communicator.abort(mistake);
        return mistake;
      }
    }
  }
  return "";
}

} // namespace tpc::runtime::test
