//===- Provenance.h - why an op is there, kept in its location -----------------===//
//
// The frontend locates every op at its module, a NameLoc such as "model.layers.0.mlp". Where an op
// is there because of others, its location is fused: first the op or the request that needs it,
// then what led there, ever further away, down to lines of the plan:
//
//   fused["plan.yaml":15:5, "model.layers.0.mlp.down_proj",       the request that is met
//         "tpc.contract"("model.layers.0.mlp.down_proj"),          the op that left a partial sum
//         "model.layers.0.mlp.down_proj.weight"("plan.yaml":15:5)] because the plan splits this
//
// Ops that replace several fuse their locations, so nothing is lost on the way to the collectives.
// A link may carry what propagation recorded there (`tpc.why`), as the metadata of a fused
// location.
//
//===----------------------------------------------------------------------===//

#ifndef TPC_DIALECT_PROVENANCE_H
#define TPC_DIALECT_PROVENANCE_H

#include "mlir/IR/Location.h"
#include "mlir/IR/Operation.h"
#include <string>
#include <vector>

namespace tpc {

/// Attached by propagation to ops and function arguments: for each mesh axis that they are split
/// over, or that something wanted to split there, a dictionary of
///   says: sentences, how the axis came there and what lost against it;
///   dim: of the result that took it over;
///   from: the operand that it came from, if it came from one;
///   at: the line of the annotation that asked for it, if it came from a user.
inline constexpr llvm::StringLiteral kWhy = "tpc.why";

/// What a plan asks of `module` at `line`.
mlir::Location getRequestLoc(mlir::Location line, llvm::StringRef module);
/// `op` as a link of a chain: its name, and the place where it stands.
mlir::Location getLinkLoc(mlir::Operation *op);
/// What the plan decides at `line`, a parameter or a module, as the end of a chain.
mlir::Location getDecisionLoc(llvm::StringRef name, mlir::Location line);
/// A link with what was recorded there, an array of sentences.
mlir::Location getRecordedLoc(mlir::Location link, mlir::ArrayAttr record);
/// Several ops that became one; each keeps its chain.
mlir::Location getCombinedLoc(mlir::MLIRContext *context, llvm::ArrayRef<mlir::Location> members);

/// The module in which an op stands: the first in its location. Of combined ops what the names of
/// most have in common ("model.layers.0"). Empty if there is none.
std::string getModuleName(mlir::Location loc);
/// The first line of a file in a location, or null.
mlir::LocationAttr getAnnotation(mlir::Location loc);
/// A line, "plan.yaml:15:5"; any other location as MLIR prints it.
std::string getPlace(mlir::LocationAttr loc);

struct ChainLink {
  /// "plan.yaml:15:5", a module or parameter, "tpc.contract of model.layers.0.mlp.down_proj".
  std::string place;
  std::vector<std::string> record; ///< what propagation decided there
};
/// The chain from annotations to the op.
std::vector<ChainLink> getChain(mlir::Location loc);

} // namespace tpc

#endif // TPC_DIALECT_PROVENANCE_H
