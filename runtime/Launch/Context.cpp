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
/// Runs one step of a collective and turns an exception into a recorded failure.
template <typename Step>
void guarded(tpc_context *context, Step step) {
  if (context->communicator->failed())
    return;
  try {
    step(*context->communicator);
  } catch (const std::exception &error) {
    context->communicator->abort(error.what());
  }
}

/// The same where the host does the work; adds its time.
template <typename Step>
void guardedOnHost(tpc_context *context, int64_t index, Step step) {
  auto begin = std::chrono::steady_clock::now();
  guarded(context, step);
  double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
  context->communicationSeconds += seconds;
  if (context->profile)
    context->profile->addCollective(index, seconds);
}

/// The same for a wait of the device; a recorded one has no time of its own.
template <typename Step>
void guardedOnDevice(tpc_context *context, int64_t index, Step step) {
  guarded(context, [&](Communicator &communicator) {
    Device &device = *context->device;
    if (device.isRecording())
      return step(communicator);
    std::unique_ptr<Mark> begin = device.mark();
    step(communicator);
    context->waits.push_back({index, {std::move(begin), device.mark()}});
  });
}
} // namespace

int64_t tpc_axis_index(tpc_context *context, int64_t axis) { return context->coordinates[axis]; }

void tpc_collective_start(tpc_context *context, int64_t index, char *const *inputs,
                          char *const *outputs) {
  if (context->rehearsing)
    return;
  const Collective &collective = context->collectives[index];
  context->communicationBytes += static_cast<int64_t>(collective.inputBytes());
  auto start = [&](Communicator &communicator) { communicator.start(collective, inputs, outputs); };
  if (context->device->isHost())
    guardedOnHost(context, index, start);
  else // its work waits for nothing yet
    guarded(context, start);
}

void tpc_collective_wait(tpc_context *context, int64_t index) {
  if (context->rehearsing)
    return;
  auto wait = [&](Communicator &communicator) { communicator.wait(context->collectives[index]); };
  if (context->device->isHost())
    guardedOnHost(context, index, wait);
  else
    guardedOnDevice(context, index, wait);
}

int tpc_failed(tpc_context *context) { return context->communicator->failed() ? 1 : 0; }
