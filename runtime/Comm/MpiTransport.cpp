#include "MpiTransport.h"
#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <cstring>
#include <sstream>

namespace tpc::runtime {

namespace {
constexpr size_t kPieceBytes = size_t(1) << 30;
constexpr int kNewsBytes = 2048;
constexpr int kNewsTag = 1;
/// How long a failed rank waits for a lower one that failed as well.
constexpr double kRivalSeconds = 0.3;

/// Tags of data wrap around well below 32767, which every library offers.
int dataTag(uint32_t tag) { return 2 + static_cast<int>(tag % 30000); }

using Clock = std::chrono::steady_clock;
double since(Clock::time_point begin) {
  return std::chrono::duration<double>(Clock::now() - begin).count();
}
} // namespace

MpiTransport::MpiTransport(int rank, int size, double timeoutSeconds)
    : self(rank), size(size), timeoutSeconds(timeoutSeconds),
      library(MpiLibrary::open(expectsOpenMpi([](const char *name) { return std::getenv(name); }))),
      news(kNewsBytes), lowestInNews(size) {
  library->initialize();
  if (library->rank() != rank || library->size() != size) {
    std::string text = "rank " + std::to_string(rank) + " of " + std::to_string(size) + " on " +
                       hostName() + ": the MPI library " + library->path() + " says rank " +
                       std::to_string(library->rank()) + " of " + std::to_string(library->size()) +
                       ": set TPC_MPI_LIBRARY to the library that belongs to the launcher, and let "
                       "srun speak its protocol (--mpi=pmix for Open MPI, --mpi=pmi2 for MPICH)";
    library->finalize();
    throw Error(text);
  }
  awaitNews();
}

MpiTransport::~MpiTransport() {
  if (finished)
    return;
  fail(describe(self) + " left before the job was finished");
  if (begunHere)
    library->abortJob();
  // Where the failure began it is printed now and then ends this process too. A launcher that sees
  // this one end first would silence it.
  std::this_thread::sleep_for(std::chrono::seconds(2));
}

std::string MpiTransport::describe(int rank) const {
  std::string text = "rank " + std::to_string(rank);
  return rank < static_cast<int>(hosts.size()) ? text + " on " + hosts[rank] : text;
}

void MpiTransport::send(const char *data, size_t bytes, int peer, uint32_t tag,
                        std::vector<MpiTransfer> &transfers) {
  transfers.push_back({peer, true, {}});
  for (size_t begin = 0; begin < bytes; begin += kPieceBytes)
    transfers.back().pieces.push_back(library->send(
        data + begin, static_cast<int>(std::min(kPieceBytes, bytes - begin)), peer, dataTag(tag)));
}

void MpiTransport::receive(char *data, size_t bytes, int peer, uint32_t tag,
                           std::vector<MpiTransfer> &transfers) {
  transfers.push_back({peer, false, {}});
  for (size_t begin = 0; begin < bytes; begin += kPieceBytes)
    transfers.back().pieces.push_back(library->receive(
        data + begin, static_cast<int>(std::min(kPieceBytes, bytes - begin)), peer, dataTag(tag)));
}

bool MpiTransport::progress(std::vector<MpiTransfer> &transfers) {
  for (MpiTransfer &transfer : transfers)
    while (!transfer.pieces.empty() && library->test(transfer.pieces.back()))
      transfer.pieces.pop_back();
  return std::all_of(transfers.begin(), transfers.end(),
                     [](const MpiTransfer &transfer) { return transfer.pieces.empty(); });
}

void MpiTransport::waitAll(std::vector<MpiTransfer> &transfers, const std::string &operation) {
  Clock::time_point begin = Clock::now();
  for (int64_t polls = 0; !progress(transfers); ++polls) {
    if (polls < 100)
      continue;
    readNews();
    if (failed()) {
      spreadNews();
      throw Error(failure());
    }
    if (since(begin) > timeoutSeconds)
      reportTimeout(transfers, operation);
    // Peers that share the core must run; after a while, so must everything else.
    if (since(begin) < 0.01)
      std::this_thread::yield();
    else
      std::this_thread::sleep_for(std::chrono::microseconds(100));
  }
}

void MpiTransport::reportTimeout(const std::vector<MpiTransfer> &transfers,
                                 const std::string &operation) {
  auto late = std::find_if(transfers.begin(), transfers.end(), [](const MpiTransfer &transfer) {
    return !transfer.sending && !transfer.pieces.empty();
  });
  if (late == transfers.end())
    late = std::find_if(transfers.begin(), transfers.end(),
                        [](const MpiTransfer &transfer) { return !transfer.pieces.empty(); });
  std::ostringstream text;
  text << describe(late->peer) << " stalled: " << describe(self) << " waited " << timeoutSeconds
       << " s in " << operation << " for it; raise --timeout if it is only slow";
  fail(text.str());
  throw Error(failure());
}

void MpiTransport::record(const std::string &text, bool ours) noexcept {
  std::lock_guard<std::mutex> lock(mutex);
  if (failureSeen)
    return;
  try {
    message = text;
  } catch (const std::bad_alloc &) { // the failure counts without its text
  }
  begunHere = ours;
  failureSeen = true;
}

void MpiTransport::fail(const std::string &text) noexcept {
  record(text, true);
  if (std::this_thread::get_id() != owner || finished)
    return;
  try {
    spreadNews();
  } catch (const std::exception
               &) { // MPI itself is broken: the job's end will be noticed by the launcher
  }
}

std::string MpiTransport::failure() const {
  std::lock_guard<std::mutex> lock(mutex);
  return message;
}

bool MpiTransport::claimReport() noexcept {
  if (!failureSeen || !begunHere || std::exchange(reported, true))
    return false;
  try { // a mistake that all ranks make is all the same told once
    for (auto begin = Clock::now();
         since(begin) < kRivalSeconds && lowestInNews > self && self > 0;) {
      readNews();
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
  } catch (const std::exception &) { // then this rank speaks
  }
  return lowestInNews > self;
}

void MpiTransport::awaitNews() {
  newsRequest = library->receiveFromAny(news.data(), kNewsBytes, kNewsTag);
}

/// News are the sender's rank, a line's end, and its message.
void MpiTransport::readNews() {
  while (library->test(newsRequest)) {
    std::string text = news.data();
    size_t line = text.find('\n');
    lowestInNews = std::min(lowestInNews, std::atoi(text.c_str()));
    record(text.substr(line == std::string::npos ? 0 : line + 1), false);
    awaitNews();
  }
}

void MpiTransport::spreadNews() {
  if (!begunHere || std::exchange(spread, true))
    return;
  std::vector<char> text(kNewsBytes, 0);
  std::string reason = std::to_string(self) + "\n" + failure();
  reason.copy(text.data(), kNewsBytes - 1);
  std::vector<MpiRequest> requests;
  for (int peer = 0; peer < size; ++peer)
    if (peer != self)
      requests.push_back(library->send(text.data(), kNewsBytes, peer, kNewsTag));
  // A dead peer takes no messages; the living need but a moment.
  for (Clock::time_point begin = Clock::now(); since(begin) < 0.5 && !requests.empty();) {
    requests.erase(std::remove_if(requests.begin(), requests.end(),
                                  [this](MpiRequest &request) { return library->test(request); }),
                   requests.end());
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
}

void MpiTransport::finish() {
  library->cancel(newsRequest);
  library->finalize();
  finished = true;
}

} // namespace tpc::runtime
