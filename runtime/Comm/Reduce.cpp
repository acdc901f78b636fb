#include "Reduce.h"
#include "StreamingCopy.h"
#include "tpc/runtime/BFloat16.h"
#include "tpc/runtime/Error.h"
#include <algorithm>
#include <cstring>
#include <type_traits>

namespace tpc::runtime {

namespace {
template <typename T>
T widen(T value) {
  return value;
}
float widen(BFloat16 value) { return static_cast<float>(value); }

template <typename T>
void narrow(T value, T &out) {
  out = value;
}
void narrow(float value, BFloat16 &out) { out = BFloat16(value); }

struct Sum {
  template <typename T>
  static T apply(T a, T b) {
    if constexpr (std::is_integral_v<T>) // two's complement wrap-around, defined for unsigned only
      return static_cast<T>(static_cast<std::make_unsigned_t<T>>(a) +
                            static_cast<std::make_unsigned_t<T>>(b));
    else
      return a + b;
  }
};
// `a` wins if it is NaN by the second test, `b` because every comparison with it is false.
struct Max {
  template <typename T>
  static T apply(T a, T b) {
    return a > b || a != a ? a : b;
  }
};
struct Min {
  template <typename T>
  static T apply(T a, T b) {
    return a < b || a != a ? a : b;
  }
};

/// Elements reduced at a time: accumulators and result stay in the first-level cache.
constexpr int64_t kBlock = 1024;

template <typename T>
using Wide = decltype(widen(T()));

/// accumulator = Op(accumulator, next); the first source starts it.
template <typename T, typename Op>
void accumulate(const T *next, bool first, int64_t count, Wide<T> *accumulator) {
  if (first)
    for (int64_t i = 0; i < count; ++i)
      accumulator[i] = widen(next[i]);
  else
    for (int64_t i = 0; i < count; ++i)
      accumulator[i] = Op::apply(accumulator[i], widen(next[i]));
}

template <typename T, typename Op>
void reduceBlock(const std::vector<const char *> &sources, int64_t begin, int64_t count,
                 T *result) {
  auto at = [&](size_t source) { return reinterpret_cast<const T *>(sources[source]) + begin; };
  if (sources.size() == 2) { // the commonest case, without an accumulator
    const T *a = at(0), *b = at(1);
    for (int64_t i = 0; i < count; ++i)
      narrow(Op::apply(widen(a[i]), widen(b[i])), result[i]);
    return;
  }
  Wide<T> accumulator[kBlock];
  for (size_t source = 0; source < sources.size(); ++source)
    accumulate<T, Op>(at(source), source == 0, count, accumulator);
  for (int64_t i = 0; i < count; ++i)
    narrow(accumulator[i], result[i]);
}

template <typename T, typename Op>
void reduceAll(const std::vector<const char *> &sources, const std::vector<char *> &targets,
               int64_t elements, bool streaming) {
  T result[kBlock];
  for (int64_t begin = 0; begin < elements; begin += kBlock) {
    int64_t count = std::min(kBlock, elements - begin);
    reduceBlock<T, Op>(sources, begin, count, result);
    for (char *target : targets)
      copyBytes(target + begin * sizeof(T), reinterpret_cast<const char *>(result),
                count * sizeof(T), streaming);
  }
}

template <typename T>
auto chooseOp(Reduction reduction) {
  switch (reduction) {
  case Reduction::Max:
    return reduceAll<T, Max>;
  case Reduction::Min:
    return reduceAll<T, Min>;
  case Reduction::Sum:
    break;
  }
  return reduceAll<T, Sum>;
}

auto chooseReducer(tpc_dtype dtype, Reduction reduction) {
  switch (dtype) {
  case TPC_F32:
    return chooseOp<float>(reduction);
  case TPC_F64:
    return chooseOp<double>(reduction);
  case TPC_BF16:
    return chooseOp<BFloat16>(reduction);
  case TPC_I32:
    return chooseOp<int32_t>(reduction);
  case TPC_I64:
    return chooseOp<int64_t>(reduction);
  case TPC_I1:
    break;
  }
  throw Error(std::string("elements of type ") + toString(dtype) + " cannot be reduced");
}
} // namespace

void reduceInto(tpc_dtype dtype, Reduction reduction, const std::vector<const char *> &sources,
                const std::vector<char *> &targets, int64_t elements, bool streaming) {
  chooseReducer(dtype, reduction)(sources, targets, elements, streaming);
}

} // namespace tpc::runtime
