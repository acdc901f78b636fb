#include "HostGrid.h"
#include <algorithm>
#include <memory>
#include <ucontext.h>

namespace tpc::test {

namespace {
constexpr int kWarp = 32;
constexpr size_t kStackBytes = 128 << 10;

/// Counts arrivals; a generation is over when all have come.
struct Barrier {
  int members, arrived = 0, generation = 0;
};

struct Fiber {
  ucontext_t context;
  std::unique_ptr<char[]> stack; ///< made once, used by the fibers of all blocks
  GridIndex thread;
  bool finished = false;
};

/// The block that this processor thread is working on.
struct BlockRun {
  const std::function<void()> *body = nullptr;
  std::vector<Fiber> fibers;
  std::vector<Barrier> warps;
  Barrier all{0};
  std::vector<float> exchanged;
  GridIndex block;
  ucontext_t scheduler;
  Fiber *current = nullptr;

  void yield() { swapcontext(&current->context, &scheduler); }

  void pass(Barrier &barrier) {
    int generation = barrier.generation;
    if (++barrier.arrived == barrier.members) {
      barrier.arrived = 0;
      ++barrier.generation;
      return;
    }
    while (barrier.generation == generation)
      yield();
  }
};

thread_local BlockRun *running = nullptr;

void runFiber() {
  (*running->body)();
  running->current->finished = true;
  running->yield(); // never comes back
}

void runBlock(BlockRun &run, int threads) {
  if (run.fibers.size() < static_cast<size_t>(threads))
    run.fibers.resize(threads);
  run.exchanged.assign(threads, 0);
  run.all = {threads};
  run.warps.clear();
  for (int first = 0; first < threads; first += kWarp)
    run.warps.push_back({std::min(kWarp, threads - first)});
  for (int thread = 0; thread < threads; ++thread) {
    Fiber &fiber = run.fibers[thread];
    if (!fiber.stack)
      fiber.stack.reset(new char[kStackBytes]);
    fiber.finished = false;
    fiber.thread.x = static_cast<unsigned>(thread);
    getcontext(&fiber.context);
    fiber.context.uc_stack.ss_sp = fiber.stack.get();
    fiber.context.uc_stack.ss_size = kStackBytes;
    makecontext(&fiber.context, runFiber, 0);
  }
  for (int left = threads; left > 0;)
    for (int thread = 0; thread < threads; ++thread)
      if (Fiber &fiber = run.fibers[thread]; !fiber.finished) {
        run.current = &fiber;
        swapcontext(&run.scheduler, &fiber.context);
        left -= fiber.finished;
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

GridIndex &currentThread() { return running->current->thread; }
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
