// A GPU's thread on a processor: runs until it waits for others. Changing from one to another is a
// jump, without a system call, so that hundreds of them take turns quickly.
#ifndef TPC_TEST_EMULATOR_FIBER_H
#define TPC_TEST_EMULATOR_FIBER_H

#undef _FORTIFY_SOURCE // it forbids jumps to other stacks
#include <csetjmp>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <ucontext.h>

namespace tpc::test {

class Fiber {
public:
  /// Runs `body` up to its next yield(), or to its end; after that from the beginning again.
  /// Whoever has resumed a fiber is its scheduler.
  void resume(void (*body)()) {
    if (_setjmp(scheduler) != 0)
      return;
    if (stack)
      _longjmp(place, 1);
    begin(body);
  }
  /// By the fiber itself: back to the scheduler.
  void yield() {
    if (_setjmp(place) == 0)
      _longjmp(scheduler, 1);
  }

private:
  static constexpr size_t kStackBytes = 128 << 10;

  static void run(unsigned high, unsigned low, unsigned bodyHigh, unsigned bodyLow) {
    auto *self = reinterpret_cast<Fiber *>(uintptr_t(high) << 32 | low);
    auto *body = reinterpret_cast<void (*)()>(uintptr_t(bodyHigh) << 32 | bodyLow);
    while (true) {
      body();
      self->yield();
    }
  }

  void begin(void (*body)()) {
    stack.reset(new char[kStackBytes]);
    ucontext_t context;
    getcontext(&context);
    context.uc_stack.ss_sp = stack.get();
    context.uc_stack.ss_size = kStackBytes;
    auto self = reinterpret_cast<uintptr_t>(this), code = reinterpret_cast<uintptr_t>(body);
    makecontext(&context, reinterpret_cast<void (*)()>(run), 4, static_cast<unsigned>(self >> 32),
                static_cast<unsigned>(self), static_cast<unsigned>(code >> 32),
                static_cast<unsigned>(code));
    setcontext(&context);
  }

  jmp_buf scheduler, place;
  std::unique_ptr<char[]> stack;
};

} // namespace tpc::test

#endif
