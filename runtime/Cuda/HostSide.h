// The host side of a device's communicator: that of a communicator between hosts or threads.
#ifndef TPC_RUNTIME_CUDA_HOSTSIDE_H
#define TPC_RUNTIME_CUDA_HOSTSIDE_H

#include "tpc/runtime/Communicator.h"

namespace tpc::runtime {

/// Hands everything but collectives to another communicator, borrowed until it is adopted: who
/// fails to connect leaves it as it was.
class OverHost : public Communicator {
public:
  explicit OverHost(HostCommunicator &host) : Communicator(host.rank(), host.size()), host(&host) {}

  /// `given` is the host side, once connected.
  void adopt(std::unique_ptr<HostCommunicator> given) { owned = std::move(given); }

  int fairThreads() const override { return host->fairThreads(); }
  void barrier() override { host->barrier(); }
  void gatherHost(const void *data, size_t bytes, void *out) override {
    host->gatherHost(data, bytes, out);
  }
  void abort(const std::string &message) noexcept override { host->abort(message); }
  bool failed() const noexcept override { return host->failed(); }
  std::string failure() const override { return host->failure(); }
  bool claimReport() noexcept override { return host->claimReport(); }
  std::string describe(int rank) const override { return host->describe(rank); }
  void note(int64_t collective) noexcept override { host->note(collective); }
  int64_t noted(int rank) const noexcept override { return host->noted(rank); }
  void finish() override { host->finish(); }

protected:
  HostCommunicator *const host;

private:
  std::unique_ptr<HostCommunicator> owned;
};

/// Puts `Connected(*communicator, arguments...)` in the place of `communicator`, which stays if
/// that throws.
template <typename Connected, typename... Arguments>
void connectOver(std::unique_ptr<Communicator> &communicator, Arguments &&...arguments) {
  auto connected = std::make_unique<Connected>(*communicator, arguments...);
  connected->adopt(std::move(communicator));
  communicator = std::move(connected);
}

} // namespace tpc::runtime

#endif
