// A context of one rank that communicates with nobody: what kernel tests need.
#ifndef TPC_TEST_UNIT_RUNTIMECONTEXT_H
#define TPC_TEST_UNIT_RUNTIMECONTEXT_H

#include "tpc/runtime/Context.h"

#include <algorithm>

namespace tpc::test {

class LoneCommunicator : public runtime::Communicator {
public:
  LoneCommunicator() : Communicator(0, 1) {}
  const char *name() const override { return "lone"; }
  char *region() const override { return nullptr; }
  void start(const runtime::Collective &, char *const *, char *const *) override {}
  void wait(const runtime::Collective &) override {}
  void barrier() override {}
  void gatherHost(const void *data, size_t bytes, void *out) override {
    std::copy_n(static_cast<const char *>(data), bytes, static_cast<char *>(out));
  }
  void abort(const std::string &message) noexcept override { text = message; }
  bool failed() const noexcept override { return !text.empty(); }
  std::string failure() const override { return text; }
  bool claimReport() noexcept override { return true; }
  void finish() override {}

private:
  std::string text;
};

inline std::unique_ptr<tpc_context> makeContext(int threads = 1) {
  auto context =
      std::make_unique<tpc_context>(runtime::Mesh{{{"tp", 1}}}, std::vector<runtime::Collective>{},
                                    std::make_unique<LoneCommunicator>());
  context->threads = threads;
  return context;
}

} // namespace tpc::test

#endif
