// Whether a run will be able to write what it is asked for.
#ifndef TPC_RUNTIME_TRAIN_OUTPUTPATHS_H
#define TPC_RUNTIME_TRAIN_OUTPUTPATHS_H

#include "Train/Options.h"

namespace tpc::runtime {

/// Throws Error for the first path of the command line that cannot be written, would replace what
/// is read, or would be overlooked. Writes nothing itself.
void checkOutputPaths(const Options &options);

} // namespace tpc::runtime

#endif
