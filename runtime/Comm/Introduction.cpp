#include "Introduction.h"
#include <nlohmann/json.hpp>
#include <unistd.h>

using nlohmann::json;

namespace tpc::runtime {

Introduction Introduction::ofThisProcess(int rank, const SegmentSizes &sizes,
                                         const CommunicatorOptions &options) {
  Introduction self;
  self.rank = rank;
  self.size = sizes.ranks;
  self.pid = getpid();
  self.host = hostName();
  self.cores = CoreSet::ofThisProcess();
  self.segmentBytes = Segment::bytes(sizes);
  self.identity = options.identity;
  return self;
}

std::string Introduction::toJson() const {
  return json{{"tpc_rank", rank},
              {"size", size},
              {"pid", pid},
              {"job", job},
              {"host", host},
              {"cores", cores.cores},
              {"segment", segmentBytes},
              {"identity", identity}}
      .dump();
}

Introduction Introduction::fromJson(const std::string &text) try {
  json object = json::parse(text);
  Introduction result;
  result.rank = object.at("tpc_rank").get<int>();
  result.size = object.at("size").get<int>();
  result.pid = object.at("pid").get<int>();
  result.job = object.at("job").get<std::string>();
  result.host = object.at("host").get<std::string>();
  result.cores.cores = object.at("cores").get<std::set<int>>();
  result.segmentBytes = object.at("segment").get<size_t>();
  result.identity = object.at("identity").get<Identity>();
  return result;
} catch (const json::exception &error) {
  throw Error(std::string("a process that is no rank of this job came to the rendezvous: ") +
              error.what());
}

std::string Introduction::describe() const {
  return "rank " + std::to_string(rank) + " on " + host + " (process " + std::to_string(pid) + ")";
}

std::string whyApart(const Introduction &zero, const Introduction &other) {
  if (other.size != zero.size)
    return other.describe() + " belongs to a job of " + std::to_string(other.size) + " ranks, " +
           zero.describe() + " to one of " + std::to_string(zero.size);
  if (other.rank <= 0 || other.rank >= zero.size)
    return other.describe() + " has a rank number outside 0.." + std::to_string(zero.size - 1) +
           " or that of " + zero.describe();
  if (other.identity.size() != zero.identity.size())
    return other.describe() + " runs another executable than " + zero.describe();
  for (size_t i = 0; i < zero.identity.size(); ++i)
    if (other.identity[i] != zero.identity[i])
      return other.describe() + " has another " + zero.identity[i].first + " than " +
             zero.describe() + ": '" + other.identity[i].second + "', not '" +
             zero.identity[i].second + "'";
  if (other.segmentBytes != zero.segmentBytes)
    return other.describe() + " runs another executable than " + zero.describe() +
           ": they plan communication regions of different sizes";
  return "";
}

} // namespace tpc::runtime
