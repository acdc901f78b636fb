// A libcuda.so.1 for cuDNN to make plans with, on a machine without a GPU: it takes every compiled
// kernel and finds everything in it. Nothing can be launched.
#include <cuda.h>

namespace {
template <typename Handle>
CUresult give(Handle *handle) {
  static int something;
  return *handle = reinterpret_cast<Handle>(&something), CUDA_SUCCESS;
}
} // namespace

extern "C" {
CUresult cuDriverGetVersion(int *version) { return *version = CUDA_VERSION, CUDA_SUCCESS; }
CUresult cuGetErrorString(CUresult, const char **text) {
  return *text = "an error of the fake", CUDA_SUCCESS;
}
CUresult cuLibraryLoadData(CUlibrary *library, const void *, CUjit_option *, void **, unsigned,
                           CUlibraryOption *, void **, unsigned) {
  return give(library);
}
CUresult cuLibraryUnload(CUlibrary) { return CUDA_SUCCESS; }
CUresult cuLibraryGetKernel(CUkernel *kernel, CUlibrary, const char *) { return give(kernel); }
CUresult cuLibraryGetModule(CUmodule *module, CUlibrary) { return give(module); }
CUresult cuKernelGetFunction(CUfunction *function, CUkernel) { return give(function); }
CUresult cuKernelSetAttribute(CUfunction_attribute, int, CUkernel, CUdevice) {
  return CUDA_SUCCESS;
}
CUresult cuFuncSetAttribute(CUfunction, CUfunction_attribute, int) { return CUDA_SUCCESS; }

/// Everything else that cuDNN looks up: the build gives this function those names.
CUresult tpcFakeDriverRefuses() { return CUDA_ERROR_STUB_LIBRARY; }
} // extern "C"
