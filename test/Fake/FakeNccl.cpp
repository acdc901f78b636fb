// A libnccl.so.2 over host memory: every collective is messages between pairs of ranks, sent and
// received by the stream it was given to. It is stricter than NCCL: buffers that overlap where
// NCCL forbids it, and ranks that call different things, are errors.
//
//   TPC_FAKE_NCCL_VERSION=21005             what ncclGetVersion says
//   TPC_FAKE_NCCL_FAIL=ncclAllReduce        that call fails with ncclSystemError
//   TPC_FAKE_NCCL_FULL=1                    no memory on the device for ncclCommInitRankConfig
//   TPC_FAKE_NCCL_ASYNC=1                   every collective ends in an asynchronous error
//   TPC_FAKE_NCCL_HANG=1                    no collective ends by itself
#include "FakeCudaDevice.h"
#include "FakeNcclChannel.h"
#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <cuda_runtime_api.h>
#include <map>
#include <memory>
#include <mutex>
#include <nccl.h>
#include <random>
#include <string>
#include <thread>
#include <vector>

using namespace tpc::test;

struct ncclComm {
  std::string name;
  int rank = 0, size = 1, worldRank = 0;
  Shared *shared = nullptr;
  int splits = 0;
  ncclComm_t *child = nullptr; ///< where the split under way is to be put
  int color = 0;
  std::atomic<bool> aborted{false};
  std::atomic<ncclResult_t> failure{ncclSuccess};
};

namespace {
enum class Kind { AllReduce, AllGather, ReduceScatter, Send, Receive };
constexpr const char *kNames[] = {"all_reduce", "all_gather", "reduce_scatter", "send", "recv"};

struct Call {
  Kind kind;
  const char *input;
  char *output;
  size_t count;
  ncclDataType_t type;
  ncclRedOp_t reduction;
  int peer;
  size_t element() const {
    return type == ncclFloat64 || type == ncclInt64 ? 8
           : type == ncclBfloat16                   ? 2
           : type == ncclUint8                      ? 1
                                                    : 4;
  }
  size_t bytes() const { return count * element(); }
};

struct Group {
  ncclComm_t communicator = nullptr;
  cudaStream_t stream = nullptr;
  std::vector<Call> calls;
};

thread_local int groupDepth = 0;
thread_local Group group;
std::mutex logMutex;
std::map<int, std::string> logs;

bool madeToFail(const char *call) {
  const char *name = std::getenv("TPC_FAKE_NCCL_FAIL");
  return name && std::strcmp(name, call) == 0;
}

/// One direction of one message: a header that both sides must agree on, then the data.
struct Transfer {
  Channel *channel;
  bool sends;
  std::vector<char> header;
  char *data;
  size_t bytes, done = 0;

  /// False if the peer's header is another.
  bool progress() {
    while (done < header.size() + bytes) {
      bool inHeader = done < header.size();
      std::vector<char> seen(header.size());
      char *place = !inHeader ? data + (done - header.size())
                    : sends   ? header.data() + done
                              : seen.data();
      size_t left = (inHeader ? header.size() : header.size() + bytes) - done;
      size_t moved = sends ? channel->put(place, left) : channel->take(place, left);
      if (!moved)
        return true;
      if (inHeader && !sends && std::memcmp(place, header.data() + done, moved) != 0)
        return false;
      done += moved;
    }
    return true;
  }
  bool complete() const { return done == header.size() + bytes; }
};

template <typename T, typename Get, typename Put>
void reduceAs(const std::vector<const char *> &sources, char *target, size_t count,
              ncclRedOp_t reduction, Get get, Put put) {
  for (size_t i = 0; i < count; ++i) {
    T value = get(sources[0], i);
    for (size_t s = 1; s < sources.size(); ++s) {
      T next = get(sources[s], i);
      value = reduction == ncclSum   ? value + next
              : reduction == ncclMax ? std::max(value, next)
                                     : std::min(value, next);
    }
    put(target, i, value);
  }
}

template <typename T>
void reducePlain(const std::vector<const char *> &sources, char *target, size_t count,
                 ncclRedOp_t reduction) {
  reduceAs<T>(
      sources, target, count, reduction,
      [](const char *from, size_t i) { return reinterpret_cast<const T *>(from)[i]; },
      [](char *to, size_t i, T value) { reinterpret_cast<T *>(to)[i] = value; });
}

void reduceBf16(const std::vector<const char *> &sources, char *target, size_t count,
                ncclRedOp_t reduction) {
  reduceAs<float>(
      sources, target, count, reduction,
      [](const char *from, size_t i) {
        uint32_t bits = uint32_t(reinterpret_cast<const uint16_t *>(from)[i]) << 16;
        float value;
        std::memcpy(&value, &bits, 4);
        return value;
      },
      [](char *to, size_t i, float value) {
        uint32_t bits;
        std::memcpy(&bits, &value, 4);
        reinterpret_cast<uint16_t *>(to)[i] =
            static_cast<uint16_t>((bits + 0x7fff + (bits >> 16 & 1)) >> 16);
      });
}

void reduce(const Call &call, const std::vector<const char *> &sources, size_t count) {
  switch (call.type) {
  case ncclFloat64:
    return reducePlain<double>(sources, call.output, count, call.reduction);
  case ncclInt32:
    return reducePlain<int32_t>(sources, call.output, count, call.reduction);
  case ncclInt64:
    return reducePlain<int64_t>(sources, call.output, count, call.reduction);
  case ncclBfloat16:
    return reduceBf16(sources, call.output, count, call.reduction);
  default:
    return reducePlain<float>(sources, call.output, count, call.reduction);
  }
}

/// A group of calls on its stream's thread.
class Execution {
public:
  explicit Execution(Group given) : group(std::move(given)), communicator(*group.communicator) {}

