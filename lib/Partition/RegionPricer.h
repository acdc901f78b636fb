//===- RegionPricer.h - the cheapest alternative of a region ---------------------===//

#ifndef TPC_LIB_PARTITION_REGIONPRICER_H
#define TPC_LIB_PARTITION_REGIONPRICER_H

#include "ProgramRegions.h"
#include "tpc/Frontend/Passes.h"
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

/// Lets each parameter whose gradient `function` returns be updated where that lies, and returned
/// where parameters are stored: a mode that shares out the update gathers them.
void addUpdates(mlir::func::FuncOp function);

class RegionPricer {
public:
  /// Regions are part of a program whose model is stored as `storage` says and that runs on
  /// `machine`, which `planner` has the links of.
  RegionPricer(const MeshContext &context, ReshardPlanner &planner,
               const ApplyDataParallelOptions &storage, std::string machine)
      : context(context), planner(planner), storage(storage), machine(std::move(machine)) {}

  /// The price of `region` laid out so, by the passes that partition whole programs; what they
  /// report is dropped. Interior requests that are kept are met.
  std::optional<ProgramPrice> price(const RegionProgram &region, const RegionAlternative &way);

  /// The price of a whole program in which all regions are laid out as `drops` and `takes` say, by
  /// which requests and parameters they accept. Regions meet there: what is cheaper in each may be
  /// dearer in all.
  std::optional<ProgramPrice> price(mlir::func::FuncOp function,
                                    llvm::function_ref<bool(ConstrainOp)> drops,
                                    llvm::function_ref<bool(ParamAttr)> takes);
  /// The price of a whole program in which every request is met and used.
  std::optional<ProgramPrice> priceLiterally(mlir::func::FuncOp function);
  /// Whether that may be less than what price() has said: in some program that it priced users
  /// departed from requests.
  bool mayGainLiterally() const { return sawDepartures; }

private:
  std::optional<ProgramPrice> priceWhole(mlir::func::FuncOp function, bool strict,
                                         llvm::function_ref<bool(ConstrainOp)> drops,
                                         llvm::function_ref<bool(ParamAttr)> takes);
  mlir::LogicalResult partition(mlir::ModuleOp module, bool strict);
  std::optional<ProgramPrice> partitionAndPrice(mlir::ModuleOp module, bool strict);

  const MeshContext &context;
  ReshardPlanner &planner;
  ApplyDataParallelOptions storage;
  std::string machine;
  bool sawDepartures = false; ///< in a program priced so far
};

} // namespace tpc

#endif // TPC_LIB_PARTITION_REGIONPRICER_H
