// RUN: tpc-opt %s --tpc-simplify-collectives=keep-gathers | FileCheck %s
// What a plan gathers stays gathered, although it is cut again; other rewrites go on.

tpc.mesh @mesh <["tp"=2]>

// CHECK-LABEL: func.func @gathered(
// CHECK: tpc.all_gather
// CHECK-NEXT: tpc.shard_slice
// CHECK-NEXT: tpc.shard_slice
// CHECK-NEXT: return
func.func @gathered(%x: tensor<2x8xf32>) -> (tensor<2x8xf32>, tensor<4x4xf32>) {
  %0 = tpc.all_gather %x dim 0 over @mesh ["tp"] : tensor<2x8xf32> -> tensor<4x8xf32>
  %1 = tpc.shard_slice %0 dim 0 over @mesh ["tp"] : tensor<4x8xf32> -> tensor<2x8xf32>
  %2 = tpc.shard_slice %0 dim 1 over @mesh ["tp"] : tensor<4x8xf32> -> tensor<4x4xf32>
  return %1, %2 : tensor<2x8xf32>, tensor<4x4xf32>
}

// CHECK-LABEL: func.func @reduced(
// CHECK-NEXT: tpc.reduce_scatter
// CHECK-NEXT: return
func.func @reduced(%x: tensor<2x8xf32>) -> tensor<1x8xf32> {
  %0 = tpc.all_reduce sum %x over @mesh ["tp"] : tensor<2x8xf32>
  %1 = tpc.shard_slice %0 dim 0 over @mesh ["tp"] : tensor<2x8xf32> -> tensor<1x8xf32>
  return %1 : tensor<1x8xf32>
}
