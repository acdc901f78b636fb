#include "Memory/Arena.h"
#include "tpc/runtime/Error.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <string>
#include <sys/mman.h>
#include <unistd.h>
#include <vector>

namespace tpc::runtime {

PrivateRegion::PrivateRegion(uint64_t size) : length(size) {
  if (size == 0)
    return;
  void *mapped = mmap(nullptr, size, PROT_READ | PROT_WRITE,
                      MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (mapped == MAP_FAILED)
    throw Error("cannot map an arena of " + std::to_string(size) +
                " bytes: " + std::strerror(errno));
  bytes = static_cast<char *>(mapped);
  madvise(bytes, size, MADV_HUGEPAGE); // advice: a kernel without huge pages refuses it
}

PrivateRegion::~PrivateRegion() {
  if (bytes)
    munmap(bytes, length);
}

uint64_t residentBytes(const char *data, uint64_t size) {
  if (!data || size == 0)
    return 0;
  uint64_t page = static_cast<uint64_t>(sysconf(_SC_PAGESIZE));
  std::vector<unsigned char> flags((size + page - 1) / page);
  if (mincore(const_cast<char *>(data), size, flags.data()) != 0)
    return 0;
  uint64_t pages = static_cast<uint64_t>(
      std::count_if(flags.begin(), flags.end(), [](unsigned char flag) { return flag & 1; }));
  return std::min(pages * page, size);
}

} // namespace tpc::runtime
