//===- ReshardSearch.h - A* over layouts --------------------------------------===//
//
// Hart, Nilsson, Raphael 1968. The bound is ReshardBound's.
//
//===----------------------------------------------------------------------===//

#ifndef TPC_LIB_SHARDING_RESHARDSEARCH_H
#define TPC_LIB_SHARDING_RESHARDSEARCH_H

#include "ReshardBound.h"
#include "llvm/ADT/DenseMap.h"
#include <limits>
#include <queue>

namespace tpc {

/// Femtoseconds, then steps: whole numbers, so that ties are ties.
using ReshardPrice = std::pair<int64_t, int64_t>;

class PermuteSearch;

int64_t toFemtoseconds(double seconds);

/// A layout that the search came to, and by which move.
struct ReshardNode {
  ReshardState state;
  ReshardPrice price;
  int64_t parent; ///< index of the node before, -1 for the first
  CollectiveKind kind = CollectiveKind::Slice;
  unsigned dim = 0, splitDim = 0;
};

class ReshardSearch {
public:
  /// Layouts between the first and the last may take at most `memoryCap` bytes on a rank.
  ReshardSearch(const CostModel &cost, const AtomTable &atoms, llvm::ArrayRef<int64_t> shape,
                int64_t elementBytes, const ReshardState &target, int64_t memoryCap);

  /// Ways without a permute only; `bounds`, if there is one, says what they take at least.
  void leavePermutesOut(const PermuteSearch *bounds);

  /// The nodes of the cheapest way to the target, first to last; empty if there is none below
  /// `limit` femtoseconds.
  std::vector<ReshardNode> run(const ReshardState &from,
                               int64_t limit = std::numeric_limits<int64_t>::max());

  /// Is a way of that price as cheap as any could be, however finely axes are cut?
  bool isProven(const ReshardState &from, int64_t price) const;

  double getLocalBytes(const ReshardState &state) const { return bound.getLocalBytes(state); }
  const ReshardBound &getLowerBound() const { return bound; }

private:
  /// Femtoseconds that any way from `state` to the target takes at least.
  int64_t getPlainBound(const ReshardState &state) const;
  /// The same without a permute, where these are left out.
  int64_t getBound(const ReshardState &state) const;
  ReshardState getName(const ReshardState &state) const;
  void push(ReshardNode node);
  /// Takes all permutes out of a node, or all moves but these.
  void follow(int64_t index, bool permutes);
  double getSeconds(const ReshardNode &from, CollectiveKind kind, unsigned dim,
                    const ReshardState &result) const;
  std::string getInvariant(const ReshardState &state) const;
  bool servedByOthers(int64_t index);
  void postponePermutes(int64_t index);
  std::vector<ReshardNode> getPath(int64_t index) const;

  /// In the queue: a node whose moves are to be followed, all but permutes or only these.
  struct Entry {
    ReshardPrice estimate;
    int64_t node;
    bool permutes;
    bool operator>(const Entry &other) const {
      return std::tie(estimate, node) > std::tie(other.estimate, other.node);
    }
  };

  const CostModel &cost;
  const AtomTable &atoms;
  const ReshardState target;
  const bool equalLinks;
  int64_t memoryCap;
  MoveGenerator generator;
  ReshardBound bound;
  bool permutes = true;
  const PermuteSearch *withoutPermutes = nullptr; ///< bounds of ways without a permute
  llvm::SmallVector<unsigned> classes; ///< of atoms: what the target has none of is interchangeable
  int64_t limit = 0;
  std::vector<ReshardNode> nodes;
  llvm::DenseMap<ReshardState, ReshardPrice> best;
  llvm::StringMap<int64_t>
      permuted; ///< least price at which the permutes of an invariant were generated
  std::priority_queue<Entry, std::vector<Entry>, std::greater<Entry>> queue;
};

} // namespace tpc

#endif // TPC_LIB_SHARDING_RESHARDSEARCH_H