  void run() {
    while (std::getenv("TPC_FAKE_NCCL_HANG") && !communicator.aborted)
      std::this_thread::yield();
    for (const Call &call : group.calls)
      begin(call);
    while (!communicator.aborted &&
           !std::all_of(transfers.begin(), transfers.end(),
                        [](const Transfer &transfer) { return transfer.complete(); })) {
      std::map<std::pair<Channel *, bool>, bool> stuck; // messages of a channel keep their order
      for (Transfer &transfer : transfers) {
        bool &waits = stuck[{transfer.channel, transfer.sends}];
        if (!waits && !transfer.complete() && !transfer.progress())
          communicator.failure = ncclInvalidUsage, communicator.aborted = true;
        waits = waits || !transfer.complete();
      }
      std::this_thread::yield();
    }
    if (!communicator.aborted)
      for (size_t i = 0; i < group.calls.size(); ++i)
        end(group.calls[i], received[i]);
  }

private:
  void exchange(const Call &call, int peer, bool sends, const char *data, size_t bytes) {
    bool symmetric = call.kind != Kind::Send && call.kind != Kind::Receive;
    int64_t header[] = {symmetric ? static_cast<int>(call.kind) : -1,
                        static_cast<int64_t>(call.count), call.type, call.reduction};
    const char *first = reinterpret_cast<const char *>(header);
    Channel &channel = sends ? communicator.shared->channels[communicator.rank][peer]
                             : communicator.shared->channels[peer][communicator.rank];
    transfers.push_back({&channel, sends, std::vector<char>(first, first + sizeof(header)),
                         const_cast<char *>(data), bytes});
  }

  void begin(const Call &call) {
    received.emplace_back();
    std::vector<std::unique_ptr<char[]>> &buffers = received.back();
    if (call.kind == Kind::Send)
      return exchange(call, call.peer, true, call.input, call.bytes());
    if (call.kind == Kind::Receive)
      return exchange(call, call.peer, false, call.output, call.bytes());
    for (int peer = 0; peer < communicator.size; ++peer) {
      bool scatters = call.kind == Kind::ReduceScatter;
      exchange(call, peer, true, call.input + (scatters ? call.bytes() * peer : 0), call.bytes());
      buffers.emplace_back(new char[call.bytes()]);
      exchange(call, peer, false, buffers.back().get(), call.bytes());
    }
  }

  static void end(const Call &call, const std::vector<std::unique_ptr<char[]>> &buffers) {
    std::vector<const char *> sources;
    for (auto &buffer : buffers)
      sources.push_back(buffer.get());
    if (call.kind == Kind::AllReduce || call.kind == Kind::ReduceScatter)
      return reduce(call, sources, call.count);
    if (call.kind == Kind::AllGather)
      for (size_t peer = 0; peer < sources.size(); ++peer)
        std::memcpy(call.output + call.bytes() * peer, sources[peer], call.bytes());
  }

