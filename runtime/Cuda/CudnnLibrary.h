// The functions of cuDNN's backend interface, from the library that is there when a program runs.
#ifndef TPC_RUNTIME_CUDA_CUDNNLIBRARY_H
#define TPC_RUNTIME_CUDA_CUDNNLIBRARY_H

#include "Cuda/Library.h"
#include <cudnn_backend.h>

namespace tpc::runtime {

struct CudnnLibrary {
  /// Opens TPC_CUDNN_LIBRARY if that is set, else libcudnn.so.9. Throws Error that names library,
  /// version wanted and remedy if there is none or it is older than `oldest`.
  CudnnLibrary();

  /// Descriptors of devices, and the attention engines that the graphs here are made for.
  static constexpr size_t oldest = 90800;

  /// Throws Error "HOST: CALL failed: TEXT (what cuDNN said last)" unless `code` is success.
  void check(cudnnStatus_t code, const char *call) const;
  std::string textOf(cudnnStatus_t code) const;

  const Library library;
  decltype(&cudnnGetVersion) getVersion;
  decltype(&cudnnGetErrorString) getErrorString;
  decltype(&cudnnGetLastErrorString) getLastErrorString;
  decltype(&cudnnCreate) create;
  decltype(&cudnnDestroy) destroy;
  decltype(&cudnnSetStream) setStream;
  decltype(&cudnnBackendCreateDescriptor) createDescriptor;
  decltype(&cudnnBackendDestroyDescriptor) destroyDescriptor;
  decltype(&cudnnBackendSetAttribute) setAttribute;
  decltype(&cudnnBackendGetAttribute) getAttribute;
  decltype(&cudnnBackendFinalize) finalize;
  decltype(&cudnnBackendExecute) execute;
};

} // namespace tpc::runtime

#endif
