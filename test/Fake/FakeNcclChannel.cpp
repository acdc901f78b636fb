#include "FakeNcclChannel.h"
#include <algorithm>
#include <cstring>
#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

namespace tpc::test {

size_t Channel::put(const char *data, size_t count) {
  uint64_t from = written.load(std::memory_order_relaxed);
  count = std::min<size_t>(count, kBytes - (from - taken.load(std::memory_order_acquire)));
  for (size_t i = 0; i < count; ++i)
    bytes[(from + i) % kBytes] = data[i];
  written.store(from + count, std::memory_order_release);
  return count;
}

size_t Channel::take(char *data, size_t count) {
  uint64_t from = taken.load(std::memory_order_relaxed);
  count = std::min<size_t>(count, written.load(std::memory_order_acquire) - from);
  for (size_t i = 0; i < count; ++i)
    data[i] = bytes[(from + i) % kBytes];
  taken.store(from + count, std::memory_order_release);
  return count;
}

Shared *attach(const std::string &name, int ranks) {
  int file = shm_open(name.c_str(), O_CREAT | O_RDWR, 0600);
  if (file < 0 || ftruncate(file, sizeof(Shared)) != 0)
    return nullptr;
  void *base = mmap(nullptr, sizeof(Shared), PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
  close(file);
  if (base == MAP_FAILED)
    return nullptr;
  auto *shared = static_cast<Shared *>(base);
  if (++shared->arrived == ranks)
    shm_unlink(name.c_str());
  return shared;
}

} // namespace tpc::test
