// RUN: tpc-opt %s --tpc-combine-collectives | FileCheck %s
// RUN: tpc-opt %s --tpc-combine-collectives=max-member-bytes=0 | FileCheck %s --check-prefix=NONE
// RUN: tpc-opt %s --tpc-combine-collectives=max-bytes=0 | FileCheck %s --check-prefix=NONE
// Reductions that may not travel together, and collectives that are none.

tpc.mesh @mesh <["dp"=2, "tp"=4]>

// A part of an axis is not the axis, and the order of axes numbers the ranks.
// CHECK-LABEL: func.func @axes(
// CHECK: tpc.all_reduce sum %{{[^,]*}} over @mesh ["tp"]
// CHECK: tpc.all_reduce sum %{{[^,]*}} over @mesh ["tp":(1)2]
// CHECK: tpc.all_reduce sum %{{[^,]*}} over @mesh ["tp":(2)2]
// CHECK: tpc.all_reduce sum %{{[^,]*}} over @mesh ["dp", "tp"]
func.func @axes(%x: tensor<8xf32>) -> (tensor<8xf32>, tensor<8xf32>, tensor<8xf32>, tensor<8xf32>) {
  %0 = tpc.all_reduce sum %x over @mesh ["tp"] : tensor<8xf32>
  %1 = tpc.all_reduce sum %x over @mesh ["tp":(1)2] : tensor<8xf32>
  %2 = tpc.all_reduce sum %x over @mesh ["tp":(2)2] : tensor<8xf32>
  %3 = tpc.all_reduce sum %x over @mesh ["dp", "tp"] : tensor<8xf32>
  return %0, %1, %2, %3 : tensor<8xf32>, tensor<8xf32>, tensor<8xf32>, tensor<8xf32>
}

// A chain: each needs the one before.
// CHECK-LABEL: func.func @chain(
// CHECK-COUNT-3: tpc.all_reduce sum %{{[^,]*}} over
func.func @chain(%x: tensor<8xf32>) -> tensor<8xf32> {
  %0 = tpc.all_reduce sum %x over @mesh ["tp"] : tensor<8xf32>
  %1 = tpc.all_reduce sum %0 over @mesh ["tp"] : tensor<8xf32>
  %2 = tpc.all_reduce sum %1 over @mesh ["tp"] : tensor<8xf32>
  return %2 : tensor<8xf32>
}

// Only all_reduces are combined, and not those of two functions.
// CHECK-LABEL: func.func @others(
// CHECK-COUNT-2: tpc.reduce_scatter sum %{{[^,]*}} dim 0
// CHECK-COUNT-2: tpc.all_gather %{{[^,]*}} dim 0
// CHECK: tpc.all_reduce sum %{{[^,]*}} over
// CHECK-LABEL: func.func @elsewhere(
// CHECK: tpc.all_reduce sum %{{[^,]*}} over
func.func @others(%x: tensor<8xf32>) -> (tensor<8xf32>, tensor<8xf32>, tensor<8xf32>) {
  %0 = tpc.reduce_scatter sum %x dim 0 over @mesh ["tp"] : tensor<8xf32> -> tensor<2xf32>
  %1 = tpc.reduce_scatter sum %x dim 0 over @mesh ["tp"] : tensor<8xf32> -> tensor<2xf32>
  %2 = tpc.all_gather %0 dim 0 over @mesh ["tp"] : tensor<2xf32> -> tensor<8xf32>
  %3 = tpc.all_gather %1 dim 0 over @mesh ["tp"] : tensor<2xf32> -> tensor<8xf32>
  %4 = tpc.all_reduce sum %x over @mesh ["tp"] : tensor<8xf32>
  return %2, %3, %4 : tensor<8xf32>, tensor<8xf32>, tensor<8xf32>
}
func.func @elsewhere(%x: tensor<8xf32>) -> tensor<8xf32> {
  %0 = tpc.all_reduce sum %x over @mesh ["tp"] : tensor<8xf32>
  return %0 : tensor<8xf32>
}

// Two that are combined unless a limit is below their 32 bytes.
// CHECK-LABEL: func.func @small(
// CHECK: tpc.all_reduce sum %{{.*}}, %{{.*}} over
// NONE-LABEL: func.func @small(
// NONE-COUNT-2: tpc.all_reduce sum %{{[^,]*}} over
func.func @small(%x: tensor<8xf32>, %y: tensor<8xf32>) -> (tensor<8xf32>, tensor<8xf32>) {
  %0 = tpc.all_reduce sum %x over @mesh ["tp"] : tensor<8xf32>
  %1 = tpc.all_reduce sum %y over @mesh ["tp"] : tensor<8xf32>
  return %0, %1 : tensor<8xf32>, tensor<8xf32>
}
