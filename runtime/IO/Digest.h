// A digest of bytes, to compare what ranks have without exchanging it.
#ifndef TPC_RUNTIME_IO_DIGEST_H
#define TPC_RUNTIME_IO_DIGEST_H

#include <cstddef>
#include <cstdint>

namespace tpc::runtime {

/// 64 bits that depend on every byte, their order and `seed`; at the speed of memory, for mistakes
/// and not for forgers. Two contents that differ in one 8-byte word never have the same.
uint64_t digestOf(const char *bytes, size_t size, uint64_t seed);

} // namespace tpc::runtime

#endif
