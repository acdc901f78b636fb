#include "MpiLibrary.h"
#include "tpc/runtime/Error.h"
#include <cstdlib>
#include <cstring>
#include <dlfcn.h>
#include <vector>

namespace tpc::runtime {

namespace {
class SharedObject {
public:
  SharedObject(std::string path, void *handle) : name(std::move(path)), handle(handle) {}

  const std::string &path() const { return name; }
  void *find(const char *symbol) const { return dlsym(handle, symbol); }
  void *get(const char *symbol) const {
    void *address = find(symbol);
    if (!address)
      throw Error("the MPI library " + name + " has no " + symbol);
    return address;
  }
  template <typename Function>
  void load(Function *&function, const char *symbol) const {
    function = reinterpret_cast<Function *>(get(symbol));
  }

private:
  std::string name;
  void *handle; // never closed: MPI libraries do not survive it
};

/// Handles and constants of MPICH's interface, fixed by the MPICH ABI initiative.
struct MpichAbi {
  using Handle = int;
  static Handle world(const SharedObject &) { return 0x44000000; }
  static Handle byte(const SharedObject &) { return 0x4c00010d; }
  static Handle errorsReturn(const SharedObject &) { return 0x54000001; }
  static void *statusIgnore() { return reinterpret_cast<void *>(1); }
  static constexpr int kAnySource = -2;
};

/// Those of Open MPI 1.x to 5.x.
struct OpenMpiAbi {
  using Handle = void *;
  static Handle world(const SharedObject &library) { return library.get("ompi_mpi_comm_world"); }
  static Handle byte(const SharedObject &library) { return library.get("ompi_mpi_byte"); }
  static Handle errorsReturn(const SharedObject &library) {
    return library.get("ompi_mpi_errors_return");
  }
  static void *statusIgnore() { return nullptr; }
  static constexpr int kAnySource = -1;
};

template <typename Abi>
class MpiLibraryOf final : public MpiLibrary {
  using Handle = typename Abi::Handle;
  static_assert(sizeof(Handle) <= sizeof(MpiRequest::storage));

public:
  explicit MpiLibraryOf(const SharedObject &givenLibrary)
      : library(givenLibrary), world(Abi::world(library)), byte(Abi::byte(library)) {
    library.load(mpiInitialized, "MPI_Initialized");
    library.load(mpiInit, "MPI_Init");
    library.load(mpiFinalize, "MPI_Finalize");
    library.load(mpiCommRank, "MPI_Comm_rank");
    library.load(mpiCommSize, "MPI_Comm_size");
    library.load(mpiSetErrorHandler, "MPI_Comm_set_errhandler");
    library.load(mpiErrorString, "MPI_Error_string");
    library.load(mpiIsend, "MPI_Isend");
    library.load(mpiIrecv, "MPI_Irecv");
    library.load(mpiTest, "MPI_Test");
    library.load(mpiCancel, "MPI_Cancel");
    library.load(mpiWait, "MPI_Wait");
    library.load(mpiAbort, "MPI_Abort");
  }

  const std::string &path() const override { return library.path(); }

  void initialize() override {
    int done = 0;
    check(mpiInitialized(&done), "MPI_Initialized");
    if (!done)
      check(mpiInit(nullptr, nullptr), "MPI_Init");
    check(mpiSetErrorHandler(world, Abi::errorsReturn(library)), "MPI_Comm_set_errhandler");
    myRank = rank();
  }

  void finalize() override { check(mpiFinalize(), "MPI_Finalize"); }

  int rank() override {
    int result = 0;
    check(mpiCommRank(world, &result), "MPI_Comm_rank");
    return result;
  }
  int size() override {
    int result = 0;
    check(mpiCommSize(world, &result), "MPI_Comm_size");
    return result;
  }

