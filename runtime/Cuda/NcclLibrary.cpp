#include "Cuda/NcclLibrary.h"
#include "tpc/runtime/Error.h"

namespace tpc::runtime {

NcclLibrary::NcclLibrary()
    : library("NCCL", "version 2.18 or newer", "install libnccl2 or the wheel nvidia-nccl-cu13",
              "TPC_NCCL_LIBRARY", {"libnccl.so.2"}) {
  library.load(getVersion, "ncclGetVersion");
  library.load(getErrorString, "ncclGetErrorString");
  check(getVersion(&version), hostName(), "ncclGetVersion");
  if (version < oldest)
    library.reject("it has version " + versionText());
  library.load(getUniqueId, "ncclGetUniqueId");
  library.load(initRank, "ncclCommInitRankConfig");
  library.load(split, "ncclCommSplit");
  library.load(finalize, "ncclCommFinalize");
  library.load(destroy, "ncclCommDestroy");
  library.load(abort, "ncclCommAbort");
  library.load(getAsyncError, "ncclCommGetAsyncError");
  library.load(getLastError, "ncclGetLastError");
  library.load(groupStart, "ncclGroupStart");
  library.load(groupEnd, "ncclGroupEnd");
  library.load(allReduce, "ncclAllReduce");
  library.load(allGather, "ncclAllGather");
  library.load(reduceScatter, "ncclReduceScatter");
  library.load(send, "ncclSend");
  library.load(receive, "ncclRecv");
  library.loadIfThere(memAlloc, "ncclMemAlloc");
  library.loadIfThere(memFree, "ncclMemFree");
  library.loadIfThere(registerWindow, "ncclCommWindowRegister");
  library.loadIfThere(deregisterWindow, "ncclCommWindowDeregister");
}

std::string NcclLibrary::versionText() const {
  return std::to_string(version / 10000) + "." + std::to_string(version / 100 % 100) + "." +
         std::to_string(version % 100);
}

std::string NcclLibrary::textOf(ncclResult_t code, ncclComm_t communicator) const {
  std::string text = getErrorString(code);
  const char *last = getLastError ? getLastError(communicator) : nullptr;
  return last && *last ? text + ": " + last : text;
}

void NcclLibrary::check(ncclResult_t code, const std::string &who, const char *call,
                        ncclComm_t communicator) const {
  if (code == ncclSuccess || code == ncclInProgress)
    return;
  std::string remedy; // NCCL has no code of its own for it
  if (code == ncclUnhandledCudaError)
    remedy = ": if the GPU has no memory left beside the program's, use a smaller --batch; "
             "NCCL_DEBUG=WARN says more";
  throw Error(who + ": " + call + " failed: " + textOf(code, communicator) + remedy);
}

} // namespace tpc::runtime
