//===- SlotMap.h - what lies where in a rank's arena ---------------------------===//
//
// Slots that do not overlap, each with its tenant. In order of where they start they are in order
// of where they end as well, so of those that start before a slot ends the last one tells whether
// any overlaps it.
//
//===----------------------------------------------------------------------===//

#ifndef TPC_LIB_CODEGEN_SLOTMAP_H
#define TPC_LIB_CODEGEN_SLOTMAP_H

#include "tpc/Dialect/TPCDialect.h"
#include <map>

namespace tpc {

template <typename Tenant>
class SlotMap {
  struct Entry {
    int64_t end;
    Tenant tenant;
  };
  using Map = std::map<std::pair<SlotSpace, int64_t>, Entry>; ///< by where they start

public:
  using iterator = typename Map::iterator;

  /// One that overlaps `slot`, or end().
  iterator find(SlotAttr slot) {
    auto behind = slots.lower_bound({slot.getSpace(), getEnd(slot)});
    if (behind == slots.begin())
      return slots.end();
    auto last = std::prev(behind);
    bool overlaps = last->first.first == slot.getSpace() && last->second.end > slot.getOffset();
    return overlaps ? last : slots.end();
  }

  /// Precondition: nothing overlaps `slot`. What has no bytes lies nowhere.
  void insert(SlotAttr slot, Tenant tenant) {
    if (slot.getBytes())
      slots.insert({{slot.getSpace(), slot.getOffset()}, Entry{getEnd(slot), std::move(tenant)}});
  }
  void erase(iterator place) { slots.erase(place); }
  iterator end() { return slots.end(); }

private:
  static int64_t getEnd(SlotAttr slot) { return slot.getOffset() + slot.getBytes(); }

  Map slots;
};

} // namespace tpc

#endif // TPC_LIB_CODEGEN_SLOTMAP_H
