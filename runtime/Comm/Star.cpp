#include "Star.h"
#include "HostCollective.h"
#include "tpc/runtime/Error.h"
#include <cstring>
#include <sstream>

namespace tpc::runtime {

namespace {
/// How long rank 0's thread may take to say what it decides at once.
constexpr double kVerdictSeconds = 2;
} // namespace

std::string StarMessage::encode() const {
  std::string text(1, static_cast<char>(kind));
  return text.append(reinterpret_cast<const char *>(&number), sizeof(number)).append(bytes);
}

StarMessage StarMessage::decode(const std::string &text) {
  StarMessage result{};
  if (text.size() < 1 + sizeof(result.number))
    throw Error("a message between ranks is cut off");
  result.kind = static_cast<Kind>(text[0]);
  std::memcpy(&result.number, text.data() + 1, sizeof(result.number));
  result.bytes = text.substr(1 + sizeof(result.number));
  return result;
}

Star::Star(int self, std::vector<std::string> givenHosts, std::map<int, FileDescriptor> connections,
           double timeoutSeconds)
    : self(self), hosts(std::move(givenHosts)), timeoutSeconds(timeoutSeconds),
      watch(self, std::move(connections),
            {[this](int rank, const Message &message) { return hear(rank, message); },
             [this](const std::string &reason) { fail(reason); }}) {}

Star::~Star() {
  fail(describe(self) + " left before the job was finished");
  watch.leave();
}

std::string Star::describeOperation(int64_t operation) {
  return describeHostOperation(operation, {});
}

std::string Star::describe(int rank) const {
  return "rank " + std::to_string(rank) + " on " + hosts[static_cast<size_t>(rank)];
}

std::string Star::exchange(int64_t operation, const std::string &mine) {
  if (failed())
    throw Error(failure());
  StarMessage part{StarMessage::Data, operation, mine};
  isHub() ? collect(0, part) : watch.send(0, part.encode());
  Lock lock(mutex);
  if (!waitUntil(lock, timeoutSeconds)) {
    lock.unlock();
    complain(operation);
    lock.lock();
  }
  if (!result)
    throw Error(message);
  return *std::exchange(result, std::nullopt);
}

bool Star::waitUntil(Lock &lock, double seconds) {
  return changed.wait_for(lock, std::chrono::duration<double>(seconds),
                          [this] { return result || failureSeen; });
}

void Star::complain(int64_t operation) {
  std::ostringstream text;
  text << describe(self) << " waited " << timeoutSeconds << " s in "
       << describeOperation(operation);
  if (isHub())
    blame(0, text.str());
  else
    watch.send(0, StarMessage{StarMessage::Late, operation, text.str()}.encode());
  Lock lock(mutex);
  bool answered = waitUntil(lock, kVerdictSeconds);
  lock.unlock();
  if (!answered)
    fail(describe(0) + " stalled: " + text.str() + " for it");
}

bool Star::hear(int rank, const Message &text) {
  if (text.kind == Message::Kind::Closed) {
    lose(rank);
    return false;
  }
  StarMessage said = StarMessage::decode(text.text);
  if (said.kind == StarMessage::Data)
    isHub() ? collect(rank, said) : deliver(said.number, said.bytes);
  else if (said.kind == StarMessage::Failure)
    isHub() ? settle(rank, said.bytes) : learn(said.number, said.bytes);
  else
    blame(rank, said.bytes);
  return true;
}

void Star::lose(int rank) {
  std::string obituary = describe(rank) + " died, or its connection broke";
  {
    Lock lock(mutex);
    if (finished || origin)
      return;
    if (!isHub()) {
      hubLost = true;
      if (!failureSeen)
        message = obituary;
      failureSeen = true;
    }
  }
  if (isHub())
    settle(0, obituary);
  changed.notify_all();
}

void Star::deliver(int64_t operation, const std::string &all) {
  {
    Lock lock(mutex);
    result = all;
    finished = finished || operation == kFinish;
  }
  changed.notify_all();
}

void Star::learn(int64_t from, const std::string &text) {
  {
    Lock lock(mutex);
    origin = static_cast<int>(from);
    message = text;
    failureSeen = true;
  }
  changed.notify_all();
}

void Star::fail(const std::string &text) noexcept {
  try {
    if (isHub())
      return settle(0, text);
    {
      Lock lock(mutex);
      if (failureSeen || finished)
        return;
      message = text;
      failureSeen = true;
    }
    changed.notify_all();
    watch.send(0, StarMessage{StarMessage::Failure, self, text}.encode());
  } catch (const std::exception &) { // rank 0 will notice the end of the connection
  }
}

std::string Star::failure() const {
  Lock lock(mutex);
  return message;
}

bool Star::claimReport() noexcept {
  Lock lock(mutex);
  if (!failureSeen || std::exchange(reported, true))
    return false;
  changed.wait_for(lock, std::chrono::duration<double>(kVerdictSeconds),
                   [this] { return origin || hubLost; });
  if (origin)
    return *origin == self;
  return !hubLost || firstOnItsHost();
}

bool Star::firstOnItsHost() const {
  for (int rank = 1; rank < self; ++rank)
    if (hosts[static_cast<size_t>(rank)] == hosts[static_cast<size_t>(self)])
      return false;
  return true;
}

} // namespace tpc::runtime
