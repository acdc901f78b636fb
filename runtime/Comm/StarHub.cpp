// What rank 0 does for all.
#include "HostCollective.h"
#include "Star.h"

namespace tpc::runtime {

void Star::collect(int rank, const StarMessage &part) {
  std::string all, mistake;
  {
    Lock lock(mutex);
    mistake = whyNotTogether(rank, part);
    if (mistake.empty()) {
      parts.emplace(rank, part);
      if (static_cast<int>(parts.size()) < size())
        return;
      for (auto &[other, given] : parts)
        all += given.bytes;
      parts.clear();
      finished = finished || part.number == kFinish; // from now on who goes has not died
    }
  }
  if (!mistake.empty())
    return settle(0, mistake);
  watch.sendAll(StarMessage{StarMessage::Data, part.number, all}.encode());
  deliver(part.number, all); // last: rank 0 may leave then
}

std::string Star::whyNotTogether(int rank, const StarMessage &part) const {
  if (parts.empty())
    return "";
  auto &[other, given] = *parts.begin();
  if (given.number == part.number && given.bytes.size() == part.bytes.size())
    return "";
  return describe(rank) + " executes " + describeOperation(part.number) + " of " +
         std::to_string(part.bytes.size()) + " bytes while " + describe(other) + " executes " +
         describeOperation(given.number) + " of " + std::to_string(given.bytes.size()) +
         ": the ranks do not run the same program on the same input";
}

void Star::blame(int complainer, const std::string &complaint) {
  std::string missing;
  int count = 0;
  {
    Lock lock(mutex);
    if (!parts.count(complainer)) // its exchange is over by now
      return;
    for (int rank = 0; rank < size(); ++rank)
      if (!parts.count(rank) && ++count)
        missing += (missing.empty() ? "" : ", ") + describe(rank);
  }
  settle(0, missing + " stalled: " + complaint + (count > 1 ? " for them" : " for it") +
                "; raise --timeout if it is only slow");
}

void Star::settle(int from, const std::string &text) {
  Lock lock(mutex); // while it sends: whoever sees the failure may leave
  if (origin || finished)
    return;
  origin = from;
  message = text;
  failureSeen = true;
  changed.notify_all();
  watch.sendAll(StarMessage{StarMessage::Failure, from, text}.encode());
}

} // namespace tpc::runtime
