//===- RegionPricer.h - the cheapest alternative of a region ---------------------===//

#ifndef TPC_LIB_PARTITION_REGIONPRICER_H
#define TPC_LIB_PARTITION_REGIONPRICER_H

#include "ProgramRegions.h"
#include "tpc/Partition/ProgramPrice.h"

namespace tpc {

/// A way to lay out a region.
struct RegionAlternative {
  bool dropsInterior = false;        ///< no interior request is met
  bool takesAlternative = false;     ///< parameters have their `tpc.alternative`
  std::optional<ProgramPrice> price; ///< unless it cannot be partitioned
};

/// Drops interior requests that `drops` accepts; returns how many.
unsigned dropInterior(mlir::func::FuncOp function, llvm::function_ref<bool(ConstrainOp)> drops);
/// Settles the layouts of the parameters with an alternative, which those have that `takes`
/// accepts.
void settleParameters(mlir::func::FuncOp function, llvm::function_ref<bool(ParamAttr)> takes);

class RegionPricer {
public:
  RegionPricer(const MeshContext &context, ReshardPlanner &planner, llvm::StringRef machine)
      : context(context), planner(planner), machine(machine) {}

  /// The price of `region` laid out so, by the passes that partition whole programs; what they
  /// report is dropped. Interior requests that are kept are met.
  std::optional<ProgramPrice> price(const RegionProgram &region, const RegionAlternative &way);

private:
  const MeshContext &context;
  ReshardPlanner &planner;
  std::string machine;
};

} // namespace tpc

#endif // TPC_LIB_PARTITION_REGIONPRICER_H
