// The functions of cuBLASLt that the runtime needs, from the library that is there when it runs.
#ifndef TPC_RUNTIME_CUDA_CUBLASLTLIBRARY_H
#define TPC_RUNTIME_CUDA_CUBLASLTLIBRARY_H

#include "Cuda/Library.h"
#include <cublasLt.h>

namespace tpc::runtime {

struct CublasLtLibrary {
  /// Opens TPC_CUBLASLT_LIBRARY if that is set, else libcublasLt.so.13 or .12. Throws Error that
  /// names library, version wanted and remedy.
  CublasLtLibrary();
  ~CublasLtLibrary();

  /// Throws Error "HOST: WHAT: TEXT of cuBLASLt" unless `code` is success.
  void check(cublasStatus_t code, const std::string &what) const;

  const Library library;
  size_t version = 0;
  cublasLtHandle_t handle = nullptr;
  decltype(&cublasLtCreate) create;
  decltype(&cublasLtDestroy) destroy;
  decltype(&cublasLtGetVersion) getVersion;
  decltype(&cublasLtGetStatusString) getStatusString;
  decltype(&cublasLtMatmulDescCreate) createDesc;
  decltype(&cublasLtMatmulDescDestroy) destroyDesc;
  decltype(&cublasLtMatmulDescSetAttribute) setDesc;
  decltype(&cublasLtMatrixLayoutCreate) createLayout;
  decltype(&cublasLtMatrixLayoutDestroy) destroyLayout;
  decltype(&cublasLtMatrixLayoutSetAttribute) setLayout;
  decltype(&cublasLtMatmulPreferenceCreate) createPreference;
  decltype(&cublasLtMatmulPreferenceDestroy) destroyPreference;
  decltype(&cublasLtMatmulPreferenceSetAttribute) setPreference;
  decltype(&cublasLtMatmulAlgoGetHeuristic) getHeuristic;
  decltype(&cublasLtMatmulAlgoCheck) checkAlgorithm;
  decltype(&cublasLtMatmul) matmul;
};

} // namespace tpc::runtime

#endif
