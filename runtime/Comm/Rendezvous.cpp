#include "Rendezvous.h"
#include "UnixSocket.h"
#include <algorithm>
#include <chrono>
#include <nlohmann/json.hpp>
#include <sstream>
#include <thread>
#include <vector>

using nlohmann::json;

namespace tpc::runtime {

namespace {
using Clock = std::chrono::steady_clock;

class Deadline {
public:
  explicit Deadline(double seconds)
      : end(Clock::now() +
            std::chrono::duration_cast<Clock::duration>(std::chrono::duration<double>(seconds))) {}
  double left() const { return std::chrono::duration<double>(end - Clock::now()).count(); }

private:
  Clock::time_point end;
};

/// A newcomer says who it is at once; longer silence means it is no rank.
constexpr double kIntroductionSeconds = 5;
/// How long rank 0 stays to tell latecomers why there is no job.
constexpr double kRefusalSeconds = 1;

std::string seconds(double value) {
  std::ostringstream text;
  text << value << " s";
  return text.str();
}
} // namespace

Gathering::Gathering(const Introduction &givenSelf, const std::string &jobKey,
                     double timeoutSeconds)
    : self(givenSelf) {
  std::string name = rendezvousName(jobKey);
  listener = listenAt(0, name, self.size);
  if (!listener.valid())
    throw Error(self.describe() + ": another rank 0 gathers its ranks at @" + name +
                " right now: two jobs with the same job number, or the same MASTER_PORT, cannot "
                "start at once");
  Deadline deadline(timeoutSeconds);
  while (static_cast<int>(introductions.size()) + 1 < self.size) {
    if (deadline.left() <= 0)
      refuse(FileDescriptor(), self.describe() + " waited " + seconds(timeoutSeconds) + " for " +
                                   missing() + " of " + std::to_string(self.size) +
                                   " ranks to start");
    FileDescriptor connection = acceptFrom(0, listener, std::min(0.2, deadline.left()));
    if (connection.valid())
      admit(std::move(connection));
    checkArrived();
  }
  listener = FileDescriptor();
}

void Gathering::admit(FileDescriptor connection) {
  Message message = receiveMessage(0, connection, kIntroductionSeconds);
  if (message.kind != Message::Kind::Text)
    return;
  Introduction other = Introduction::fromJson(message.text);
  std::string reason = whyApart(self, other);
  auto twin = introductions.find(other.rank);
  if (reason.empty() && twin != introductions.end())
    reason = other.describe() + " and " + twin->second.describe() + " have the same rank number";
  if (!reason.empty())
    refuse(std::move(connection), reason);
  introductions.emplace(other.rank, other);
  connections.emplace(other.rank, std::move(connection));
}

void Gathering::checkArrived() {
  for (auto &[rank, connection] : connections)
    if (receiveMessage(0, connection, 0).kind == Message::Kind::Closed) {
      std::string gone = introductions.at(rank).describe();
      connections.erase(rank);
      refuse(FileDescriptor(), gone + " died before all ranks had started");
    }
}

void Gathering::refuse(FileDescriptor newcomer, const std::string &reason) {
  std::vector<FileDescriptor> refused;
  for (auto &[rank, connection] : connections)
    refused.push_back(std::move(connection));
  if (newcomer.valid())
    refused.push_back(std::move(newcomer));
  Deadline deadline(kRefusalSeconds);
  while (static_cast<int>(refused.size()) + 1 < self.size && deadline.left() > 0) {
    FileDescriptor latecomer = acceptFrom(0, listener, deadline.left());
    if (latecomer.valid() &&
        receiveMessage(0, latecomer, deadline.left()).kind == Message::Kind::Text)
      refused.push_back(std::move(latecomer));
  }
  // All at once: a launcher that sees one of them end would end this rank before it has spoken.
  for (const FileDescriptor &connection : refused)
    sendMessage(0, connection, json{{"error", reason}}.dump());
  throw Error(reason);
}

std::string Gathering::missing() const {
  std::string text;
  for (int rank = 1; rank < self.size; ++rank)
    if (!introductions.count(rank))
      text += (text.empty() ? "" : ", ") + std::to_string(rank);
  return "rank " + text;
}

void Gathering::welcome(const std::map<int, Welcome> &welcomes, const FileDescriptor &segment) {
  for (auto &[rank, connection] : connections) {
    const Welcome &welcome = welcomes.at(rank);
    sendMessage(0, connection,
                json{{"spins", welcome.spins}, {"threads", welcome.fairThreads}}.dump(), segment);
  }
}

Joining::Joining(const Introduction &self, const std::string &jobKey, double timeoutSeconds) {
  Deadline deadline(timeoutSeconds);
  std::string name = rendezvousName(jobKey);
  while (!(connection = connectTo(self.rank, name)).valid()) {
    if (deadline.left() <= 0)
      throw Error(self.describe() + " waited " + seconds(timeoutSeconds) + " for rank 0 of " +
                  std::to_string(self.size) + " ranks to start on this host");
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
  sendMessage(self.rank, connection, self.toJson());
  Message message;
  // Rank 0 ends its own wait at the time-out and says so; a little later it must be gone.
  while (message.kind == Message::Kind::None && deadline.left() > -kIntroductionSeconds)
    message = receiveMessage(self.rank, connection, deadline.left() + kIntroductionSeconds);
  if (message.kind != Message::Kind::Text)
    throw Error(self.describe() + ": rank 0 " +
                (message.kind == Message::Kind::Closed ? "died" : "did not answer") +
                " before all ranks had started");
  json answer = json::parse(message.text);
  if (answer.contains("error"))
    throw RelayedError(answer["error"].get<std::string>());
  welcome = {answer.at("spins").get<int>(), answer.at("threads").get<int>()};
  segment = std::move(message.attached);
}

} // namespace tpc::runtime
