// The C face of a rank's context: no exception leaves these functions, generated code cannot
// unwind.
#include "tpc/runtime/Context.h"
#include "Device/Profile.h"
#include <chrono>

using namespace tpc::runtime;

tpc_context::tpc_context(Mesh givenMesh, std::vector<Collective> givenCollectives,
                         std::unique_ptr<Communicator> givenCommunicator,
                         std::unique_ptr<Device> givenDevice)
    : mesh(std::move(givenMesh)), collectives(std::move(givenCollectives)),
      device(std::move(givenDevice)), communicator(std::move(givenCommunicator)) {
  coordinates = mesh.coordinates(communicator->rank());
}

void tpc_context::fail(const std::string &message) noexcept {
  try {
    communicator->abort("rank " + std::to_string(rank()) + " on " + hostName() + ": " + message);
  } catch (const std::exception &) {
    communicator->abort("a rank ran out of memory");
  }
}

void tpc_context::check() const {
  if (communicator->failed())
    throw Error(communicator->failure());
}

namespace {
/// Runs one step of a collective, adds its time, and turns an exception into a recorded failure.
template <typename Step>
void guarded(tpc_context *context, int64_t index, Step step) {
  if (context->communicator->failed())
    return;
  auto begin = std::chrono::steady_clock::now();
  try {
    step(*context->communicator);
  } catch (const std::exception &error) {
    context->communicator->abort(error.what());
  }
  double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
  context->communicationSeconds += seconds;
  if (context->profile)
    context->profile->addCollective(index, seconds);
}
} // namespace

int64_t tpc_axis_index(tpc_context *context, int64_t axis) { return context->coordinates[axis]; }

void tpc_collective_start(tpc_context *context, int64_t index, char *const *inputs,
                          char *const *outputs) {
  const Collective &collective = context->collectives[index];
  context->communicationBytes += static_cast<int64_t>(collective.inputBytes());
  guarded(context, index,
          [&](Communicator &communicator) { communicator.start(collective, inputs, outputs); });
}

void tpc_collective_wait(tpc_context *context, int64_t index) {
  guarded(context, index,
          [&](Communicator &communicator) { communicator.wait(context->collectives[index]); });
}

int tpc_failed(tpc_context *context) { return context->communicator->failed() ? 1 : 0; }
