#include "UnixSocket.h"
#include "Introduction.h"
#include "tpc/runtime/Error.h"
#include "tpc_random.h"
#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <sys/socket.h>
#include <sys/un.h>

namespace tpc::runtime {

namespace {
std::string abstractName(const std::string &jobKey) {
  char name[64];
  std::snprintf(name, sizeof(name), "tpc-%u-%016llx", static_cast<unsigned>(geteuid()),
                static_cast<unsigned long long>(tpc_random_stream(jobKey.c_str())));
  return name;
}

FileDescriptor makeSocket(int rank) {
  FileDescriptor result(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  if (!result.valid())
    throwErrno(rank, "create a Unix socket");
  return result;
}

/// The address of an abstract name and its length.
std::pair<sockaddr_un, socklen_t> addressOf(const std::string &name) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  size_t length = std::min(name.size(), sizeof(address.sun_path) - 1);
  std::memcpy(address.sun_path + 1, name.data(), length); // the leading zero byte makes it abstract
  return {address, static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + 1 + length)};
}

bool sameUser(int rank, const FileDescriptor &connection) {
  ucred credentials{};
  socklen_t length = sizeof(credentials);
  if (getsockopt(connection.get(), SOL_SOCKET, SO_PEERCRED, &credentials, &length) != 0)
    throwErrno(rank, "ask for the user of a connection");
  return credentials.uid == geteuid();
}

class UnixPlace final : public MeetingPlace {
public:
  explicit UnixPlace(const std::string &jobKey) : name(abstractName(jobKey)) { key = jobKey; }

  FileDescriptor listen(const Introduction &self) override {
    FileDescriptor listener = makeSocket(0);
    auto [address, length] = addressOf(name);
    if (bind(listener.get(), reinterpret_cast<sockaddr *>(&address), length) != 0) {
      if (errno == EADDRINUSE)
        throw Error(self.describe() + ": another rank 0 gathers its ranks at @" + name +
                    " right now: two jobs with the same job number, or the same MASTER_PORT, "
                    "cannot start at once");
      throwErrno(0, "bind the Unix socket @" + name);
    }
    if (::listen(listener.get(), self.size) != 0)
      throwErrno(0, "listen on the Unix socket @" + name);
    return listener;
  }

  FileDescriptor connect(int rank) override {
    FileDescriptor connection = makeSocket(rank);
    auto [address, length] = addressOf(name);
    if (::connect(connection.get(), reinterpret_cast<sockaddr *>(&address), length) != 0) {
      if (errno == ECONNREFUSED || errno == ENOENT || errno == EAGAIN || errno == EINTR)
        return FileDescriptor();
      throwErrno(rank, "connect to the Unix socket @" + name);
    }
    if (!sameUser(rank, connection))
      throw Error("rank " + std::to_string(rank) + " on " + hostName() +
                  ": another user listens on @" + name);
    return connection;
  }

  bool trusts(const FileDescriptor &connection) const override { return sameUser(0, connection); }
  std::string describe() const override { return "on this host"; }

private:
  const std::string name;
};
} // namespace

std::unique_ptr<MeetingPlace> placeOnThisHost(const std::string &jobKey) {
  return std::make_unique<UnixPlace>(jobKey);
}

} // namespace tpc::runtime