  Group group;
  ncclComm &communicator;
  std::vector<Transfer> transfers;
  std::vector<std::vector<std::unique_ptr<char[]>>> received; ///< by call
};

bool overlap(const char *a, size_t aBytes, const char *b, size_t bBytes) {
  return a < b + bBytes && b < a + aBytes;
}

/// What NCCL's documentation allows.
bool buffersAllowed(const Group &group) {
  for (const Call &call : group.calls) {
    size_t bytes = call.bytes(), all = bytes * group.communicator->size,
           own = bytes * group.communicator->rank;
    if (call.kind == Kind::AllReduce && call.input != call.output &&
        overlap(call.input, bytes, call.output, bytes))
      return false;
    if (call.kind == Kind::AllGather && call.input != call.output + own &&
        overlap(call.input, bytes, call.output, all))
      return false;
    if (call.kind == Kind::ReduceScatter && call.output != call.input + own &&
        overlap(call.input, all, call.output, bytes))
      return false;
    if (call.kind == Kind::Send)
      for (const Call &other : group.calls)
        if (other.kind == Kind::Receive && overlap(call.input, bytes, other.output, other.bytes()))
          return false;
  }
  return true;
}

void log(const Group &group) {
  std::string line;
  for (const Call &call : group.calls)
    line += (line.empty() ? "" : " ") + std::string(kNames[static_cast<int>(call.kind)]);
  std::lock_guard<std::mutex> lock(logMutex);
  logs[group.communicator->worldRank] += line + "\n";
}

ncclResult_t flush() {
  Group given = std::move(group);
  group = Group();
  if (given.calls.empty())
    return ncclSuccess;
  if (!buffersAllowed(given))
    return ncclInvalidArgument;
  log(given);
  if (std::getenv("TPC_FAKE_NCCL_ASYNC")) {
    given.communicator->failure = ncclRemoteError;
    given.communicator->aborted = true;
  }
  cudaStream_t stream = given.stream;
  giveTo(stream, [given] { Execution(given).run(); });
  return ncclSuccess;
}

ncclResult_t add(const char *name, ncclComm_t communicator, cudaStream_t stream, Call call) {
  if (madeToFail(name))
    return ncclSystemError;
  if (!communicator || (group.communicator && group.communicator != communicator))
    return ncclInvalidUsage;
  group.communicator = communicator;
  group.stream = stream;
  group.calls.push_back(call);
  return groupDepth ? ncclSuccess : flush();
}

/// Makes the child once every rank has told its color and key.
void finishSplit(ncclComm &parent) {
  Shared::Split &split = parent.shared->splits[parent.splits];
  if (!parent.child || split.told != parent.size)
    return;
  if (parent.color != NCCL_SPLIT_NOCOLOR) {
    auto child = std::make_unique<ncclComm>();
    child->size = 0;
    child->worldRank = parent.worldRank;
    for (int rank = 0; rank < parent.size; ++rank)
      if (split.colors[rank] == parent.color) {
        ++child->size;
        child->rank += split.keys[rank] < split.keys[parent.rank] ||
                       (split.keys[rank] == split.keys[parent.rank] && rank < parent.rank);
      }
    child->name =
        parent.name + "-" + std::to_string(parent.splits) + "-" + std::to_string(parent.color);
    child->shared = attach(child->name, child->size);
    *parent.child = child.release();
  }
  parent.child = nullptr;
  ++parent.splits;
}
} // namespace

