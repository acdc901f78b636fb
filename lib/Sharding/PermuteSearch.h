//===- PermuteSearch.h - the cheapest way with a permute, on any mesh ---------===//
//
// Where all links are alike a permute makes any layout out of any other one with the same numbers
// of shards. Before it, names of atoms do not matter, only sizes; after it, names are those that
// the target wants, and all that matters is which of them were sums. One permute is enough: an
// earlier one can only change the order of sizes. So Dijkstra's algorithm, from the target
// backwards, has few layouts to visit where a search with names has factorially many.
//
// The layouts here are ReshardStates whose atoms are renamed to the first of their class, in the
// order of dimensions. After the permute a class is a size and whether the source sums over the
// atom; before it, a size.
//
// Worked example, x = 2, y = 4, [{x}] -> [{y}]: the target is [{2, 2}]; so it is before a permute,
// which costs a quarter of the tensor; before a slice it is [{2}], which the source is too.
//
//===----------------------------------------------------------------------===//

#ifndef TPC_LIB_SHARDING_PERMUTESEARCH_H
#define TPC_LIB_SHARDING_PERMUTESEARCH_H

#include "ReshardSearch.h"

namespace tpc {

class PermuteSearch {
public:
  /// Finds the prices of what is taken to `target`, up to that of the source, where a way from the
  /// source by it may take less than `limit` femtoseconds.
  PermuteSearch(const CostModel &cost, const AtomTable &atoms, llvm::ArrayRef<int64_t> shape,
                const ReshardBound &bound, const ReshardState &source, const ReshardState &target,
                int64_t memoryCap, int64_t limit);

  /// The cheapest way from the source with a permute; empty if there is none below the limit.
  std::vector<ReshardNode> getPath() const;
  /// Femtoseconds that a way from `state` without a permute takes at least, if the whole way from
  /// the source is below the limit.
  int64_t getBound(const ReshardState &state) const;

private:
  enum Side { After, Before }; ///< the permute
  /// As in ReshardStep.
  struct Move {
    CollectiveKind kind;
    unsigned dim, splitDim;
  };
  /// A layout, and the move that takes it closer to the target.
  struct Node {
    ReshardState state;
    Side side;
    int64_t price; ///< femtoseconds to the target
    int64_t next;  ///< the node that the move leads to, -1 for the target
    Move move;
  };

  void run();
  /// Remembers the layout `before` a move over `group` ranks to the node `next`.
  void push(const ReshardState &before, Side side, int64_t next, Move move, int64_t group);
  int64_t getPrice(CollectiveKind kind, int64_t group, const ReshardState &operand) const;
  int64_t getLeastBefore(const ReshardState &state) const;
  bool hasSums(const ReshardState &state, Side side) const;
  bool isSummable(uint8_t atom) const { return source.partial >> atom & 1; }
  bool isFirst(uint8_t atom, uint32_t set, Side side) const;
  bool divides(const ReshardState &state, unsigned dim) const;

  // Each pushes what may have come before the node of that index.
  void visitSlices(int64_t index, const Node &node);
  void visitGathers(int64_t index, const Node &node, const ReshardState &before, unsigned dim,
                    int64_t group);
  void visitExchanges(int64_t index, const Node &node);
  void visitScatters(int64_t index, const Node &node);
  void visitAllReduces(int64_t index, const Node &node, const ReshardState &before, uint8_t first,
                       int64_t group);
  void visitPermutes(int64_t index, const Node &node);
  void fillDims(int64_t index, const Node &node, unsigned dim, int64_t remaining,
                ReshardState &before);

  uint8_t pick(uint32_t set, uint8_t model, Side side) const;
  AtomList getSummed(const ReshardState &more, const ReshardState &less, Side side) const;
  ReshardState undo(const Node &from, const ReshardState &after) const;
  ReshardState redo(const Node &from, const ReshardState &before, uint32_t kept) const;

  const CostModel &cost;
  const AtomTable &atoms;
  llvm::ArrayRef<int64_t> shape;
  const ReshardBound &bound;
  const ReshardState source, target;
  const int64_t memoryCap, limit;
  llvm::SmallVector<unsigned> classes[2]; ///< per side, of every atom
  ReshardState sources[2];                ///< per side, the source renamed
  std::vector<Node> nodes;
  llvm::DenseMap<ReshardState, int64_t> known[2]; ///< per side, the least price
  using Entry = std::pair<int64_t, int64_t>;      ///< price and node
  std::priority_queue<Entry, std::vector<Entry>, std::greater<Entry>> queue;
  int64_t found = -1; ///< the node of the source before the permute
  int64_t complete;   ///< what is not known costs at least this
};

} // namespace tpc

#endif // TPC_LIB_SHARDING_PERMUTESEARCH_H
