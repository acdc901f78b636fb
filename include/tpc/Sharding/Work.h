//===- Work.h - what an op asks of a device ----------------------------------===//

#ifndef TPC_SHARDING_WORK_H
#define TPC_SHARDING_WORK_H

#include <string>

namespace tpc {

/// What bounds an op besides memory: machines reach another share of their peak in each.
enum class WorkKind { Elementwise, Contract, Attention, AttentionGrad };

/// The work of one op on one device.
struct Work {
  WorkKind kind = WorkKind::Elementwise;
  double flops = 0;
  double bytes = 0;        ///< read and written, each operand and result once
  std::string elementType; ///< of the first operand: "f32", "bf16"
};

} // namespace tpc

#endif // TPC_SHARDING_WORK_H
