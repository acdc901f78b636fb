#include "TcpSocket.h"
#include "tpc/runtime/Error.h"
#include <algorithm>
#include <cerrno>
#include <cmath>
#include <cstring>
#include <fcntl.h>
#include <ifaddrs.h>
#include <memory>
#include <net/if.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/time.h>

namespace tpc::runtime {

namespace {
template <typename Value>
void setOption(int rank, const FileDescriptor &socket, int level, int option, const Value &value) {
  if (setsockopt(socket.get(), level, option, &value, sizeof(value)) != 0)
    throwErrno(rank, "set an option of a connection");
}

/// The wildcard address of a family.
std::pair<sockaddr_storage, socklen_t> anyAddress(int family, int port) {
  sockaddr_storage storage{};
  if (family == AF_INET6) {
    auto &address = reinterpret_cast<sockaddr_in6 &>(storage);
    address.sin6_family = AF_INET6;
    address.sin6_port = htons(static_cast<uint16_t>(port));
    return {storage, sizeof(address)};
  }
  auto &address = reinterpret_cast<sockaddr_in &>(storage);
  address.sin_family = AF_INET;
  address.sin_port = htons(static_cast<uint16_t>(port));
  return {storage, sizeof(address)};
}

using Addresses = std::unique_ptr<addrinfo, void (*)(addrinfo *)>;

Addresses resolve(const std::string &host, int port, std::string &trouble) {
  addrinfo hints{}, *found = nullptr;
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = AI_NUMERICSERV;
  int error = getaddrinfo(host.c_str(), std::to_string(port).c_str(), &hints, &found);
  if (error != 0)
    trouble = "cannot find the address of " + host + ": " + gai_strerror(error);
  return {error == 0 ? found : nullptr, [](addrinfo *list) {
            if (list)
              freeaddrinfo(list);
          }};
}

/// Waits for the end of a connect() under way; its error number.
int awaitConnection(int rank, const FileDescriptor &socket, double seconds) {
  pollfd entry{socket.get(), POLLOUT, 0};
  int count = poll(&entry, 1, static_cast<int>(seconds * 1000));
  if (count <= 0)
    return count == 0 ? ETIMEDOUT : errno;
  int error = 0;
  socklen_t length = sizeof(error);
  if (getsockopt(socket.get(), SOL_SOCKET, SO_ERROR, &error, &length) != 0)
    throwErrno(rank, "connect to another host");
  return error;
}

std::string numeric(const sockaddr *address, socklen_t length) {
  char text[NI_MAXHOST] = "";
  getnameinfo(address, length, text, sizeof(text), nullptr, 0, NI_NUMERICHOST);
  return text;
}

/// An interface's address as text; empty if other hosts cannot use it.
std::string addressOf(const ifaddrs &entry) {
  if (!entry.ifa_addr || !(entry.ifa_flags & IFF_UP))
    return "";
  if (entry.ifa_addr->sa_family == AF_INET)
    return numeric(entry.ifa_addr, sizeof(sockaddr_in));
  if (entry.ifa_addr->sa_family != AF_INET6)
    return "";
  const auto *address = reinterpret_cast<const sockaddr_in6 *>(entry.ifa_addr);
  return IN6_IS_ADDR_LINKLOCAL(&address->sin6_addr) ? ""
                                                    : numeric(entry.ifa_addr, sizeof(sockaddr_in6));
}
} // namespace

FileDescriptor listenOnPort(int rank, int port, int backlog) {
  for (int family : {AF_INET6, AF_INET}) { // the first takes connections of both
    FileDescriptor listener(socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0));
    if (!listener.valid())
      continue;
    setOption(rank, listener, SOL_SOCKET, SO_REUSEADDR, 1);
    if (family == AF_INET6)
      setOption(rank, listener, IPPROTO_IPV6, IPV6_V6ONLY, 0);
    auto [address, length] = anyAddress(family, port);
    if (bind(listener.get(), reinterpret_cast<sockaddr *>(&address), length) == 0 &&
        listen(listener.get(), backlog) == 0)
      return listener;
    if (errno == EADDRINUSE)
      return FileDescriptor();
  }
  throwErrno(rank, "listen on port " + std::to_string(port));
}

int portOf(int rank, const FileDescriptor &listener) {
  sockaddr_storage address{};
  socklen_t length = sizeof(address);
  if (getsockname(listener.get(), reinterpret_cast<sockaddr *>(&address), &length) != 0)
    throwErrno(rank, "ask for the port of a socket");
  return ntohs(address.ss_family == AF_INET6 ? reinterpret_cast<sockaddr_in6 &>(address).sin6_port
                                             : reinterpret_cast<sockaddr_in &>(address).sin_port);
}

FileDescriptor connectToPort(int rank, const std::string &host, int port, double seconds,
                             std::string &trouble) {
  Addresses addresses = resolve(host, port, trouble);
  for (addrinfo *entry = addresses.get(); entry; entry = entry->ai_next) {
    FileDescriptor connection(
        socket(entry->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    if (!connection.valid())
      continue;
    int error = 0;
    if (connect(connection.get(), entry->ai_addr, entry->ai_addrlen) != 0)
      error = errno == EINPROGRESS ? awaitConnection(rank, connection, seconds) : errno;
    if (error == 0) {
      if (fcntl(connection.get(), F_SETFL, 0) != 0)
        throwErrno(rank, "make a connection wait");
      return connection;
    }
    trouble = host + ":" + std::to_string(port) + ": " + std::strerror(error);
  }
  return FileDescriptor();
}

std::vector<std::string> ownAddresses() {
  std::vector<std::string> outside, loopback;
  ifaddrs *list = nullptr;
  if (getifaddrs(&list) != 0)
    return {hostName()};
  for (ifaddrs *entry = list; entry; entry = entry->ifa_next)
    if (std::string address = addressOf(*entry); !address.empty())
      (entry->ifa_flags & IFF_LOOPBACK ? loopback : outside).push_back(address);
  freeifaddrs(list);
  outside.insert(outside.end(), loopback.begin(), loopback.end());
  outside.push_back(hostName()); // last: a name that nobody knows takes long to look up
  return outside;
}

void limitSilence(int rank, const FileDescriptor &connection, double seconds) {
  constexpr int kProbes = 4;
  int interval = std::clamp(static_cast<int>(seconds / (kProbes + 1)), 1, 3600);
  setOption(rank, connection, SOL_SOCKET, SO_KEEPALIVE, 1);
  setOption(rank, connection, IPPROTO_TCP, TCP_KEEPIDLE, interval);
  setOption(rank, connection, IPPROTO_TCP, TCP_KEEPINTVL, interval);
  setOption(rank, connection, IPPROTO_TCP, TCP_KEEPCNT, kProbes);
  setOption(rank, connection, IPPROTO_TCP, TCP_USER_TIMEOUT,
            static_cast<unsigned>(std::clamp(seconds, 1.0, 1e6) * 1000));
  setOption(rank, connection, IPPROTO_TCP, TCP_NODELAY, 1);
  timeval limit{static_cast<time_t>(std::ceil(std::min(seconds, 1e6))), 0};
  setOption(rank, connection, SOL_SOCKET, SO_SNDTIMEO, limit);
}

} // namespace tpc::runtime
