#include "Messages.h"
#include "tpc/runtime/Error.h"
#include <algorithm>
#include <cerrno>
#include <cstdint>
#include <cstring>
#include <poll.h>
#include <sys/socket.h>

namespace tpc::runtime {

namespace {
/// What every message begins with, before its length; strangers begin otherwise.
constexpr char kMagic[4] = {'t', 'p', 'c', '1'};
constexpr uint64_t kLargestMessage = uint64_t(1) << 30;
/// Longest pause within a message.
constexpr double kPauseSeconds = 5;

bool isGone(int error) {
  constexpr int kErrors[] = {EPIPE,        ECONNRESET,  ECONNABORTED, ETIMEDOUT,
                             EHOSTUNREACH, ENETUNREACH, ENETDOWN};
  return std::find(std::begin(kErrors), std::end(kErrors), error) != std::end(kErrors);
}

bool readable(int rank, const FileDescriptor &socket, double seconds) {
  pollfd entry{socket.get(), POLLIN, 0};
  int count = 0;
  do
    count = poll(&entry, 1, static_cast<int>(std::max(0.0, seconds) * 1000));
  while (count < 0 && errno == EINTR);
  if (count < 0)
    throwErrno(rank, "wait for a connection");
  return count > 0;
}

union ControlBuffer {
  char bytes[CMSG_SPACE(sizeof(int))];
  cmsghdr alignment;
};

void attach(msghdr &header, ControlBuffer &control, int number) {
  header.msg_control = control.bytes;
  header.msg_controllen = sizeof(control.bytes);
  cmsghdr *part = CMSG_FIRSTHDR(&header);
  part->cmsg_level = SOL_SOCKET;
  part->cmsg_type = SCM_RIGHTS;
  part->cmsg_len = CMSG_LEN(sizeof(int));
  std::memcpy(CMSG_DATA(part), &number, sizeof(number));
}

FileDescriptor attachedTo(msghdr &header) {
  for (cmsghdr *part = CMSG_FIRSTHDR(&header); part; part = CMSG_NXTHDR(&header, part))
    if (part->cmsg_level == SOL_SOCKET && part->cmsg_type == SCM_RIGHTS) {
      int number;
      std::memcpy(&number, CMSG_DATA(part), sizeof(number));
      return FileDescriptor(number);
    }
  return FileDescriptor();
}

/// Fills `to`; false if the peer is gone or pauses for too long.
bool receiveAll(int rank, const FileDescriptor &connection, char *to, size_t bytes,
                FileDescriptor &attached) {
  while (bytes > 0) {
    if (!readable(rank, connection, kPauseSeconds))
      return false;
    iovec data{to, bytes};
    ControlBuffer control{};
    msghdr header{};
    header.msg_iov = &data;
    header.msg_iovlen = 1;
    header.msg_control = control.bytes;
    header.msg_controllen = sizeof(control.bytes);
    ssize_t count = recvmsg(connection.get(), &header, MSG_CMSG_CLOEXEC);
    if (count < 0 && errno == EINTR)
      continue;
    if (count < 0 && !isGone(errno))
      throwErrno(rank, "receive from another rank");
    if (count <= 0)
      return false;
    if (FileDescriptor found = attachedTo(header); found.valid())
      attached = std::move(found);
    to += count;
    bytes -= static_cast<size_t>(count);
  }
  return true;
}
} // namespace

FileDescriptor acceptFrom(int rank, const FileDescriptor &listener, double seconds) {
  if (!readable(rank, listener, seconds))
    return FileDescriptor();
  FileDescriptor connection(accept4(listener.get(), nullptr, nullptr, SOCK_CLOEXEC));
  if (!connection.valid() && errno != EINTR && !isGone(errno))
    throwErrno(rank, "accept a connection");
  return connection;
}

void sendMessage(int rank, const FileDescriptor &connection, const std::string &text,
                 const FileDescriptor &attached) {
  uint64_t length = text.size();
  std::string frame(kMagic, sizeof(kMagic));
  frame.append(reinterpret_cast<const char *>(&length), sizeof(length)).append(text);
  ControlBuffer control{};
  msghdr header{};
  if (attached.valid())
    attach(header, control, attached.get());
  for (size_t sent = 0; sent < frame.size();) {
    iovec data{frame.data() + sent, frame.size() - sent};
    header.msg_iov = &data;
    header.msg_iovlen = 1;
    ssize_t count = sendmsg(connection.get(), &header, MSG_NOSIGNAL);
    if (count < 0 && errno == EINTR)
      continue;
    if (count < 0 && isGone(errno))
      return;
    if (count < 0)
      throwErrno(rank, "send to another rank");
    sent += static_cast<size_t>(count);
    header.msg_control = nullptr;
    header.msg_controllen = 0;
  }
}

Message receiveMessage(int rank, const FileDescriptor &connection, double seconds) {
  Message message;
  if (!readable(rank, connection, seconds))
    return message;
  message.kind = Message::Kind::Closed;
  char magic[sizeof(kMagic)];
  uint64_t length = 0;
  if (!receiveAll(rank, connection, magic, sizeof(magic), message.attached) ||
      std::memcmp(magic, kMagic, sizeof(magic)) != 0 ||
      !receiveAll(rank, connection, reinterpret_cast<char *>(&length), sizeof(length),
                  message.attached) ||
      length > kLargestMessage)
    return message;
  message.text.resize(length);
  if (receiveAll(rank, connection, message.text.data(), length, message.attached))
    message.kind = Message::Kind::Text;
  return message;
}

} // namespace tpc::runtime
