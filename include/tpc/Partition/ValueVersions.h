//===- ValueVersions.h - one value in several layouts ------------------------===//
//
// While reshards are inserted, a value may exist in several layouts: as its op made it, and as
// users asked for it. Asking twice for one layout gives the same version; a new one is made from
// whichever is cheapest.
//
//===----------------------------------------------------------------------===//

#ifndef TPC_PARTITION_VALUEVERSIONS_H
#define TPC_PARTITION_VALUEVERSIONS_H

#include "tpc/Partition/LayoutReasons.h"

namespace tpc {

/// Can every user work on summands of `value`, without results that are much larger?
bool passesAllUsers(mlir::Value value);

class ValueVersions {
public:
  ValueVersions(const MeshContext &context, ReshardPlanner &planner)
      : context(context), planner(planner), reasons(context) {}

  /// `value` is there, in `layout`; `wanted` is the layout that propagation gave it.
  void define(mlir::Value value, const Layout &layout, const Layout &wanted);
  /// `value` stands for `made`, which is in `layout`.
  void define(mlir::Value value, mlir::Value made, const Layout &layout);
  /// `alias` is `value` under another name: they share versions.
  void defineAlias(mlir::Value alias, mlir::Value value) { aliases[alias] = getRoot(value); }
  /// `request` asks for `value` in `layout`; it is made when the first user takes it so.
  void addRequest(mlir::Value value, const Layout &layout, mlir::Operation *request);

  const Layout &getWanted(mlir::Value value) const { return find(value).wanted; }
  /// Every layout the value exists in.
  std::vector<Layout> getLayouts(mlir::Value value) const;
  /// Every layout the value is asked for in, whether it exists or not.
  std::vector<Layout> getRequested(mlir::Value value) const;
  /// Axes over which users may take the value as it is, Partial; empty if some user needs it whole.
  AxisList getPassingAxes(mlir::Value value) const;
  /// Can the value be had as `layout` for nothing, whatever it is now? (constants)
  bool isFree(mlir::Value value, const Layout &layout) const;

  /// Seconds to have `value` in `layout`; a large number where that gathers a parameter, or a value
  /// over axes that split the inputs; std::nullopt where it is impossible, or `limit` and more.
  std::optional<double> getSeconds(mlir::Value value, const Layout &layout,
                                   double limit = std::numeric_limits<double>::infinity()) const;
  /// `value` in `layout`, made before `user` if it is not there. `getSeconds` must have said that
  /// it can be.
  mlir::Value get(mlir::Value value, const Layout &layout, mlir::Operation *user);

  unsigned getNumReshards() const { return numReshards; }
  /// How often a value was taken in another layout while none that was asked for existed.
  unsigned getNumDepartures() const { return numDepartures; }
  const LayoutReasons &getReasons() const { return reasons; }

private:
  struct Version {
    Layout layout;
    mlir::Value value;
  };
  struct Request {
    Layout layout;
    mlir::Operation *op;
  };
  struct Entry {
    llvm::SmallVector<Version, 2> versions;
    llvm::SmallVector<Request, 1> requests;
    Layout wanted;
    bool passes = false;
    bool isParameter = false;
  };

  mlir::Value getRoot(mlir::Value value) const;
  static bool departs(const Entry &entry, const Layout &layout);
  bool isKept(const Entry &entry, const Layout &layout) const;
  const Entry &find(mlir::Value value) const { return entries.find(getRoot(value))->second; }
  /// The version from which `layout` is cheapest, and the seconds; -1 if there is none for less
  /// than `limit`.
  std::pair<int, double> findSource(mlir::Value value, const Layout &layout,
                                    double limit = std::numeric_limits<double>::infinity()) const;
  mlir::Value reshard(const Version &source, const Layout &layout, mlir::Operation *needer,
                      mlir::Operation *user);

  const MeshContext &context;
  ReshardPlanner &planner;
  LayoutReasons reasons;
  llvm::DenseMap<mlir::Value, Entry> entries;
  llvm::DenseMap<mlir::Value, mlir::Value> aliases;
  AxisList inputAxes; ///< that split inputs of the function
  unsigned numReshards = 0, numDepartures = 0;
};

} // namespace tpc

#endif // TPC_PARTITION_VALUEVERSIONS_H
