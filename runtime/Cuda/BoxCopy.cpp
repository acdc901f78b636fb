#include "Cuda/BoxCopy.h"
#include "Cuda/CudaError.h"

namespace tpc::runtime {

namespace {
/// What the driver takes as the distance of rows (cudaDeviceProp::memPitch).
constexpr size_t kLargestPitch = (size_t(1) << 31) - 1;
} // namespace

void copyBytes(char *target, const char *source, size_t bytes, cudaStream_t stream) {
  if (target != source)
    checkCuda(cudaMemcpyAsync(target, source, bytes, cudaMemcpyDeviceToDevice, stream),
              "cudaMemcpyAsync");
}

void copyBox(const std::vector<int64_t> &sizes, size_t elementBytes, const char *source,
             const BoxPlace &from, char *target, const BoxPlace &to, cudaStream_t stream) {
  forEachPlane(sizes, from, to, [&](const RunPlane &plane) {
    size_t width = plane.count * elementBytes, sourcePitch = plane.sourcePitch * elementBytes,
           targetPitch = plane.targetPitch * elementBytes;
    const char *first = source + plane.source * elementBytes;
    char *place = target + plane.target * elementBytes;
    if (first == place && (plane.rows == 1 || sourcePitch == targetPitch))
      return;
    if (plane.rows > 1 && sourcePitch <= kLargestPitch && targetPitch <= kLargestPitch) {
      checkCuda(cudaMemcpy2DAsync(place, targetPitch, first, sourcePitch, width, plane.rows,
                                  cudaMemcpyDeviceToDevice, stream),
                "cudaMemcpy2DAsync");
      return;
    }
    for (int64_t row = 0; row < plane.rows; ++row)
      copyBytes(place + row * targetPitch, first + row * sourcePitch, width, stream);
  });
}

} // namespace tpc::runtime
