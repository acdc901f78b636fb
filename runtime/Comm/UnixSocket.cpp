#include "UnixSocket.h"
#include "tpc/runtime/Error.h"
#include "tpc_random.h"
#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <vector>

namespace tpc::runtime {

namespace {
/// Largest message; below the default socket buffer.
constexpr size_t kMessageBytes = 128 << 10;

FileDescriptor makeSocket(int rank) {
  FileDescriptor result(socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0));
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

bool readable(int rank, const FileDescriptor &socket, double seconds) {
  pollfd entry{socket.get(), POLLIN, 0};
  int count = poll(&entry, 1, static_cast<int>(std::max(0.0, seconds) * 1000));
  if (count < 0 && errno != EINTR)
    throwErrno(rank, "wait for a connection");
  return count > 0;
}

bool sameUser(int rank, const FileDescriptor &connection) {
  ucred credentials{};
  socklen_t length = sizeof(credentials);
  if (getsockopt(connection.get(), SOL_SOCKET, SO_PEERCRED, &credentials, &length) != 0)
    throwErrno(rank, "ask for the user of a connection");
  return credentials.uid == geteuid();
}

union ControlBuffer {
  char bytes[CMSG_SPACE(sizeof(int))];
  cmsghdr alignment;
};

FileDescriptor attachedTo(msghdr &header) {
  for (cmsghdr *part = CMSG_FIRSTHDR(&header); part; part = CMSG_NXTHDR(&header, part))
    if (part->cmsg_level == SOL_SOCKET && part->cmsg_type == SCM_RIGHTS) {
      int number;
      std::memcpy(&number, CMSG_DATA(part), sizeof(number));
      return FileDescriptor(number);
    }
  return FileDescriptor();
}
} // namespace

std::string rendezvousName(const std::string &jobKey) {
  char name[64];
  std::snprintf(name, sizeof(name), "tpc-%u-%016llx", static_cast<unsigned>(geteuid()),
                static_cast<unsigned long long>(tpc_random_stream(jobKey.c_str())));
  return name;
}

FileDescriptor listenAt(int rank, const std::string &name, int backlog) {
  FileDescriptor listener = makeSocket(rank);
  auto [address, length] = addressOf(name);
  if (bind(listener.get(), reinterpret_cast<sockaddr *>(&address), length) != 0) {
    if (errno == EADDRINUSE)
      return FileDescriptor();
    throwErrno(rank, "bind the Unix socket @" + name);
  }
  if (listen(listener.get(), backlog) != 0)
    throwErrno(rank, "listen on the Unix socket @" + name);
  return listener;
}

FileDescriptor connectTo(int rank, const std::string &name) {
  FileDescriptor connection = makeSocket(rank);
  auto [address, length] = addressOf(name);
  if (connect(connection.get(), reinterpret_cast<sockaddr *>(&address), length) != 0) {
    if (errno == ECONNREFUSED || errno == ENOENT || errno == EAGAIN || errno == EINTR)
      return FileDescriptor();
    throwErrno(rank, "connect to the Unix socket @" + name);
  }
  if (!sameUser(rank, connection))
    throw Error("rank " + std::to_string(rank) + " on " + hostName() +
                ": another user listens on @" + name);
  return connection;
}

FileDescriptor acceptFrom(int rank, const FileDescriptor &listener, double seconds) {
  if (!readable(rank, listener, seconds))
    return FileDescriptor();
  FileDescriptor connection(accept4(listener.get(), nullptr, nullptr, SOCK_CLOEXEC));
  if (!connection.valid()) {
    if (errno == ECONNABORTED || errno == EINTR)
      return FileDescriptor();
    throwErrno(rank, "accept a connection");
  }
  return sameUser(rank, connection) ? std::move(connection) : FileDescriptor();
}

void sendMessage(int rank, const FileDescriptor &connection, const std::string &text,
                 const FileDescriptor &attached) {
  iovec data{const_cast<char *>(text.data()), text.size()};
  ControlBuffer control{};
  msghdr header{};
  header.msg_iov = &data;
  header.msg_iovlen = 1;
  if (attached.valid()) {
    header.msg_control = control.bytes;
    header.msg_controllen = sizeof(control.bytes);
    cmsghdr *part = CMSG_FIRSTHDR(&header);
    part->cmsg_level = SOL_SOCKET;
    part->cmsg_type = SCM_RIGHTS;
    part->cmsg_len = CMSG_LEN(sizeof(int));
    int number = attached.get();
    std::memcpy(CMSG_DATA(part), &number, sizeof(number));
  }
  if (sendmsg(connection.get(), &header, MSG_NOSIGNAL) < 0 && errno != EPIPE && errno != ECONNRESET)
    throwErrno(rank, "send to another rank");
}

Message receiveMessage(int rank, const FileDescriptor &connection, double seconds) {
  Message message;
  if (!readable(rank, connection, seconds))
    return message;
  std::vector<char> buffer(kMessageBytes);
  iovec data{buffer.data(), buffer.size()};
  ControlBuffer control{};
  msghdr header{};
  header.msg_iov = &data;
  header.msg_iovlen = 1;
  header.msg_control = control.bytes;
  header.msg_controllen = sizeof(control.bytes);
  ssize_t count = recvmsg(connection.get(), &header, MSG_CMSG_CLOEXEC);
  if (count < 0 && errno == EINTR)
    return message;
  if (count < 0 && errno != ECONNRESET)
    throwErrno(rank, "receive from another rank");
  if (count <= 0) {
    message.kind = Message::Kind::Closed;
    return message;
  }
  message.attached = attachedTo(header);
  message.kind = Message::Kind::Text;
  message.text.assign(buffer.data(), count);
  return message;
}

} // namespace tpc::runtime
