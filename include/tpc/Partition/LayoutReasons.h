//===- LayoutReasons.h - who split a value, and why it is resharded ----------===//
//
// While reshards are inserted, every value's layout is known as it really is. For each mesh axis
// that a value uses (a dimension split over it, or summands) the operand is noted that brought the
// axis, the one nearest to an annotation if several did:
//
//   %g = contract %x, %gate    tp from %gate, a parameter that the plan splits: distance 1
//   %a = mulf %g, %u           tp from %g: distance 2
//   %y = contract %a, %down    Partial over tp, from %down at distance 1 and %a at distance 3
//
// Where propagation recorded its decisions (tpc.why), these are followed as long as the value lies
// as they say: to the operand that the axis came from, or to the annotation further on that asked
// for it.
//
// The reshard of %y is then located at the request that it meets, followed by %y's op and the ways
// from there to both annotations (tpc/Dialect/Provenance.h).
//
//===----------------------------------------------------------------------===//

#ifndef TPC_PARTITION_LAYOUTREASONS_H
#define TPC_PARTITION_LAYOUTREASONS_H

#include "tpc/Partition/MeshContext.h"

namespace tpc {

class LayoutReasons {
public:
  explicit LayoutReasons(const MeshContext &context) : context(context) {}

  /// `value`, an argument or a result of an op whose operands are as it takes them, is in `layout`;
  /// `isAsked`: because a request asks for it.
  void define(mlir::Value value, const Layout &layout, bool isAsked = false);
  /// Where to locate a reshard of `value` that `user` needs, from one layout to another.
  mlir::Location getReshardLoc(mlir::Value value, const Layout &from, const Layout &to,
                               mlir::Operation *user) const;
  /// The location of `op`, followed by how the axes of its operands came about. For ops that
  /// communicate themselves.
  mlir::Location getLocWithReasons(mlir::Operation *op) const;

private:
  /// Where an axis of a value comes from; null: from the value's own op or argument.
  struct Source {
    mlir::Value value;
    unsigned distance = 0;
  };
  using Links = llvm::SmallVectorImpl<mlir::Location>;

  mlir::DictionaryAttr getRecord(mlir::Operation *op, unsigned axis) const;
  mlir::Location addRecord(mlir::Location link, mlir::Operation *op, unsigned axis) const;
  mlir::Location getLink(mlir::Operation *op, unsigned axis) const;
  std::optional<Source> getRecordedSource(mlir::Operation *op, const Layout &layout,
                                          unsigned axis) const;
  mlir::Location getEnd(mlir::Value value, unsigned axis) const;

  void addWay(mlir::Value value, unsigned axis, Links &links) const;
  void addProducer(mlir::Value value, unsigned axis, Links &links) const;
  void addOperands(mlir::Operation *op, unsigned axis, mlir::Value except, Links &links) const;
  const Source *find(mlir::Value value, unsigned axis) const;

  const MeshContext &context;
  llvm::DenseMap<std::pair<mlir::Value, unsigned>, Source> sources;
};

} // namespace tpc

#endif // TPC_PARTITION_LAYOUTREASONS_H
