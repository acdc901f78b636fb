// The memory of one rank: a private region of its own and the communication region of its
// communicator.
#ifndef TPC_RUNTIME_MEMORY_ARENA_H
#define TPC_RUNTIME_MEMORY_ARENA_H

#include <cstdint>

namespace tpc::runtime {

/// A zeroed anonymous mapping in huge pages where the system has them; pages exist once touched.
class PrivateRegion {
public:
  /// Throws Error if the address space does not hold it.
  explicit PrivateRegion(uint64_t bytes);
  ~PrivateRegion();
  PrivateRegion(const PrivateRegion &) = delete;
  PrivateRegion &operator=(const PrivateRegion &) = delete;

  char *data() const { return bytes; } ///< null if empty
  uint64_t size() const { return length; }

private:
  char *bytes = nullptr;
  uint64_t length = 0;
};

/// Bytes of [data, data + size) that are in memory: what has been touched, in whole pages.
uint64_t residentBytes(const char *data, uint64_t size);

} // namespace tpc::runtime

#endif
