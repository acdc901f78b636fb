#include "HostGrid.h"
#include "../Emulator/Fiber.h"
#include <algorithm>
#include <deque>

namespace tpc::test {

namespace {
constexpr int kWarp = 32;

/// Counts arrivals; a generation is over when all have come.
struct Barrier {
  int members, arrived = 0, generation = 0;
};

struct Thread {
  Fiber fiber;
  GridIndex number;
  bool finished = false;
};

/// The block that this processor thread is working on.
struct BlockRun {
  const std::function<void()> *body = nullptr;
  std::deque<Thread> threads; ///< made once, used by all blocks; fibers stay where they are
  std::vector<Barrier> warps;
  Barrier all{0};
  std::vector<float> exchanged;
  GridIndex block;
  Thread *current = nullptr;

  void pass(Barrier &barrier) {
    int generation = barrier.generation;
    if (++barrier.arrived == barrier.members) {
      barrier.arrived = 0;
      ++barrier.generation;
      return;
    }
    while (barrier.generation == generation)
      current->fiber.yield();
  }
};

thread_local BlockRun *running = nullptr;

void runThread() {
  (*running->body)();
  running->current->finished = true;
}

void runBlock(BlockRun &run, int threads) {
  if (run.threads.size() < static_cast<size_t>(threads))
    run.threads.resize(threads);
  run.exchanged.assign(threads, 0);
  run.all = {threads};
  run.warps.clear();
  for (int first = 0; first < threads; first += kWarp)
    run.warps.push_back({std::min(kWarp, threads - first)});
  for (int number = 0; number < threads; ++number) {
    run.threads[number].finished = false;
    run.threads[number].number.x = static_cast<unsigned>(number);
  }
  for (int left = threads; left > 0;)
    for (int number = 0; number < threads; ++number)
      if (Thread &thread = run.threads[number]; !thread.finished) {
        run.current = &thread;
        thread.fiber.resume(runThread);
        left -= thread.finished;
      }
}
} // namespace

void runGrid(int64_t blocks, int threads, const std::function<void()> &thread) {
  static thread_local BlockRun run;
  run.body = &thread;
  running = &run;
  for (int64_t block = 0; block < blocks; ++block) {
    run.block.x = static_cast<unsigned>(block);
    runBlock(run, threads);
  }
  running = nullptr;
}

GridIndex &currentThread() { return running->current->number; }
GridIndex &currentBlock() { return running->block; }
void blockBarrier() { running->pass(running->all); }

float shuffleXor(float value, int mask) {
  unsigned self = currentThread().x;
  Barrier &warp = running->warps[self / kWarp];
  running->exchanged[self] = value;
  running->pass(warp);
  float result = running->exchanged[self ^ static_cast<unsigned>(mask)];
  running->pass(warp); // nobody writes the next value before all have read this one
  return result;
}

} // namespace tpc::test
