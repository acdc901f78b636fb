#include "NetworkPlace.h"
#include "IO/AsideFile.h"
#include "Introduction.h"
#include "Rendezvous.h"
#include "TcpSocket.h"
#include <cerrno>
#include <cstring>
#include <fstream>
#include <nlohmann/json.hpp>
#include <optional>
#include <random>
#include <unistd.h>

using nlohmann::json;

namespace tpc::runtime {

namespace {
/// For one address: a wall that swallows packets must not take the whole time-out.
constexpr double kConnectSeconds = 2;

class PortPlace final : public MeetingPlace {
public:
  PortPlace(const NetworkAddress &where, const std::string &jobKey) : where(where) { key = jobKey; }

  FileDescriptor listen(const Introduction &self) override {
    FileDescriptor listener = listenOnPort(0, where.port, self.size);
    if (!listener.valid())
      throw Error(self.describe() + ": port " + std::to_string(where.port) +
                  " is taken on this host: the ranks meet at MASTER_PORT + 1, choose another "
                  "MASTER_PORT");
    return listener;
  }
  FileDescriptor connect(int rank) override {
    return connectToPort(rank, where.host, where.port, kConnectSeconds, trouble);
  }
  std::string describe() const override {
    return "at " + where.host + ":" + std::to_string(where.port);
  }

private:
  const NetworkAddress where;
};

/// What rank 0 publishes.
struct Published {
  std::string job, nonce;
  std::vector<std::string> hosts;
  int port = 0;
};

std::string toJson(const Published &published) {
  return json{{"tpc_job", published.job},
              {"nonce", published.nonce},
              {"hosts", published.hosts},
              {"port", published.port}}
             .dump() +
         "\n";
}

/// Not mapped: the file may go at any time.
std::optional<Published> readPublished(const std::string &path, std::string &trouble) {
  std::ifstream file(path);
  if (!file) {
    trouble = path + ": " + std::strerror(errno);
    return std::nullopt;
  }
  try {
    json object = json::parse(file);
    return Published{object.at("tpc_job"), object.at("nonce"), object.at("hosts"),
                     object.at("port")};
  } catch (const json::exception &) {
    trouble = path + " is no file that a rank 0 has written";
    return std::nullopt;
  }
}

std::string randomName() {
  std::random_device device;
  return std::to_string(device()) + "-" + std::to_string(device());
}

class FilePlace final : public MeetingPlace {
public:
  FilePlace(std::string path, std::string job) : path(std::move(path)), job(std::move(job)) {}
  ~FilePlace() override {
    std::string ignored;
    std::optional<Published> there = readPublished(path, ignored);
    if (!mine.empty() && there && there->nonce == mine)
      unlink(path.c_str());
  }

  FileDescriptor listen(const Introduction &self) override {
    checkFree(self);
    FileDescriptor listener = listenOnPort(0, 0, self.size);
    Published published{job, randomName(), ownAddresses(), portOf(0, listener)};
    writeTextFile(path, toJson(published));
    mine = published.nonce;
    key = job + mine;
    return listener;
  }

  FileDescriptor connect(int rank) override {
    std::optional<Published> published = readPublished(path, trouble);
    if (!published)
      return FileDescriptor();
    if (published->job != job) {
      trouble = path + " is of another job";
      return FileDescriptor();
    }
    return reach(rank, *published);
  }

  std::string describe() const override { return "and to write " + path; }

private:
  /// One of the addresses, another one each time: some may lead to other hosts, or nowhere.
  FileDescriptor reach(int rank, const Published &published) {
    key = job + published.nonce;
    for (size_t tries = 0; tries < published.hosts.size(); ++tries) {
      const std::string &host = published.hosts[next++ % published.hosts.size()];
      FileDescriptor connection =
          connectToPort(rank, host, published.port, kConnectSeconds, trouble);
      if (connection.valid())
        return connection;
    }
    return FileDescriptor();
  }

  void checkFree(Introduction self) {
    std::string ignored;
    std::optional<Published> published = readPublished(path, ignored);
    FileDescriptor other = published ? reach(0, *published) : FileDescriptor();
    self.job = key; // one of this job refuses a second rank 0 and ends too
    if (other.valid() && isRankZero(self, other))
      throw Error(self.describe() + ": another rank 0 gathers its ranks by " + path +
                  " right now: give each job a file of its own");
  }

  const std::string path, job;
  std::string mine; ///< the nonce of what this rank has published
  size_t next = 0;
};
} // namespace

std::unique_ptr<MeetingPlace> placeOnNetwork(const NetworkAddress &where,
                                             const std::string &jobKey) {
  if (!where.file.empty())
    return std::make_unique<FilePlace>(where.file, jobKey);
  return std::make_unique<PortPlace>(where, jobKey);
}

} // namespace tpc::runtime
