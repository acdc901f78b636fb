#include "Cuda/CudnnLibrary.h"
#include "tpc/runtime/Error.h"

namespace tpc::runtime {

CudnnLibrary::CudnnLibrary()
    : library("cuDNN", "version 9.8 or newer of 9",
              "install cudnn9-cuda-13 or the wheel nvidia-cudnn-cu13", "TPC_CUDNN_LIBRARY",
              {"libcudnn.so.9"}) {
  library.load(getVersion, "cudnnGetVersion");
  if (getVersion() < oldest)
    library.reject("it has version " + std::to_string(getVersion()));
  library.load(getErrorString, "cudnnGetErrorString");
  library.load(getLastErrorString, "cudnnGetLastErrorString");
  library.load(create, "cudnnCreate");
  library.load(destroy, "cudnnDestroy");
  library.load(setStream, "cudnnSetStream");
  library.load(createDescriptor, "cudnnBackendCreateDescriptor");
  library.load(destroyDescriptor, "cudnnBackendDestroyDescriptor");
  library.load(setAttribute, "cudnnBackendSetAttribute");
  library.load(getAttribute, "cudnnBackendGetAttribute");
  library.load(finalize, "cudnnBackendFinalize");
  library.load(execute, "cudnnBackendExecute");
}

std::string CudnnLibrary::textOf(cudnnStatus_t code) const {
  char last[512] = "";
  getLastErrorString(last, sizeof(last));
  return std::string(getErrorString(code)) + (*last ? " (" + std::string(last) + ")" : "");
}

void CudnnLibrary::check(cudnnStatus_t code, const char *call) const {
  if (code == CUDNN_STATUS_SUCCESS)
    return;
  bool full = code == CUDNN_STATUS_INTERNAL_ERROR_DEVICE_ALLOCATION_FAILED;
  throw Error(hostName() + ": " + call + " failed: " + textOf(code) +
              (full ? ": cuDNN finds no memory beside the program's; use a smaller --batch" : ""));
}

} // namespace tpc::runtime
