#include "PeerWatch.h"
#include "UnixSocket.h"
#include "tpc/runtime/Error.h"
#include <cerrno>
#include <csignal>
#include <poll.h>
#include <set>
#include <sys/eventfd.h>
#include <vector>

namespace tpc::runtime {

PeerWatch::PeerWatch(int self, Board &board, std::map<int, FileDescriptor> givenConnections,
                     std::function<std::string(int)> obituary)
    : self(self), board(board), connections(std::move(givenConnections)),
      obituary(std::move(obituary)), stop(eventfd(0, EFD_CLOEXEC)) {
  if (!stop.valid())
    throwErrno(self, "create an event descriptor");
  // Signals are for the thread that computes.
  sigset_t all, before;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  thread = std::thread([this] { watch(); });
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

void PeerWatch::sayGoodbye() {
  for (auto &[rank, connection] : connections)
    sendMessage(self, connection, "goodbye");
}

void PeerWatch::watch() {
  try {
    std::set<int> alive;
    for (auto &[rank, connection] : connections)
      alive.insert(rank);
    while (!alive.empty() && !board.failed()) {
      std::vector<pollfd> entries{{stop.get(), POLLIN, 0}};
      for (int rank : alive)
        entries.push_back({connections.at(rank).get(), POLLIN, 0});
      if (poll(entries.data(), entries.size(), -1) < 0 && errno != EINTR)
        throwErrno(self, "watch the other ranks");
      if (entries[0].revents)
        return;
      size_t next = 1;
      for (int rank : std::set<int>(alive))
        if (entries[next++].revents) {
          readFrom(rank);
          alive.erase(rank);
        }
    }
  } catch (const std::exception &error) {
    board.fail(error.what());
  }
}

void PeerWatch::readFrom(int rank) {
  bool goodbye = receiveMessage(self, connections.at(rank), 0).kind == Message::Kind::Text;
  if (!goodbye)
    board.fail(obituary(rank));
}

} // namespace tpc::runtime
