//===- ReshardReference.h - the cheapest reshard by brute force --------------===//
//
// Dijkstra over all layouts, independent of the planner. Every mesh axis is cut into parts of prime
// size. Moves, with L the bytes of the operand on one rank and n the ranks of the group:
//
// clang-format off
//   slice           a part in no use becomes the minor-most of a dimension          free
//   all_gather      the minor-most parts of a dimension, any number, go             alpha + beta (n - 1) L
//   all_to_all      they become the minor-most of another dimension, in order       alpha + beta (n - 1)/n L
//   permute         any change that keeps every dimension's number of shards        alpha + beta L
//   reduce_scatter  any summed parts, in any order, become a dimension's minor-most alpha + beta (n - 1)/n L
//   all_reduce      any summed parts go                                             alpha + beta 2(n - 1)/n L
// clang-format on
//
// alpha and beta are those of the slowest axis that has a part in the group. The moves of all
// layouts are enumerated once (ReshardGraph); one search finds the prices from one source to all
// targets. Where all axes are alike prices depend on sizes alone, so layouts that differ by a
// renaming of parts of equal size are as far from each other, and one search serves all of these
// sources.
//
//===----------------------------------------------------------------------===//

#ifndef TPC_TEST_UNIT_RESHARDREFERENCE_H
#define TPC_TEST_UNIT_RESHARDREFERENCE_H

#include "tpc/Sharding/Layout.h"
#include <map>
#include <unordered_map>
#include <vector>

namespace tpc::test {

/// Every layout of a tensor of f32 on a mesh, made of whole parts that divide it, and every move.
class ReshardGraph {
public:
  /// No parts of other axes than `summedAxes`, a bit per axis, are ever sums.
  ReshardGraph(const Mesh &mesh, std::vector<int64_t> shape, unsigned summedAxes = ~0u);

  /// Per dimension the parts that split it, major to minor, and the set of summed ones.
  struct State {
    std::vector<std::vector<unsigned>> dims;
    unsigned summed = 0;
  };
  /// All moves but permutes; `bytes` received on each rank, 0 for a slice.
  struct Edge {
    unsigned target;
    double bytes;
    unsigned group; ///< the parts that the collective runs over
  };
  /// States with the same numbers of shards and the same sums: permutes reach each from each.
  struct PermuteClass {
    std::vector<unsigned> members;
    double bytes;
  };

  size_t size() const { return states.size(); }
  /// The mesh axes that a set of parts belongs to, a bit per axis.
  unsigned getAxes(unsigned group) const;
  /// The parts that lie elsewhere in the other state: what a permute runs over.
  unsigned getPermuted(unsigned from, unsigned to) const;
  /// The number of a layout, which is made of parts.
  unsigned getNumber(const State &state) const { return numbers.at(getKey(state)); }
  State getState(const Layout &layout) const;
  const std::vector<Edge> &getEdges(unsigned state) const { return edges[state]; }
  unsigned getPermuteClass(unsigned state) const { return classOf[state]; }
  const std::vector<PermuteClass> &getPermuteClasses() const { return classes; }
  /// New names for the parts: those of one size in the order in which `state` has them, sums first.
  std::vector<unsigned> getCanonicalNames(const State &state) const;
  State rename(State state, const std::vector<unsigned> &names) const;

private:
  void addStates(State &state, unsigned dim, unsigned used);
  void addPermuteClass(unsigned number);
  void addSlices(unsigned number);
  void addMovesOfSuffixes(unsigned number);
  void addReductions(unsigned number, std::vector<unsigned> &chosen);
  /// Unless `to` does not divide the tensor.
  void addEdge(unsigned from, const State &to, double bytes, unsigned group);
  double getBytes(const State &state) const;
  int64_t getParts(const std::vector<unsigned> &list) const;
  uint64_t getKey(const State &state) const;

  std::vector<int64_t> shape;
  std::vector<AxisRef> parts;
  std::vector<State> states;
  std::unordered_map<uint64_t, unsigned> numbers;
  std::vector<std::vector<Edge>> edges;
  std::vector<unsigned> classOf;
  std::vector<PermuteClass> classes;
  std::map<std::vector<int64_t>, unsigned> classNumbers; ///< by shards of the dimensions, and sums
};

/// The least prices on a graph.
class ReshardReference {
public:
  struct Link {
    double alpha, beta;
  };
  /// One link for every mesh axis, or one for all.
  ReshardReference(const ReshardGraph &graph, std::vector<Link> links)
      : graph(graph), links(std::move(links)) {}

  /// Seconds of the cheapest way; both layouts are made of parts, and `to` is nowhere Partial.
  double getSeconds(const Layout &from, const Layout &to);

private:
  std::vector<double> search(unsigned from) const;
  double getPrice(double bytes, unsigned group) const;

  const ReshardGraph &graph;
  std::vector<Link> links;
  std::unordered_map<unsigned, std::vector<double>> known;
};

} // namespace tpc::test

#endif // TPC_TEST_UNIT_RESHARDREFERENCE_H
