// How the runtime reports failures: exceptions inside the C++ runtime, one recorded message at the
// C boundary.
#ifndef TPC_RUNTIME_ERROR_H
#define TPC_RUNTIME_ERROR_H

#include <stdexcept>
#include <string>

namespace tpc::runtime {

/// A failure that ends the job. `what()` is one complete, lower-case sentence without a full stop.
class Error : public std::runtime_error {
public:
  using std::runtime_error::runtime_error;
};

/// A failure that another rank reports to the user as well; this one need not.
class RelayedError : public Error {
public:
  using Error::Error;
};

/// This machine's name, as it appears in messages.
std::string hostName();

/// Throws Error "rank R on HOST: cannot ACTION: TEXT (errno N)" from the current `errno`.
/// A negative rank (not known yet) is left out.
[[noreturn]] void throwErrno(int rank, const std::string &action);

/// The same for a function that returns its error number instead of setting `errno`.
[[noreturn]] void throwErrno(int rank, const std::string &action, int error);

} // namespace tpc::runtime

#endif
