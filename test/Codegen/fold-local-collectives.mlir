// RUN: tpc-opt %s --tpc-fold-local-collectives | FileCheck %s

tpc.mesh @mesh <["dp"=1, "tp"=2]>

// CHECK-LABEL: @entry
// CHECK-SAME: (%[[X:.*]]: tensor<4x8xf32>
func.func @entry(%x: tensor<4x8xf32>) -> (tensor<4x8xf32>, tensor<4x8xf32>, tensor<8x8xf32>, tensor<4x8xf32>, index) {
  // CHECK-NOT: "dp"
  %0:2 = tpc.all_reduce sum %x, %x over @mesh ["dp"] : tensor<4x8xf32>, tensor<4x8xf32>
  %1 = tpc.reduce_scatter sum %0#1 dim 0 over @mesh ["dp"] : tensor<4x8xf32> -> tensor<4x8xf32>
  // CHECK: %[[G:.*]] = tpc.all_gather %[[X]] dim 0 over @mesh ["tp"]
  %2 = tpc.all_gather %1 dim 0 over @mesh ["tp"] : tensor<4x8xf32> -> tensor<8x8xf32>
  %3 = tpc.shard_slice %x dim 1 over @mesh ["dp"] : tensor<4x8xf32> -> tensor<4x8xf32>
  // CHECK: %[[I:.*]] = arith.constant 0 : index
  %4 = tpc.axis_index over @mesh ["dp"]
  // CHECK: return %[[X]], %[[X]], %[[G]], %[[X]], %[[I]]
  return %0#0, %1, %2, %3, %4 : tensor<4x8xf32>, tensor<4x8xf32>, tensor<8x8xf32>, tensor<4x8xf32>, index
}

// Axes of both sizes: the group has two ranks, so it stays.
// CHECK-LABEL: @mixed
func.func @mixed(%x: tensor<4xf32>) -> tensor<4xf32> {
  // CHECK: tpc.all_reduce sum %{{.*}} over @mesh ["dp", "tp"]
  %0 = tpc.all_reduce sum %x over @mesh ["dp", "tp"] : tensor<4xf32>
  return %0 : tensor<4xf32>
}

// A started one goes with its wait.
// CHECK-LABEL: @started
// CHECK-NEXT: return %arg0, %arg1 :
func.func @started(%x: tensor<4xf32>, %s: tensor<f32>) -> (tensor<4xf32>, tensor<f32>) {
  %p = tpc.all_reduce sum %x, %s over @mesh ["dp"] : tensor<4xf32>, tensor<f32> -> !tpc.pending<tensor<4xf32>, tensor<f32>>
  %0:2 = tpc.wait %p : !tpc.pending<tensor<4xf32>, tensor<f32>>
  return %0#0, %0#1 : tensor<4xf32>, tensor<f32>
}
