#include "StreamingCopy.h"
#include <algorithm>
#include <cstdint>
#include <cstring>
#include <unistd.h>
#ifdef __SSE2__
#include <emmintrin.h>
#endif

namespace tpc::runtime {

void streamingCopy(char *target, const char *source, size_t bytes) {
#ifdef __SSE2__
  size_t head = std::min<size_t>(bytes, -reinterpret_cast<uintptr_t>(target) & 15);
  std::memcpy(target, source, head);
  target += head, source += head, bytes -= head;
  for (; bytes >= 64; bytes -= 64, target += 64, source += 64) {
    __m128i words[4];
    for (int i = 0; i < 4; ++i)
      words[i] = _mm_loadu_si128(reinterpret_cast<const __m128i *>(source) + i);
    for (int i = 0; i < 4; ++i)
      _mm_stream_si128(reinterpret_cast<__m128i *>(target) + i, words[i]);
  }
#endif
  std::memcpy(target, source, bytes);
}

void finishStreaming() {
#ifdef __SSE2__
  _mm_sfence();
#endif
}

size_t lastLevelCacheBytes() {
  // Virtual machines report the sum over all sockets; what one core reaches is rarely more than
  // this.
  constexpr long kMost = 32L << 20;
  long bytes = sysconf(_SC_LEVEL3_CACHE_SIZE);
  return static_cast<size_t>(bytes > 0 ? std::min(bytes, kMost) : kMost);
}

void copyBytes(char *target, const char *source, size_t bytes, bool streaming) {
  if (streaming)
    streamingCopy(target, source, bytes);
  else
    std::memcpy(target, source, bytes);
}

} // namespace tpc::runtime
