// Keeping what is not finite out of files.
#ifndef TPC_RUNTIME_TRAIN_FINITE_H
#define TPC_RUNTIME_TRAIN_FINITE_H

#include "Train/Program.h"
#include <string>

namespace tpc::runtime {

/// Throws Error naming the tensor if this rank is to write its part and finds NaN or infinity in
/// it. `data` is the part in the host's memory; its padding does not matter.
void checkFinite(const Program &program, const std::string &name, const Placement &placement,
                 tpc_dtype dtype, const char *data);

} // namespace tpc::runtime

#endif
