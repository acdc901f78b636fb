//===- Emulator.cpp - a GPU's blocks and threads as fibers of one CPU thread ---===//
//
// Blocks run one after the other. A block's threads are fibers: each runs until it waits for the
// others, at a barrier or at an exchange within its warp. The order in which they run changes each
// time, so that a kernel that lacks a barrier gives another result than one that has it. What
// hangs a GPU ends the program with a message: threads that wait for different things, or for one
// that has returned.
//
//===----------------------------------------------------------------------===//

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <ucontext.h>
#include <vector>

namespace {

constexpr int64_t kWarp = 32;
constexpr size_t kStackBytes = 128 * 1024;

enum class State { Ready, AtBarrier, AtExchange, Returned };

struct Fiber {
  ucontext_t context;
  std::vector<char> stack = std::vector<char>(kStackBytes);
  State state = State::Ready;
  uint32_t offered = 0;  ///< to the warp
  int32_t distance = 0;  ///< of the thread whose word is wanted
  uint32_t received = 0; ///< from it
};

struct Block {
  void (*kernel)(const uint64_t *);
  const uint64_t *parameters;
  int64_t number = 0, thread = 0;
  std::vector<Fiber> fibers;
  ucontext_t scheduler;
};

Block *running;

[[noreturn]] void fail(const char *message) {
  std::fprintf(stderr, "emulator: block %ld: %s\n", static_cast<long>(running->number), message);
  std::abort();
}

void runThread() {
  running->kernel(running->parameters);
  running->fibers[running->thread].state = State::Returned;
}

void wait(State state) {
  Fiber &fiber = running->fibers[running->thread];
  fiber.state = state;
  swapcontext(&fiber.context, &running->scheduler);
}

void start(Block &block) {
  for (Fiber &fiber : block.fibers) {
    getcontext(&fiber.context);
    fiber.context.uc_stack.ss_sp = fiber.stack.data();
    fiber.context.uc_stack.ss_size = fiber.stack.size();
    fiber.context.uc_link = &block.scheduler;
    makecontext(&fiber.context, runThread, 0);
    fiber.state = State::Ready;
  }
}

/// Lets every ready thread run until it waits or returns.
void runReady(Block &block, bool backwards) {
  int64_t count = block.fibers.size();
  for (int64_t step = 0; step < count; ++step) {
    block.thread = backwards ? count - 1 - step : step;
    Fiber &fiber = block.fibers[block.thread];
    if (fiber.state == State::Ready)
      swapcontext(&block.scheduler, &fiber.context);
  }
}

bool areAll(const Block &block, State state, int64_t begin, int64_t end) {
  for (int64_t thread = begin; thread < end; ++thread)
    if (block.fibers[thread].state != state)
      return false;
  return true;
}

/// Delivers the words of warps that have come together; whether there was one.
bool finishExchanges(Block &block) {
  bool any = false;
  int64_t count = block.fibers.size();
  for (int64_t first = 0; first < count; first += kWarp) {
    if (!areAll(block, State::AtExchange, first, first + kWarp))
      continue;
    for (int64_t thread = first; thread < first + kWarp; ++thread) {
      Fiber &fiber = block.fibers[thread];
      if (fiber.distance != block.fibers[first].distance)
        fail("threads of a warp exchange over different distances");
      fiber.received = block.fibers[thread ^ fiber.distance].offered;
    }
    for (int64_t thread = first; thread < first + kWarp; ++thread)
      block.fibers[thread].state = State::Ready;
    any = true;
  }
  return any;
}

void runBlock(Block &block) {
  int64_t count = block.fibers.size();
  start(block);
  for (bool backwards = block.number % 2;; backwards = !backwards) {
    runReady(block, backwards);
    if (areAll(block, State::Returned, 0, count))
      return;
    if (finishExchanges(block))
      continue;
    if (!areAll(block, State::AtBarrier, 0, count))
      fail("threads wait for others that do not come");
    for (Fiber &fiber : block.fibers)
      fiber.state = State::Ready;
  }
}

} // namespace

extern "C" {

int64_t tpc_emulated_thread() { return running->thread; }
int64_t tpc_emulated_block() { return running->number; }
void tpc_emulated_barrier() { wait(State::AtBarrier); }

uint32_t tpc_emulated_exchange(uint32_t word, int32_t distance) {
  Fiber &fiber = running->fibers[running->thread];
  fiber.offered = word, fiber.distance = distance;
  wait(State::AtExchange);
  return fiber.received;
}

/// Runs a kernel on a grid of `blocks` blocks of `threads` threads, a multiple of 32.
void tpc_emulate(void (*kernel)(const uint64_t *), const uint64_t *parameters, int64_t blocks,
                 int64_t threads) {
  Block block{kernel, parameters};
  block.fibers.resize(threads);
  running = &block;
  for (block.number = 0; block.number < blocks; ++block.number)
    runBlock(block);
  running = nullptr;
}
}
