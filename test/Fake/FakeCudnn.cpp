// A libcudnn.so.9 that is opened and started, and computes nothing: for what may be wrong with it.
//
//   FAKE_CUDNN_VERSION=90700   what cudnnGetVersion says
//   FAKE_CUDNN_FULL=1          no memory on the device for cudnnCreate
#include <cstdlib>
#include <cstring>
#include <cudnn_backend.h>

extern "C" {
size_t cudnnGetVersion() {
  const char *version = std::getenv("FAKE_CUDNN_VERSION");
  return version ? static_cast<size_t>(std::atoll(version)) : 91900;
}
const char *cudnnGetErrorString(cudnnStatus_t code) {
  return code == CUDNN_STATUS_INTERNAL_ERROR_DEVICE_ALLOCATION_FAILED
             ? "CUDNN_STATUS_INTERNAL_ERROR_DEVICE_ALLOCATION_FAILED"
             : "CUDNN_STATUS_NOT_SUPPORTED";
}
void cudnnGetLastErrorString(char *text, size_t) { std::strcpy(text, "said by the fake"); }
cudnnStatus_t cudnnCreate(cudnnHandle_t *handle) {
  *handle = nullptr;
  return std::getenv("FAKE_CUDNN_FULL") ? CUDNN_STATUS_INTERNAL_ERROR_DEVICE_ALLOCATION_FAILED
                                        : CUDNN_STATUS_SUCCESS;
}
cudnnStatus_t cudnnDestroy(cudnnHandle_t) { return CUDNN_STATUS_SUCCESS; }
cudnnStatus_t cudnnSetStream(cudnnHandle_t, cudaStream_t) { return CUDNN_STATUS_SUCCESS; }

cudnnStatus_t cudnnBackendCreateDescriptor(cudnnBackendDescriptorType_t,
                                           cudnnBackendDescriptor_t *) {
  return CUDNN_STATUS_NOT_SUPPORTED;
}
cudnnStatus_t cudnnBackendDestroyDescriptor(cudnnBackendDescriptor_t) {
  return CUDNN_STATUS_NOT_SUPPORTED;
}
cudnnStatus_t cudnnBackendSetAttribute(cudnnBackendDescriptor_t, cudnnBackendAttributeName_t,
                                       cudnnBackendAttributeType_t, int64_t, const void *) {
  return CUDNN_STATUS_NOT_SUPPORTED;
}
cudnnStatus_t cudnnBackendGetAttribute(const cudnnBackendDescriptor_t, cudnnBackendAttributeName_t,
                                       cudnnBackendAttributeType_t, int64_t, int64_t *, void *) {
  return CUDNN_STATUS_NOT_SUPPORTED;
}
cudnnStatus_t cudnnBackendFinalize(cudnnBackendDescriptor_t) { return CUDNN_STATUS_NOT_SUPPORTED; }
cudnnStatus_t cudnnBackendExecute(cudnnHandle_t, cudnnBackendDescriptor_t,
                                  cudnnBackendDescriptor_t) {
  return CUDNN_STATUS_NOT_SUPPORTED;
}
} // extern "C"
