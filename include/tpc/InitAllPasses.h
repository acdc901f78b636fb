//===- InitAllPasses.h - the one place where passes are registered -------------===//

#ifndef TPC_INITALLPASSES_H
#define TPC_INITALLPASSES_H

#include "tpc/Autodiff/Passes.h"
#include "tpc/Codegen/Passes.h"
#include "tpc/Frontend/Passes.h"
#include "tpc/Optimize/Passes.h"
#include "tpc/Partition/Passes.h"
#include "tpc/Propagation/Passes.h"
#include "tpc/Target/Passes.h"

namespace tpc {

inline void registerAllPasses() {
  registerAutodiffPasses();
  registerCodegenPasses();
  registerFrontendPasses();
  registerOptimizePasses();
  registerPartitionPasses();
  registerPropagationPasses();
  registerTargetPasses();
}

} // namespace tpc

#endif // TPC_INITALLPASSES_H
