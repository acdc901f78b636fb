#include "Cuda/CublasLtLibrary.h"
#include "tpc/runtime/Error.h"

namespace tpc::runtime {

CublasLtLibrary::CublasLtLibrary()
    : library("cuBLASLt", "that of CUDA 12 or 13",
              "install CUDA's libcublas or the wheel nvidia-cublas and add its folder to "
              "LD_LIBRARY_PATH",
              "TPC_CUBLASLT_LIBRARY", {"libcublasLt.so.13", "libcublasLt.so.12"}) {
  library.load(create, "cublasLtCreate");
  library.load(destroy, "cublasLtDestroy");
  library.load(getVersion, "cublasLtGetVersion");
  library.load(getStatusString, "cublasLtGetStatusString");
  library.load(createDesc, "cublasLtMatmulDescCreate");
  library.load(destroyDesc, "cublasLtMatmulDescDestroy");
  library.load(setDesc, "cublasLtMatmulDescSetAttribute");
  library.load(createLayout, "cublasLtMatrixLayoutCreate");
  library.load(destroyLayout, "cublasLtMatrixLayoutDestroy");
  library.load(setLayout, "cublasLtMatrixLayoutSetAttribute");
  library.load(createPreference, "cublasLtMatmulPreferenceCreate");
  library.load(destroyPreference, "cublasLtMatmulPreferenceDestroy");
  library.load(setPreference, "cublasLtMatmulPreferenceSetAttribute");
  library.load(getHeuristic, "cublasLtMatmulAlgoGetHeuristic");
  library.load(checkAlgorithm, "cublasLtMatmulAlgoCheck");
  library.load(matmul, "cublasLtMatmul");
  version = getVersion();
  if (version < 120000)
    library.reject("it is version " + std::to_string(version / 10000) + "." +
                   std::to_string(version / 100 % 100));
  check(create(&handle), "starting the library");
}

CublasLtLibrary::~CublasLtLibrary() { destroy(handle); }

void CublasLtLibrary::check(cublasStatus_t code, const std::string &what) const {
  if (code == CUBLAS_STATUS_SUCCESS)
    return;
  std::string text = getStatusString(code);
  if (code == CUBLAS_STATUS_ALLOC_FAILED)
    text += ": the library finds no memory beside the program's; use a smaller --batch";
  throw Error(hostName() + ": " + what + ": " + library.describe() + " says " + text);
}

} // namespace tpc::runtime
