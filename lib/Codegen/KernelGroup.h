//===- KernelGroup.h - one kernel that does the work of several launches -------===//
//
// The body of a group is launches of its members, kernels alike but for their sizes; its results
// are theirs, in order:
//
//   func.func private @group_double(%s: tensor<f32>, %a: tensor<64xf32>, %b: tensor<8x64xf32>)
//       -> (tensor<64xf32>, tensor<8x64xf32>) attributes {tpc.kernel} {
//     %0 = tpc.launch @double_64(%s, %a) : (tensor<f32>, tensor<64xf32>) -> tensor<64xf32>
//     %1 = tpc.launch @double_8x64(%s, %b) : (tensor<f32>, tensor<8x64xf32>) -> tensor<8x64xf32>
//     return %0, %1 : tensor<64xf32>, tensor<8x64xf32>
//   }
//
// Targets write the members' common body once and look up in a table which member an iteration, or
// a block, belongs to and where its tensors lie. The iterations of a group are those of its members
// one after the other.
//
//===----------------------------------------------------------------------===//

#ifndef TPC_LIB_CODEGEN_KERNELGROUP_H
#define TPC_LIB_CODEGEN_KERNELGROUP_H

#include "KernelPlan.h"

namespace tpc {

class KernelGroup {
public:
  /// Whether `kernel` is a group.
  static bool isGroup(mlir::func::FuncOp kernel);
  /// The groups of a module, to be lowered before their members.
  static llvm::SmallVector<mlir::func::FuncOp> getGroups(mlir::ModuleOp module);
  /// Reports a group whose members are not alike, or whose operands are not in a regular order.
  static mlir::FailureOr<KernelGroup> get(mlir::func::FuncOp group);

  /// What kernels have in common that can be members of one group: their body but for its sizes.
  /// Empty for a kernel that can be in none.
  static std::string getLikeness(mlir::func::FuncOp kernel);

  llvm::ArrayRef<mlir::func::FuncOp> getMembers() const { return members; }
  /// The member whose iterations are most.
  mlir::func::FuncOp getLargest() const;
  /// Where pointer `number` of member `member` (operands, then results) is among the group's:
  /// first + member * stride.
  struct Position {
    int64_t first = 0, stride = 0;
  };
  llvm::ArrayRef<Position> getPositions() const { return positions; }
  /// Pointers of the whole group.
  int64_t getPointerCount() { return group.getNumArguments() + group.getNumResults(); }
  KernelInfo getInfo() const;

private:
  explicit KernelGroup(mlir::func::FuncOp group) : group(group) {}
  mlir::LogicalResult findMembers();
  mlir::LogicalResult findPositions();

  mlir::func::FuncOp group;
  llvm::SmallVector<LaunchOp> launches;
  llvm::SmallVector<mlir::func::FuncOp> members;
  llvm::SmallVector<Position> positions;
};

/// Erases the members of a group that has been lowered and erased, unless something else launches
/// them.
void eraseUnusedMembers(llvm::ArrayRef<mlir::func::FuncOp> members);

} // namespace tpc

#endif // TPC_LIB_CODEGEN_KERNELGROUP_H
