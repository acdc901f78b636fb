// RUN: tpc-opt %s --tpc-form-kernels -o %t.mlir
// RUN: FileCheck %s < %t.mlir
// RUN: tpc-interpret %t.mlir --against=%s
// RUN: tpc-opt %t.mlir --tpc-plan-memory --tpc-lower-kernels --tpc-lower-to-cpu -o /dev/null

// A mask is made once for the columns or for the rows, whoever asks, and repeated in the kernels that select by it.
// CHECK-LABEL: func.func @masks(
// CHECK-COUNT-1: tpc.launch @kernel_within_8(
// CHECK-NOT: tpc.launch @kernel_within_8(
// CHECK: return
func.func @masks(%x: tensor<2x3x8xf32>, %y: tensor<2x3x8xf32>) -> (tensor<2x3xf32>, tensor<2x3x8xf32>, tensor<2x8xf32>) {
  %zero = arith.constant dense<0.0> : tensor<2x3x8xf32>
  %columns = tpc.within 6 dim 2 : tensor<2x3x8xi1>
  %0 = arith.select %columns, %x, %zero : tensor<2x3x8xi1>, tensor<2x3x8xf32>
  %1 = tpc.reduce sum %0 dims [2] : tensor<2x3x8xf32> -> tensor<2x3xf32>
  %again = tpc.within 6 dim 2 : tensor<2x3x8xi1>
  %2 = arith.select %again, %y, %zero : tensor<2x3x8xi1>, tensor<2x3x8xf32>
  %rows = tpc.within 2 dim 1 : tensor<2x3x8xi1>
  %3 = arith.select %rows, %y, %zero : tensor<2x3x8xi1>, tensor<2x3x8xf32>
  %4 = tpc.reduce sum %3 dims [1] : tensor<2x3x8xf32> -> tensor<2x8xf32>
  return %1, %2, %4 : tensor<2x3xf32>, tensor<2x3x8xf32>, tensor<2x8xf32>
}

// A shard's mask starts where the shard does.
// CHECK-LABEL: func.func @shard(
// CHECK: %[[F:.*]] = arith.constant 4 : index
// CHECK: tpc.launch @kernel_within_select_4x8(%[[F]], %arg0)
// CHECK: func.func private @kernel_within_8() -> tensor<8xi1>
// CHECK-NEXT: tpc.within 6 dim 0 : tensor<8xi1>
func.func @shard(%x: tensor<4x8xf32>) -> tensor<4x8xf32> {
  %first = arith.constant 4 : index
  %one = arith.constant dense<1.0> : tensor<4x8xf32>
  %rows = tpc.within 7 dim 0 first(%first) : tensor<4x8xi1>
  %0 = arith.select %rows, %x, %one : tensor<4x8xi1>, tensor<4x8xf32>
  return %0 : tensor<4x8xf32>
}
