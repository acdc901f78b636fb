//===- ContractDescriptor.cpp --------------------------------------------------===//

#include "tpc/Codegen/ContractDescriptor.h"

using namespace mlir;
using namespace tpc;

namespace {
struct Dim {
  int64_t size, stride;
};

/// The dimensions of one row-major tensor by letter.
class Letters {
public:
  Letters(StringRef letters, Value value) {
    int64_t stride = 1;
    ArrayRef<int64_t> shape = cast<RankedTensorType>(value.getType()).getShape();
    for (size_t i = letters.size(); i-- > 0; stride *= shape[i])
      dims[letters[i]] = {shape[i], stride};
  }
  bool has(char letter) const { return dims.count(letter); }
  Dim get(char letter) const { return dims.lookup(letter); }

  /// The stride of `group` as one dimension in the order given, 0 if it is empty, std::nullopt if
  /// it has several.
  std::optional<int64_t> getStride(StringRef group) const {
    if (group.empty())
      return 0;
    for (size_t i = 0; i + 1 < group.size(); ++i)
      if (get(group[i]).stride != get(group[i + 1]).stride * get(group[i + 1]).size)
        return std::nullopt;
    return get(group.back()).stride;
  }

private:
  llvm::DenseMap<char, Dim> dims;
};

struct Groups {
  std::string batch, m, n, k;
};

class Describer {
public:
  explicit Describer(const Contraction &of)
      : of(of), a(of.lhsDims, of.lhs), b(of.rhsDims, of.rhs), c(of.resultDims, of.result) {}
  FailureOr<ContractDescriptor> run();

private:
  Groups classify();
  int64_t getSize(StringRef group) const;
  std::optional<ContractDescriptor> describe(const Groups &groups) const;
  std::optional<ContractDescriptor> describeWithBatch(const Groups &groups) const;

  Contraction of;
  Letters a, b, c;
};
} // namespace

/// Letters of size 1 have no stride that matters and are left out.
Groups Describer::classify() {
  Groups groups;
  for (char letter : of.resultDims) {
    if (c.get(letter).size == 1)
      continue;
    if (a.has(letter))
      (b.has(letter) ? groups.batch : groups.m) += letter;
    else
      groups.n += letter;
  }
  for (char letter : of.lhsDims)
    if (!c.has(letter) && a.get(letter).size != 1)
      groups.k += letter;
  return groups;
}

int64_t Describer::getSize(StringRef group) const {
  int64_t size = 1;
  for (char letter : group)
    size *= (a.has(letter) ? a : b).get(letter).size;
  return size;
}

/// A matrix of one row or column has any stride there; the runtime wants one of the two to be 1.
static bool completeStrides(int64_t &rows, int64_t rowCount, int64_t &columns,
                            int64_t columnCount) {
  if (rowCount == 1)
    rows = columns == 1 || columnCount == 1 ? columnCount : 1;
  if (columnCount == 1)
    columns = rows == 1 && rowCount != 1 ? rowCount : 1;
  return rows == 1 || columns == 1;
}

std::optional<ContractDescriptor> Describer::describe(const Groups &groups) const {
  auto aBatch = a.getStride(groups.batch), bBatch = b.getStride(groups.batch),
       cBatch = c.getStride(groups.batch);
  auto aM = a.getStride(groups.m), cM = c.getStride(groups.m);
  auto bN = b.getStride(groups.n), cN = c.getStride(groups.n);
  auto aK = a.getStride(groups.k), bK = b.getStride(groups.k);
  if (!aBatch || !bBatch || !cBatch || !aM || !cM || !bN || !cN || !aK || !bK)
    return std::nullopt;
  ContractDescriptor result{getSize(groups.batch),
                            getSize(groups.m),
                            getSize(groups.n),
                            getSize(groups.k),
                            *aBatch,
                            *aM,
                            *aK,
                            *bBatch,
                            *bK,
                            *bN,
                            *cBatch,
                            *cM,
                            *cN};
  if (!completeStrides(result.aM, result.m, result.aK, result.k) ||
      !completeStrides(result.bK, result.k, result.bN, result.n) ||
      !completeStrides(result.cM, result.m, result.cN, result.n))
    return std::nullopt;
  return result;
}

/// One letter of m or n as the batch: the other operand is the same for all of it, which stride 0
/// says.
std::optional<ContractDescriptor> Describer::describeWithBatch(const Groups &groups) const {
  if (!groups.batch.empty())
    return std::nullopt;
  std::optional<ContractDescriptor> best;
  for (std::string Groups::*member : {&Groups::m, &Groups::n})
    for (size_t i = 0; i < (groups.*member).size(); ++i) {
      Groups rest = groups;
      char letter = (groups.*member)[i];
      (rest.*member).erase(i, 1);
      std::optional<ContractDescriptor> result = describe(rest);
      int64_t size = c.get(letter).size;
      if (!result || (best && best->batch <= size))
        continue;
      result->batch = size;
      result->cBatch = c.get(letter).stride;
      (member == &Groups::m ? result->aBatch : result->bBatch) =
          (member == &Groups::m ? a : b).get(letter).stride;
      best = result;
    }
  return best;
}

FailureOr<ContractDescriptor> Describer::run() {
  Groups groups = classify();
  std::optional<ContractDescriptor> result = describe(groups);
  if (!result)
    result = describeWithBatch(groups);
  if (!result) {
    InFlightDiagnostic diagnostic =
        of.op->emitOpError("is not a batch of matrix products without a transpose: the "
                           "letters of a group (batch '")
        << groups.batch << "', rows '" << groups.m << "', columns '" << groups.n << "', summed '"
        << groups.k << "') need the same order in all tensors, and every matrix a unit stride";
    return diagnostic;
  }
  return *result;
}

FailureOr<ContractDescriptor> tpc::describeContract(const Contraction &contraction) {
  return Describer(contraction).run();
}
