// The functions of NCCL that the runtime needs, from the library that is there when it runs.
#ifndef TPC_RUNTIME_CUDA_NCCLLIBRARY_H
#define TPC_RUNTIME_CUDA_NCCLLIBRARY_H

#include "Cuda/Library.h"
#include <nccl.h>

namespace tpc::runtime {

struct NcclLibrary {
  /// Opens TPC_NCCL_LIBRARY if that is set, else libnccl.so.2. Throws Error that names library,
  /// version wanted and remedy if there is none or it is older than `oldest`.
  NcclLibrary();

  /// ncclCommSplit and its configurations as they are since.
  static constexpr int oldest = NCCL_VERSION(2, 18, 0);

  /// Throws Error "WHO: CALL failed: TEXT (what NCCL said last)" unless `code` is success or in
  /// progress. `who`: "rank 1 on HOST".
  void check(ncclResult_t code, const std::string &who, const char *call,
             ncclComm_t communicator = nullptr) const;
  /// "unhandled system error: ..."
  std::string textOf(ncclResult_t code, ncclComm_t communicator) const;
  /// "2.28.9".
  std::string versionText() const;

  const Library library;
  int version = 0;
  decltype(&ncclGetVersion) getVersion;
  decltype(&ncclGetUniqueId) getUniqueId;
  decltype(&ncclCommInitRankConfig) initRank;
  decltype(&ncclCommSplit) split;
  decltype(&ncclCommFinalize) finalize;
  decltype(&ncclCommDestroy) destroy;
  decltype(&ncclCommAbort) abort;
  decltype(&ncclCommGetAsyncError) getAsyncError;
  decltype(&ncclGetErrorString) getErrorString;
  decltype(&ncclGetLastError) getLastError = nullptr;
  decltype(&ncclGroupStart) groupStart;
  decltype(&ncclGroupEnd) groupEnd;
  decltype(&ncclAllReduce) allReduce;
  decltype(&ncclAllGather) allGather;
  decltype(&ncclReduceScatter) reduceScatter;
  decltype(&ncclSend) send;
  decltype(&ncclRecv) receive;
  // Null in older libraries: the region is ordinary memory then.
  decltype(&ncclMemAlloc) memAlloc;
  decltype(&ncclMemFree) memFree;
  decltype(&ncclCommWindowRegister) registerWindow;
  decltype(&ncclCommWindowDeregister) deregisterWindow;
};

} // namespace tpc::runtime

#endif
