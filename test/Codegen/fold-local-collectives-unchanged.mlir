// RUN: tpc-opt %s --tpc-fold-local-collectives | FileCheck %s
// What has a group of more than one rank stays, and so does what only looks like it does nothing.

tpc.mesh @mesh <["dp"=1, "tp"=4]>

// A part of an axis is an axis.
// CHECK-LABEL: @sub_axes
func.func @sub_axes(%x: tensor<4x8xf32>) -> (tensor<8x8xf32>, tensor<4x4xf32>) {
  // CHECK: tpc.all_gather %{{.*}} dim 0 over @mesh ["tp":(1)2]
  %0 = tpc.all_gather %x dim 0 over @mesh ["tp":(1)2] : tensor<4x8xf32> -> tensor<8x8xf32>
  // CHECK: tpc.reduce_scatter sum %{{.*}} dim 1 over @mesh ["dp", "tp":(2)2]
  %1 = tpc.reduce_scatter sum %x dim 1 over @mesh ["dp", "tp":(2)2] : tensor<4x8xf32> -> tensor<4x4xf32>
  return %0, %1 : tensor<8x8xf32>, tensor<4x4xf32>
}

// These keep their types, as those that fold do.
// CHECK-LABEL: @same_types
func.func @same_types(%x: tensor<4xf32>) -> (tensor<4xf32>, tensor<4xf32>, index) {
  // CHECK: tpc.all_reduce max %{{.*}} over @mesh ["tp"]
  %0 = tpc.all_reduce max %x over @mesh ["tp"] : tensor<4xf32>
  // CHECK: tpc.permute %{{.*}} pairs [0, 0, 1, 1, 2, 2, 3, 3] over @mesh ["tp"]
  %1 = tpc.permute %0 pairs [0, 0, 1, 1, 2, 2, 3, 3] over @mesh ["tp"] : tensor<4xf32>
  // CHECK: tpc.axis_index over @mesh ["dp", "tp"]
  %2 = tpc.axis_index over @mesh ["dp", "tp"]
  return %0, %1, %2 : tensor<4xf32>, tensor<4xf32>, index
}

// CHECK-LABEL: @exchange
func.func @exchange(%x: tensor<4x4xf32>) -> (tensor<1x16xf32>, tensor<4x1xf32>) {
  // CHECK: tpc.all_to_all %{{.*}} split 0 concat 1 over @mesh ["tp"]
  %0 = tpc.all_to_all %x split 0 concat 1 over @mesh ["tp"] : tensor<4x4xf32> -> tensor<1x16xf32>
  // CHECK: tpc.shard_slice %{{.*}} dim 1 over @mesh ["tp"]
  %1 = tpc.shard_slice %x dim 1 over @mesh ["tp"] : tensor<4x4xf32> -> tensor<4x1xf32>
  return %0, %1 : tensor<1x16xf32>, tensor<4x1xf32>
}
