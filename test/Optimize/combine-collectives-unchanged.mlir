// RUN: tpc-opt %s --tpc-combine-collectives | FileCheck %s
// RUN: tpc-opt %s --tpc-combine-collectives=max-member-bytes=0 | FileCheck %s --check-prefix=NONE
// RUN: tpc-opt %s --tpc-combine-collectives=max-bytes=0 | FileCheck %s --check-prefix=NONE
// RUN: tpc-opt %s --tpc-combine-collectives=max-distance=1 | FileCheck %s --check-prefix=NEAR
// RUN: tpc-opt %s --tpc-combine-collectives=machine=h100x8 | FileCheck %s --check-prefix=LATENT
// Collectives that may not travel together.

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

// Not those of two functions.
// CHECK-LABEL: func.func @here(
// CHECK: tpc.all_reduce sum %{{[^,]*}} over
// CHECK-LABEL: func.func @elsewhere(
// CHECK: tpc.all_reduce sum %{{[^,]*}} over
func.func @here(%x: tensor<8xf32>) -> tensor<8xf32> {
  %0 = tpc.all_reduce sum %x over @mesh ["tp"] : tensor<8xf32>
  return %0 : tensor<8xf32>
}
func.func @elsewhere(%x: tensor<8xf32>) -> tensor<8xf32> {
  %0 = tpc.all_reduce sum %x over @mesh ["tp"] : tensor<8xf32>
  return %0 : tensor<8xf32>
}

// Gathers of different dimensions, axes, types, or phases of the step, and scatters of different reductions.
// CHECK-LABEL: func.func @unlike(
// CHECK-COUNT-5: tpc.all_gather %{{[^,]*}} dim
// CHECK-COUNT-2: tpc.reduce_scatter {{sum|max}} %{{[^,]*}} dim
func.func @unlike(%x: tensor<8x4xf32>, %i: tensor<8x4xi32>)
    -> (tensor<32x4xf32>, tensor<8x16xf32>, tensor<16x4xf32>, tensor<32x4xi32>, tensor<32x4xf32>, tensor<2x4xf32>, tensor<2x4xf32>) {
  %0 = tpc.all_gather %x dim 0 over @mesh ["tp"] : tensor<8x4xf32> -> tensor<32x4xf32>
  %1 = tpc.all_gather %x dim 1 over @mesh ["tp"] : tensor<8x4xf32> -> tensor<8x16xf32>
  %2 = tpc.all_gather %x dim 0 over @mesh ["dp"] : tensor<8x4xf32> -> tensor<16x4xf32>
  %3 = tpc.all_gather %i dim 0 over @mesh ["tp"] : tensor<8x4xi32> -> tensor<32x4xi32>
  %4 = tpc.all_gather %x dim 0 over @mesh ["tp"] {tpc.backward} : tensor<8x4xf32> -> tensor<32x4xf32>
  %5 = tpc.reduce_scatter sum %x dim 0 over @mesh ["tp"] : tensor<8x4xf32> -> tensor<2x4xf32>
  %6 = tpc.reduce_scatter max %x dim 0 over @mesh ["tp"] : tensor<8x4xf32> -> tensor<2x4xf32>
  return %0, %1, %2, %3, %4, %5, %6 : tensor<32x4xf32>, tensor<8x16xf32>, tensor<16x4xf32>, tensor<32x4xi32>, tensor<32x4xf32>, tensor<2x4xf32>, tensor<2x4xf32>
}

// The first is used at once, and what the second gathers is not there yet.
// CHECK-LABEL: func.func @activations(
// CHECK-COUNT-2: tpc.all_gather %{{[^,]*}} dim 0
func.func @activations(%x: tensor<8xf32>) -> (tensor<32xf32>, tensor<32xf32>) {
  %0 = tpc.all_gather %x dim 0 over @mesh ["tp"] : tensor<8xf32> -> tensor<32xf32>
  %1 = math.sin %0 : tensor<32xf32>
  %2 = math.cos %x : tensor<8xf32>
  %3 = tpc.all_gather %2 dim 0 over @mesh ["tp"] : tensor<8xf32> -> tensor<32xf32>
  return %1, %3 : tensor<32xf32>, tensor<32xf32>
}

// Two products lie between the gathers: one more than with max-distance=1.
// CHECK-LABEL: func.func @far(
// CHECK: tpc.all_gather %{{.*}}, %{{.*}} dim 0
// NEAR-LABEL: func.func @far(
// NEAR-COUNT-2: tpc.all_gather %{{[^,]*}} dim 0
func.func @far(%x: tensor<2x8xf32>, %y: tensor<2x8xf32>) -> (tensor<8x8xf32>, tensor<8x8xf32>) {
  %0 = tpc.all_gather %x dim 0 over @mesh ["tp"] : tensor<2x8xf32> -> tensor<8x8xf32>
  %1 = tpc.contract %0, %0 : [m, k], [n, k] -> [m, n] : (tensor<8x8xf32>, tensor<8x8xf32>) -> tensor<8x8xf32>
  %2 = tpc.contract %1, %1 : [m, k], [n, k] -> [m, n] : (tensor<8x8xf32>, tensor<8x8xf32>) -> tensor<8x8xf32>
  %3 = tpc.all_gather %y dim 0 over @mesh ["tp"] : tensor<2x8xf32> -> tensor<8x8xf32>
  return %2, %3 : tensor<8x8xf32>, tensor<8x8xf32>
}

// A rank receives 96 kB of each: 5 us through shared memory, which starts in 1, and 0.3 us over NVLink, which starts in 8.
// CHECK-LABEL: func.func @large(
// CHECK-COUNT-2: tpc.all_gather %{{[^,]*}} dim 0
// LATENT-LABEL: func.func @large(
// LATENT: tpc.all_gather %{{.*}}, %{{.*}} dim 0
func.func @large(%x: tensor<8000xf32>, %y: tensor<8000xf32>) -> (tensor<32000xf32>, tensor<32000xf32>) {
  %0 = tpc.all_gather %x dim 0 over @mesh ["tp"] : tensor<8000xf32> -> tensor<32000xf32>
  %1 = tpc.all_gather %y dim 0 over @mesh ["tp"] : tensor<8000xf32> -> tensor<32000xf32>
  return %0, %1 : tensor<32000xf32>, tensor<32000xf32>
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