extern "C" {
/// The groups of calls that world rank `rank` of this process has made, a line each.
__attribute__((visibility("default"))) const char *tpcFakeNcclLog(int rank) {
  std::lock_guard<std::mutex> lock(logMutex);
  return logs[rank].c_str();
}

ncclResult_t ncclGetVersion(int *version) {
  const char *text = std::getenv("TPC_FAKE_NCCL_VERSION");
  *version = text ? std::atoi(text) : NCCL_VERSION_CODE;
  return ncclSuccess;
}
const char *ncclGetErrorString(ncclResult_t code) {
  return code == ncclSystemError          ? "unhandled system error"
         : code == ncclUnhandledCudaError ? "unhandled cuda error"
         : code == ncclRemoteError        ? "remote process exited or there was a network error"
         : code == ncclInvalidUsage       ? "invalid usage"
         : code == ncclInvalidArgument    ? "invalid argument"
                                          : "no error";
}
const char *ncclGetLastError(ncclComm_t) { return "said by the fake"; }

ncclResult_t ncclGetUniqueId(ncclUniqueId *id) {
  std::string name = "/tpc-fake-nccl-" + std::to_string(std::random_device()());
  std::strncpy(id->internal, name.c_str(), sizeof(id->internal) - 1);
  return ncclSuccess;
}
ncclResult_t ncclCommInitRankConfig(ncclComm_t *communicator, int size, ncclUniqueId id, int rank,
                                    ncclConfig_t *config) {
  if (madeToFail("ncclCommInitRankConfig"))
    return ncclSystemError;
  if (std::getenv("TPC_FAKE_NCCL_FULL"))
    return ncclUnhandledCudaError;
  auto result = std::make_unique<ncclComm>();
  result->name = id.internal;
  result->rank = result->worldRank = rank;
  result->size = size;
  result->shared = attach(result->name, size);
  *communicator = result.release();
  return config->blocking == 0 ? ncclInProgress : ncclInvalidArgument;
}
ncclResult_t ncclCommSplit(ncclComm_t parent, int color, int key, ncclComm_t *child,
                           ncclConfig_t *) {
  Shared::Split &split = parent->shared->splits[parent->splits];
  split.colors[parent->rank] = color;
  split.keys[parent->rank] = key;
  parent->child = child;
  parent->color = color;
  ++split.told;
  return ncclInProgress;
}
ncclResult_t ncclCommGetAsyncError(ncclComm_t communicator, ncclResult_t *state) {
  finishSplit(*communicator);
  *state = communicator->failure;
  if (*state == ncclSuccess &&
      (communicator->child || communicator->shared->arrived < communicator->size))
    *state = ncclInProgress;
  return ncclSuccess;
}
ncclResult_t ncclCommAbort(ncclComm_t communicator) {
  communicator->aborted = true; // kept: its stream's thread still looks at it
  return ncclSuccess;
}
ncclResult_t ncclCommFinalize(ncclComm_t) { return ncclSuccess; }
ncclResult_t ncclCommDestroy(ncclComm_t communicator) { return ncclCommAbort(communicator); }

ncclResult_t ncclMemAlloc(void **address, size_t bytes) {
  return cudaMalloc(address, bytes) == cudaSuccess ? ncclSuccess : ncclUnhandledCudaError;
}
ncclResult_t ncclMemFree(void *address) { return cudaFree(address), ncclSuccess; }
ncclResult_t ncclCommWindowRegister(ncclComm_t communicator, void *, size_t, ncclWindow_t *window,
                                    int) {
  return *window = reinterpret_cast<ncclWindow_t>(communicator), ncclSuccess;
}
ncclResult_t ncclCommWindowDeregister(ncclComm_t, ncclWindow_t) { return ncclSuccess; }

ncclResult_t ncclGroupStart() { return ++groupDepth, ncclSuccess; }
ncclResult_t ncclGroupEnd() { return --groupDepth ? ncclSuccess : flush(); }

ncclResult_t ncclAllReduce(const void *input, void *output, size_t count, ncclDataType_t type,
                           ncclRedOp_t reduction, ncclComm_t communicator, cudaStream_t stream) {
  return add("ncclAllReduce", communicator, stream,
             {Kind::AllReduce, static_cast<const char *>(input), static_cast<char *>(output), count,
              type, reduction, 0});
}
ncclResult_t ncclAllGather(const void *input, void *output, size_t count, ncclDataType_t type,
                           ncclComm_t communicator, cudaStream_t stream) {
  return add("ncclAllGather", communicator, stream,
             {Kind::AllGather, static_cast<const char *>(input), static_cast<char *>(output), count,
              type, ncclSum, 0});
}
ncclResult_t ncclReduceScatter(const void *input, void *output, size_t count, ncclDataType_t type,
                               ncclRedOp_t reduction, ncclComm_t communicator,
                               cudaStream_t stream) {
  return add("ncclReduceScatter", communicator, stream,
             {Kind::ReduceScatter, static_cast<const char *>(input), static_cast<char *>(output),
              count, type, reduction, 0});
}
ncclResult_t ncclSend(const void *input, size_t count, ncclDataType_t type, int peer,
                      ncclComm_t communicator, cudaStream_t stream) {
  return add("ncclSend", communicator, stream,
             {Kind::Send, static_cast<const char *>(input), nullptr, count, type, ncclSum, peer});
}
ncclResult_t ncclRecv(void *output, size_t count, ncclDataType_t type, int peer,
                      ncclComm_t communicator, cudaStream_t stream) {
  return add("ncclRecv", communicator, stream,
             {Kind::Receive, nullptr, static_cast<char *>(output), count, type, ncclSum, peer});
}
} // extern "C"
