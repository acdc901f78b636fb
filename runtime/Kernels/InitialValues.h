// Parameter initialization: element i of a parameter is a function of (seed, name, i) only.
#ifndef TPC_RUNTIME_KERNELS_INITIALVALUES_H
#define TPC_RUNTIME_KERNELS_INITIALVALUES_H

#include "tpc_runtime.h"

namespace tpc::runtime {

/// What tpc_init_tensor is told by `seed` and `scheme`.
struct InitialValues {
  uint64_t seed;
  int32_t scheme;
};

/// A row is the innermost dimension of the local part.
int64_t countInitialRows(const tpc_init_desc &desc);

/// Writes rows [begin, end) of the local part `out`. Throws Error.
void drawInitialRows(const tpc_init_desc &desc, const InitialValues &values, const int64_t *offsets,
                     int64_t begin, int64_t end, char *out);

} // namespace tpc::runtime

#endif
