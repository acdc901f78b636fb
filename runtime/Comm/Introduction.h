// What a rank tells rank 0 when they meet, and what must agree.
#ifndef TPC_RUNTIME_COMM_INTRODUCTION_H
#define TPC_RUNTIME_COMM_INTRODUCTION_H

#include "Cores.h"
#include "Segment.h"

namespace tpc::runtime {

struct Introduction {
  int rank = 0, size = 1;
  int pid = 0;
  std::string job; ///< the meeting place's key
  std::string host;
  CoreSet cores;
  size_t segmentBytes = 0;
  Identity identity;

  static Introduction ofThisProcess(int rank, const SegmentSizes &sizes,
                                    const CommunicatorOptions &options);
  std::string toJson() const;
  /// Throws Error if `text` is not an introduction.
  static Introduction fromJson(const std::string &text);
  /// "rank 1 on HOST (process 123)".
  std::string describe() const;
};

/// Why `other` cannot be in one job with `zero` (rank 0); empty if it can.
/// Example: "rank 1 on b (process 7) has another data file than rank 0 on a (process 6): 'x.txt',
/// not 'y.txt'".
std::string whyApart(const Introduction &zero, const Introduction &other);

} // namespace tpc::runtime

#endif
