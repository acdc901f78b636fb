// Element-wise reduction of several buffers, the same bits wherever and however it is cut.
#ifndef TPC_RUNTIME_COMM_REDUCE_H
#define TPC_RUNTIME_COMM_REDUCE_H

#include "tpc/runtime/Collective.h"
#include <vector>

namespace tpc::runtime {

/// targets[t][i] = ((sources[0][i] + sources[1][i]) + sources[2][i]) + ... (or max, min) for 0 <= i
/// < elements, for every target. A target may be one of the sources; otherwise they are disjoint.
/// bf16 accumulates in f32 and rounds once, to nearest even; integers wrap; max and min of a NaN
/// are NaN. `streaming`: see streamingCopy.
void reduceInto(tpc_dtype dtype, Reduction reduction, const std::vector<const char *> &sources,
                const std::vector<char *> &targets, int64_t elements, bool streaming);

} // namespace tpc::runtime

#endif
