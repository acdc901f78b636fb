#include "PeerWatch.h"
#include "tpc/runtime/Error.h"
#include <cerrno>
#include <csignal>
#include <poll.h>
#include <set>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <vector>

namespace tpc::runtime {

PeerWatch::PeerWatch(int self, std::map<int, FileDescriptor> givenConnections, Ears givenEars)
    : self(self), connections(std::move(givenConnections)), ears(std::move(givenEars)),
      stop(eventfd(0, EFD_CLOEXEC)) {
  if (!stop.valid())
    throwErrno(self, "create an event descriptor");
  // Signals are for the thread that computes.
  sigset_t all, before;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  thread = std::thread([this] {
    watch();
    ended.set_value();
  });
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
}

PeerWatch::~PeerWatch() {
  uint64_t one = 1;
  // An eventfd with room for 2^64 cannot refuse; were it to, the thread would end with the process.
  if (write(stop.get(), &one, sizeof(one)) == sizeof(one))
    thread.join();
  else
    thread.detach();
}

void PeerWatch::send(int rank, const std::string &text) {
  std::lock_guard<std::mutex> lock(sending);
  sendMessage(self, connections.at(rank), text);
}

void PeerWatch::sendAll(const std::string &text) {
  std::exception_ptr first;
  for (auto &[rank, connection] : connections)
    try {
      send(rank, text);
    } catch (const Error &) {
      first = first ? first : std::current_exception();
    }
  if (first)
    std::rethrow_exception(first);
}

void PeerWatch::leave() {
  for (auto &[rank, connection] : connections)
    shutdown(connection.get(), SHUT_WR);
  ended.get_future().wait_for(std::chrono::seconds(1));
}

void PeerWatch::watch() {
  try {
    std::set<int> alive;
    for (auto &[rank, connection] : connections)
      alive.insert(rank);
    while (!alive.empty()) {
      std::vector<pollfd> entries{{stop.get(), POLLIN, 0}};
      for (int rank : alive)
        entries.push_back({connections.at(rank).get(), POLLIN, 0});
      if (poll(entries.data(), entries.size(), -1) < 0 && errno != EINTR)
        throwErrno(self, "watch the other ranks");
      if (entries[0].revents)
        return;
      size_t next = 1;
      for (int rank : std::set<int>(alive))
        if (entries[next++].revents && !readFrom(rank))
          alive.erase(rank);
    }
  } catch (const std::exception &error) {
    ears.fail(error.what());
  }
}

bool PeerWatch::readFrom(int rank) {
  Message message = receiveMessage(self, connections.at(rank), 0);
  if (message.kind == Message::Kind::None)
    return true;
  bool listen = ears.hear(rank, message);
  if (message.kind == Message::Kind::Text)
    return listen;
  shutdown(connections.at(rank).get(), SHUT_WR); // for a peer that waits in leave()
  return false;
}

} // namespace tpc::runtime
