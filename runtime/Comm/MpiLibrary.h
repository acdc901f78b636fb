// The few MPI functions that the runtime needs, from whatever MPI library is there when it runs.
#ifndef TPC_RUNTIME_COMM_MPILIBRARY_H
#define TPC_RUNTIME_COMM_MPILIBRARY_H

#include <cstdint>
#include <functional>
#include <memory>
#include <string>

namespace tpc::runtime {

/// True if the launcher's variables ask for Open MPI: its own mpirun's, or those of PMIx, which of
/// the two libraries only Open MPI's ranks speak (srun --mpi=pmix). `environment`: std::getenv
/// outside tests.
bool expectsOpenMpi(const std::function<const char *(const char *name)> &environment);

/// An MPI request of either binary interface.
struct MpiRequest {
  uint64_t storage = 0;
};

/// MPI has two binary interfaces in wide use: Open MPI's, whose handles are addresses of objects in
/// the library, and MPICH's (Intel MPI, MVAPICH, Cray), whose handles are numbers. Opening the
/// library at run time and speaking both keeps every executable free of MPI at build and start, and
/// lets one executable run under any mpirun. Only bytes between pairs of ranks are sent: reductions
/// are the runtime's own, so that their order does not depend on the library.
///
/// All functions throw Error with rank, host and the library's text on failure.
class MpiLibrary {
public:
  virtual ~MpiLibrary() = default;

  /// Opens TPC_MPI_LIBRARY if that is set, else the first library found, Open MPI's first if
  /// `preferOpenMpi`.
  static std::unique_ptr<MpiLibrary> open(bool preferOpenMpi);

  /// The name it was opened by.
  virtual const std::string &path() const = 0;
  virtual void initialize() = 0;
  virtual void finalize() = 0;
  virtual int rank() = 0;
  virtual int size() = 0;
  virtual MpiRequest send(const char *data, int bytes, int peer, int tag) = 0;
  virtual MpiRequest receive(char *data, int bytes, int peer, int tag) = 0;
  virtual MpiRequest receiveFromAny(char *data, int bytes, int tag) = 0;
  /// True once the request is complete; it is gone then.
  virtual bool test(MpiRequest &request) = 0;
  virtual void cancel(MpiRequest &request) = 0;
  /// Ends all ranks of the job.
  virtual void abortJob() noexcept = 0;
};

} // namespace tpc::runtime

#endif