  MpiRequest send(const char *data, int bytes, int peer, int tag) override {
    MpiRequest request;
    check(mpiIsend(data, bytes, byte, peer, tag, world, handleOf(request)), "MPI_Isend");
    return request;
  }
  MpiRequest receive(char *data, int bytes, int peer, int tag) override {
    MpiRequest request;
    check(mpiIrecv(data, bytes, byte, peer, tag, world, handleOf(request)), "MPI_Irecv");
    return request;
  }
  MpiRequest receiveFromAny(char *data, int bytes, int tag) override {
    return receive(data, bytes, Abi::kAnySource, tag);
  }
  bool test(MpiRequest &request) override {
    int done = 0;
    check(mpiTest(handleOf(request), &done, Abi::statusIgnore()), "MPI_Test");
    return done != 0;
  }
  void cancel(MpiRequest &request) override {
    check(mpiCancel(handleOf(request)), "MPI_Cancel");
    check(mpiWait(handleOf(request), Abi::statusIgnore()), "MPI_Wait");
  }
  void abortJob() noexcept override { mpiAbort(world, 1); }

private:
  static Handle *handleOf(MpiRequest &request) {
    return reinterpret_cast<Handle *>(&request.storage);
  }

  void check(int code, const char *call) const {
    if (code == 0)
      return;
    char text[1024] = ""; // MPI_MAX_ERROR_STRING is 256 to 512
    int length = 0;
    mpiErrorString(code, text, &length);
    throw Error((myRank < 0 ? "" : "rank " + std::to_string(myRank) + " on ") + hostName() + ": " +
                call + " failed: " + text);
  }

  const SharedObject library;
  const Handle world, byte;
  int myRank = -1;
  int (*mpiInitialized)(int *);
  int (*mpiInit)(int *, char ***);
  int (*mpiFinalize)();
  int (*mpiCommRank)(Handle, int *);
  int (*mpiCommSize)(Handle, int *);
  int (*mpiSetErrorHandler)(Handle, Handle);
  int (*mpiErrorString)(int, char *, int *);
  int (*mpiIsend)(const void *, int, Handle, int, int, Handle, Handle *);
  int (*mpiIrecv)(void *, int, Handle, int, int, Handle, Handle *);
  int (*mpiTest)(Handle *, int *, void *);
  int (*mpiCancel)(Handle *);
  int (*mpiWait)(Handle *, void *);
  int (*mpiAbort)(Handle, int);
};

std::vector<std::string> candidates(bool preferOpenMpi) {
  if (const char *chosen = std::getenv("TPC_MPI_LIBRARY"))
    return {chosen};
  if (preferOpenMpi)
    return {"libmpi.so.40", "libmpi.so.20", "libmpi.so.12", "libmpich.so.12"};
  return {"libmpich.so.12", "libmpi.so.12", "libmpi.so.40", "libmpi.so.20"};
}
} // namespace

bool expectsOpenMpi(const std::function<const char *(const char *name)> &environment) {
  return environment("OMPI_COMM_WORLD_SIZE") || environment("PMIX_RANK");
}

std::unique_ptr<MpiLibrary> MpiLibrary::open(bool preferOpenMpi) {
  std::string tried;
  for (const std::string &path : candidates(preferOpenMpi)) {
    // Global: Open MPI's own plugins look for the library's symbols.
    if (void *handle = dlopen(path.c_str(), RTLD_NOW | RTLD_GLOBAL)) {
      SharedObject library(path, handle);
      if (library.find("ompi_mpi_comm_world"))
        return std::make_unique<MpiLibraryOf<OpenMpiAbi>>(library);
      return std::make_unique<MpiLibraryOf<MpichAbi>>(library);
    }
    const char *reason = dlerror();
    tried += "\n  " + path + ": " + (reason ? reason : "unknown error");
  }
  throw Error("no MPI library found on " + hostName() +
              "; install Open MPI or MPICH, or set TPC_MPI_LIBRARY to a library's path; tried" +
              tried);
}

} // namespace tpc::runtime
