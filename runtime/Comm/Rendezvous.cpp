#include "Rendezvous.h"
#include "Messages.h"
#include <algorithm>
#include <cerrno>
#include <nlohmann/json.hpp>
#include <poll.h>
#include <sstream>
#include <thread>
#include <vector>

using nlohmann::json;

namespace tpc::runtime {

namespace {
/// A newcomer says who it is at once, and rank 0 answers at once; longer silence means it is none.
constexpr double kIntroductionSeconds = 5;
/// How long rank 0 stays to tell latecomers why there is no job.
constexpr double kRefusalSeconds = 1;

// What rank 0 answers to an introduction.
constexpr const char *kAdmitted = "admitted", *kStranger = "stranger", *kError = "error";

std::string seconds(double value) {
  std::ostringstream text;
  text << value << " s";
  return text.str();
}

void answer(const FileDescriptor &connection, const char *verdict, const std::string &reason = "") {
  sendMessage(0, connection, json{{verdict, reason}}.dump());
}

/// What rank 0 says to `self`; no object if whoever listens there is none.
json introduce(const Introduction &self, const FileDescriptor &connection, double seconds) {
  sendMessage(self.rank, connection, self.toJson());
  Message message = receiveMessage(self.rank, connection, seconds);
  return message.kind == Message::Kind::Text
             ? json::parse(message.text, nullptr, /*allow_exceptions=*/false)
             : json();
}
} // namespace

Gathering::Gathering(const Introduction &givenSelf, MeetingPlace &place, double timeoutSeconds)
    : self(givenSelf), place(place), listener(place.listen(self)) {
  Deadline deadline(timeoutSeconds);
  while (static_cast<int>(introductions.size()) + 1 < self.size) {
    if (deadline.left() <= 0)
      refuse(FileDescriptor(), self.describe() + " waited " + seconds(timeoutSeconds) + " for " +
                                   missing() + " of " + std::to_string(self.size) +
                                   " ranks to start");
    awaitNews(std::min(0.2, deadline.left()));
    FileDescriptor connection = acceptFrom(0, listener, 0);
    if (connection.valid() && place.trusts(connection))
      newcomers.push_back({std::move(connection), Deadline(kIntroductionSeconds)});
    hearNewcomers();
    checkArrived();
  }
  listener = FileDescriptor();
}

void Gathering::awaitNews(double seconds) const {
  std::vector<pollfd> entries{{listener.get(), POLLIN, 0}};
  for (const Newcomer &newcomer : newcomers)
    entries.push_back({newcomer.connection.get(), POLLIN, 0});
  if (poll(entries.data(), entries.size(), static_cast<int>(std::max(0.0, seconds) * 1000)) < 0 &&
      errno != EINTR)
    throwErrno(0, "wait for the other ranks");
}

void Gathering::hearNewcomers() {
  for (auto newcomer = newcomers.begin(); newcomer != newcomers.end();) {
    Message message = receiveMessage(0, newcomer->connection, 0);
    if (message.kind == Message::Kind::None && newcomer->patience.left() > 0) {
      ++newcomer;
      continue;
    }
    FileDescriptor connection = std::move(newcomer->connection);
    newcomer = newcomers.erase(newcomer);
    if (message.kind == Message::Kind::Text)
      admit(std::move(connection), message.text);
  }
}

void Gathering::admit(FileDescriptor connection, const std::string &introduction) {
  Introduction other;
  try {
    other = Introduction::fromJson(introduction);
  } catch (const Error &) {
    return;
  }
  if (other.job != place.key)
    return answer(connection, kStranger);
  std::string reason = whyApart(self, other);
  auto twin = introductions.find(other.rank);
  if (reason.empty() && twin != introductions.end())
    reason = other.describe() + " and " + twin->second.describe() + " have the same rank number";
  if (!reason.empty())
    refuse(std::move(connection), reason);
  answer(connection, kAdmitted);
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
  for (Newcomer &other : newcomers)
    refused.push_back(std::move(other.connection));
  if (newcomer.valid())
    refused.push_back(std::move(newcomer));
  Deadline deadline(kRefusalSeconds);
  while (static_cast<int>(refused.size()) + 1 < self.size && deadline.left() > 0) {
    FileDescriptor latecomer = acceptFrom(0, listener, deadline.left());
    if (latecomer.valid() && place.trusts(latecomer) &&
        receiveMessage(0, latecomer, deadline.left()).kind == Message::Kind::Text)
      refused.push_back(std::move(latecomer));
  }
  // All at once: a launcher that sees one of them end would end this rank before it has spoken.
  for (const FileDescriptor &connection : refused)
    answer(connection, kError, reason);
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
    sendMessage(
        0, connection,
        json{{"spins", welcome.spins}, {"threads", welcome.fairThreads}, {"hosts", welcome.hosts}}
            .dump(),
        segment);
  }
}

Joining::Joining(const Introduction &self, MeetingPlace &place, double timeoutSeconds) {
  Deadline deadline(timeoutSeconds);
  for (double pause = 0.01; !knock(self, place); pause = std::min(0.1, 1.2 * pause)) {
    if (deadline.left() <= 0)
      throw Error(self.describe() + " waited " + seconds(timeoutSeconds) + " for rank 0 of " +
                  std::to_string(self.size) + " ranks to start " + place.describe() +
                  (place.trouble.empty() ? "" : ": " + place.trouble));
    std::this_thread::sleep_for(std::chrono::duration<double>(pause));
  }
  awaitWelcome(self, deadline);
}

bool Joining::knock(Introduction self, MeetingPlace &place) {
  place.trouble.clear();
  connection = place.connect(self.rank);
  if (!connection.valid())
    return false;
  self.job = place.key;
  json said = introduce(self, connection, kIntroductionSeconds);
  if (said.contains(kError))
    throw RelayedError(said[kError].get<std::string>());
  if (said.contains(kStranger))
    place.trouble = "another job meets there";
  else if (!said.contains(kAdmitted))
    place.trouble = "who listens there is no rank 0";
  return said.contains(kAdmitted);
}

void Joining::awaitWelcome(const Introduction &self, const Deadline &deadline) {
  Message message;
  // Rank 0 ends its own wait at the time-out and says so; a little later it must be gone.
  while (message.kind == Message::Kind::None && deadline.left() > -kIntroductionSeconds)
    message = receiveMessage(self.rank, connection, deadline.left() + kIntroductionSeconds);
  if (message.kind != Message::Kind::Text)
    throw Error(self.describe() + ": rank 0 " +
                (message.kind == Message::Kind::Closed ? "died" : "did not answer") +
                " before all ranks had started");
  json said = json::parse(message.text);
  if (said.contains(kError))
    throw RelayedError(said[kError].get<std::string>());
  welcome = {said.at("spins").get<int>(), said.at("threads").get<int>(),
             said.at("hosts").get<std::vector<std::string>>()};
  segment = std::move(message.attached);
}

bool isRankZero(const Introduction &self, const FileDescriptor &connection) {
  return introduce(self, connection, kIntroductionSeconds).is_object();
}

} // namespace tpc::runtime
