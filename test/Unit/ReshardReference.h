//===- ReshardReference.h - the cheapest reshard by brute force --------------===//
//
// Dijkstra over all layouts, independent of the planner. Every mesh axis is cut into parts of prime
// size. Moves, with L the bytes of the operand on one rank and n the ranks of the group:
//
//   slice           a part in no use becomes the minor-most of a dimension          free
//   all_gather      the minor-most parts of a dimension, any number, go             alpha + beta (n
//   - 1) L all_to_all      they become the minor-most of another dimension, in order       alpha +
//   beta (n - 1)/n L permute         any change that keeps every dimension's number of shards alpha
//   + beta L reduce_scatter  any summed parts, in any order, become a dimension's minor-most alpha
//   + beta (n - 1)/n L all_reduce      any summed parts go alpha + beta 2(n - 1)/n L
//
// Prices depend on sizes alone, so layouts that differ by a renaming of parts of equal size are as
// far from each other: one search serves all of these.
//
//===----------------------------------------------------------------------===//

#ifndef TPC_TEST_UNIT_RESHARDREFERENCE_H
#define TPC_TEST_UNIT_RESHARDREFERENCE_H

#include "tpc/Sharding/Layout.h"
#include <map>
#include <unordered_map>
#include <vector>

namespace tpc::test {

class ReshardReference {
public:
  ReshardReference(const Mesh &mesh, std::vector<int64_t> shape, double alpha, double beta);

  /// Seconds of the cheapest way; both layouts are made of parts, and `to` is nowhere Partial.
  double getSeconds(const Layout &from, const Layout &to);

private:
  /// Per dimension the parts that split it, major to minor, and the set of summed ones.
  struct State {
    std::vector<std::vector<unsigned>> dims;
    unsigned summed = 0;
  };
  using Distances = std::unordered_map<uint64_t, double>;
  using Neighbours = std::vector<std::pair<State, double>>;

  State getState(const Layout &layout) const;
  State rename(State state, const std::vector<unsigned> &names) const;
  std::vector<unsigned> getCanonicalNames(const State &state) const;
  Distances search(const State &from) const;
  Neighbours getNeighbours(const State &state) const;
  void addSlices(const State &state, Neighbours &next) const;
  void addMovesOfSuffixes(const State &state, Neighbours &next) const;
  void addReductions(const State &state, std::vector<unsigned> &chosen, Neighbours &next) const;
  std::vector<State> getPermuted(const State &state) const;
  double getBytes(const State &state) const;
  int64_t getParts(const std::vector<unsigned> &list) const;
  bool isEven(const State &state) const;
  uint64_t getKey(const State &state) const;
  /// Number of shards per dimension and the summed set: permutes reach all layouts that share it.
  std::string getSignature(const State &state) const;

  std::vector<int64_t> shape;
  double alpha, beta;
  std::vector<AxisRef> parts;
  std::map<uint64_t, Distances> known;
};

} // namespace tpc::test

#endif // TPC_TEST_UNIT_RESHARDREFERENCE_H
