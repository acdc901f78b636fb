// RUN: tpc-opt --canonicalize %s | FileCheck %s

// CHECK-LABEL: @nothing_to_do
// CHECK-SAME: %[[X:.*]]: tensor<2x3xf32>
// CHECK-NEXT: return %[[X]], %[[X]], %[[X]]
func.func @nothing_to_do(%x: tensor<2x3xf32>) -> (tensor<2x3xf32>, tensor<2x3xf32>, tensor<2x3xf32>) {
  %0 = tpc.reduce sum %x dims [] : tensor<2x3xf32> -> tensor<2x3xf32>
  %1 = tpc.broadcast %x dims [0, 1] : tensor<2x3xf32> -> tensor<2x3xf32>
  %2 = tpc.transpose %x permutation [0, 1] : tensor<2x3xf32> -> tensor<2x3xf32>
  return %0, %1, %2 : tensor<2x3xf32>, tensor<2x3xf32>, tensor<2x3xf32>
}

// Dimension i of the last result is dimension [1, 2, 0][[2, 0, 1][i]] = [0, 1, 2][i] of the operand.
// CHECK-LABEL: @transposes_cancel
// CHECK-SAME: %[[X:.*]]: tensor<2x3x4xf32>
// CHECK-NEXT: return %[[X]]
func.func @transposes_cancel(%x: tensor<2x3x4xf32>) -> tensor<2x3x4xf32> {
  %0 = tpc.transpose %x permutation [1, 2, 0] : tensor<2x3x4xf32> -> tensor<3x4x2xf32>
  %1 = tpc.transpose %0 permutation [2, 0, 1] : tensor<3x4x2xf32> -> tensor<2x3x4xf32>
  return %1 : tensor<2x3x4xf32>
}

// CHECK-LABEL: @transposes_join
// CHECK: tpc.transpose %{{.*}} permutation [2, 0, 1] : tensor<2x3x4xf32> -> tensor<4x2x3xf32>
// CHECK-NOT: tpc.transpose
func.func @transposes_join(%x: tensor<2x3x4xf32>) -> tensor<4x2x3xf32> {
  %0 = tpc.transpose %x permutation [0, 2, 1] : tensor<2x3x4xf32> -> tensor<2x4x3xf32>
  %1 = tpc.transpose %0 permutation [1, 0, 2] : tensor<2x4x3xf32> -> tensor<4x2x3xf32>
  return %1 : tensor<4x2x3xf32>
}

// What a barrier keeps apart stays apart.
// CHECK-LABEL: @barrier
// CHECK-COUNT-2: tpc.barrier
func.func @barrier(%x: tensor<4xf32>) -> (tensor<4xf32>, tensor<4xf32>) {
  %0 = tpc.barrier %x : tensor<4xf32>
  %1 = tpc.barrier %x : tensor<4xf32>
  return %0, %1 : tensor<4xf32>, tensor<4xf32>
}
