#include "Cuda/Launch.cuh"
#include "Cuda/ReduceKernel.h"
#include "tpc/runtime/Error.h"
#include <cuda_bf16.h>

namespace tpc::runtime {

namespace {
constexpr int kThreads = 256;

struct Sources {
  const char *at[kMostSources];
  int count;
};

__device__ float widen(__nv_bfloat16 value) { return __bfloat162float(value); }
template <typename T>
__device__ T widen(T value) {
  return value;
}
__device__ void narrow(float value, __nv_bfloat16 &to) { to = __float2bfloat16(value); }
template <typename T>
__device__ void narrow(T value, T &to) {
  to = value;
}

// A NaN wins: as `a` by the second test, as `b` because every comparison with it is false.
template <typename T>
__device__ T combine(Reduction reduction, T a, T b) {
  if (reduction == Reduction::Max)
    return a > b || a != a ? a : b;
  if (reduction == Reduction::Min)
    return a < b || a != a ? a : b;
  return a + b;
}
// Two's complement wrap-around, which signed addition leaves undefined.
template <>
__device__ int32_t combine(Reduction reduction, int32_t a, int32_t b) {
  if (reduction == Reduction::Sum)
    return static_cast<int32_t>(static_cast<uint32_t>(a) + static_cast<uint32_t>(b));
  return (reduction == Reduction::Max) == (a > b) ? a : b;
}
template <>
__device__ int64_t combine(Reduction reduction, int64_t a, int64_t b) {
  if (reduction == Reduction::Sum)
    return static_cast<int64_t>(static_cast<uint64_t>(a) + static_cast<uint64_t>(b));
  return (reduction == Reduction::Max) == (a > b) ? a : b;
}

/// A thread per element.
template <typename T>
__global__ void __launch_bounds__(kThreads)
    reducePlane(Reduction reduction, Sources sources, char *target, RunPlane plane) {
  int64_t index = static_cast<int64_t>(blockIdx.x) * kThreads + threadIdx.x;
  if (index >= plane.rows * plane.count)
    return;
  int64_t row = index / plane.count, column = index % plane.count;
  int64_t from = plane.source + row * plane.sourcePitch + column;
  auto value = widen(reinterpret_cast<const T *>(sources.at[0])[from]);
  for (int source = 1; source < sources.count; ++source)
    value = combine(reduction, value, widen(reinterpret_cast<const T *>(sources.at[source])[from]));
  narrow(value, reinterpret_cast<T *>(target)[plane.target + row * plane.targetPitch + column]);
}

template <typename T>
void give(Reduction reduction, const Sources &sources, char *target, const RunPlane &plane,
          cudaStream_t stream) {
  int64_t blocks = (plane.rows * plane.count + kThreads - 1) / kThreads;
  launch(reducePlane<T>, blocks, kThreads, stream, reduction, sources, target, plane);
}
} // namespace

void giveReduction(tpc_dtype dtype, Reduction reduction, const std::vector<const char *> &given,
                   char *target, const RunPlane &plane, cudaStream_t stream) {
  if (given.size() > kMostSources)
    throw Error("a reduction on one device takes at most " + std::to_string(kMostSources) +
                " ranks, got " + std::to_string(given.size()));
  Sources sources = {};
  sources.count = static_cast<int>(given.size());
  for (size_t i = 0; i < given.size(); ++i)
    sources.at[i] = given[i];
  switch (dtype) {
  case TPC_F32:
    return give<float>(reduction, sources, target, plane, stream);
  case TPC_F64:
    return give<double>(reduction, sources, target, plane, stream);
  case TPC_BF16:
    return give<__nv_bfloat16>(reduction, sources, target, plane, stream);
  case TPC_I32:
    return give<int32_t>(reduction, sources, target, plane, stream);
  case TPC_I64:
    return give<int64_t>(reduction, sources, target, plane, stream);
  case TPC_I1:
    break;
  }
  throw Error(std::string("elements of type ") + toString(dtype) + " cannot be reduced");
}

} // namespace tpc::runtime
