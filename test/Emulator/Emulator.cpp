//===- Emulator.cpp - a GPU's blocks and threads as fibers of one CPU thread ---===//
//
// Blocks run one after the other. A block's threads are fibers: each runs until it waits for the
// others, at a barrier or at an exchange within its warp. The order in which they run changes each
// time, so that a kernel that lacks a barrier gives another result than one that has it. What
// hangs a GPU ends the program with a message: threads that wait for different things, or for one
// that has returned.
//
//===----------------------------------------------------------------------===//

#include "Fiber.h"

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <deque>

namespace {

constexpr int64_t kWarp = 32;

enum class State { Ready, AtBarrier, AtExchange, Returned };

struct Thread {
  tpc::test::Fiber fiber;
  State state = State::Ready;
  uint32_t offered = 0;  ///< to the warp
  int32_t distance = 0;  ///< of the thread whose word is wanted
  uint32_t received = 0; ///< from it
};

/// Made once, used by all blocks. Fibers stay where they are.
std::deque<Thread> threads;

struct Block {
  void (*kernel)(const uint64_t *);
  const uint64_t *parameters;
  int64_t count; ///< of threads
  int64_t number = 0, thread = 0;
};

Block *running;

[[noreturn]] void fail(const char *message) {
  std::fprintf(stderr, "emulator: block %ld: %s\n", static_cast<long>(running->number), message);
  std::abort();
}

void runThread() {
  running->kernel(running->parameters);
  threads[running->thread].state = State::Returned;
}

void wait(State state) {
  Thread &thread = threads[running->thread];
  thread.state = state;
  thread.fiber.yield();
}

/// Lets every ready thread run until it waits or returns.
void runReady(Block &block, bool backwards) {
  for (int64_t step = 0; step < block.count; ++step) {
    block.thread = backwards ? block.count - 1 - step : step;
    Thread &thread = threads[block.thread];
    if (thread.state == State::Ready)
      thread.fiber.resume(runThread);
  }
}

bool areAll(State state, int64_t begin, int64_t end) {
  for (int64_t thread = begin; thread < end; ++thread)
    if (threads[thread].state != state)
      return false;
  return true;
}

/// Delivers the words of warps that have come together; whether there was one.
bool finishExchanges(const Block &block) {
  bool any = false;
  for (int64_t first = 0; first < block.count; first += kWarp) {
    if (!areAll(State::AtExchange, first, first + kWarp))
      continue;
    for (int64_t number = first; number < first + kWarp; ++number) {
      Thread &thread = threads[number];
      if (thread.distance != threads[first].distance)
        fail("threads of a warp exchange over different distances");
      thread.received = threads[number ^ thread.distance].offered;
    }
    for (int64_t number = first; number < first + kWarp; ++number)
      threads[number].state = State::Ready;
    any = true;
  }
  return any;
}

void makeReady(const Block &block) {
  for (int64_t number = 0; number < block.count; ++number)
    threads[number].state = State::Ready;
}

void runBlock(Block &block) {
  makeReady(block);
  for (bool backwards = block.number % 2;; backwards = !backwards) {
    runReady(block, backwards);
    if (areAll(State::Returned, 0, block.count))
      return;
    if (finishExchanges(block))
      continue;
    if (!areAll(State::AtBarrier, 0, block.count))
      fail("threads wait for others that do not come");
    makeReady(block);
  }
}

} // namespace

extern "C" {

int64_t tpc_emulated_thread() { return running->thread; }
int64_t tpc_emulated_block() { return running->number; }
void tpc_emulated_barrier() { wait(State::AtBarrier); }

uint32_t tpc_emulated_exchange(uint32_t word, int32_t distance) {
  Thread &thread = threads[running->thread];
  thread.offered = word, thread.distance = distance;
  wait(State::AtExchange);
  return thread.received;
}

/// Runs a kernel on a grid of `blocks` blocks of `count` threads, a multiple of 32. One at a time.
void tpc_emulate(void (*kernel)(const uint64_t *), const uint64_t *parameters, int64_t blocks,
                 int64_t count) {
  Block block{kernel, parameters, count};
  if (threads.size() < static_cast<size_t>(count))
    threads.resize(count);
  running = &block;
  for (block.number = 0; block.number < blocks; ++block.number)
    runBlock(block);
  running = nullptr;
}
}
