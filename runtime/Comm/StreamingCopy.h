// Copies that leave the cache alone.
#ifndef TPC_RUNTIME_COMM_STREAMINGCOPY_H
#define TPC_RUNTIME_COMM_STREAMINGCOPY_H

#include <cstddef>

namespace tpc::runtime {

/// memcpy with non-temporal stores where the processor has them: for targets that do not fit into
/// the last-level cache, whose old contents would be read only to be overwritten. Call
/// finishStreaming() before telling another process.
void streamingCopy(char *target, const char *source, size_t bytes);
void finishStreaming();

/// Bytes beyond which streaming pays: the last-level cache of this machine.
size_t lastLevelCacheBytes();

/// streamingCopy or memcpy.
void copyBytes(char *target, const char *source, size_t bytes, bool streaming);

} // namespace tpc::runtime

#endif
