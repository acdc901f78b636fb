// RUN: tpc-opt %s --tpc-count-flops | FileCheck %s

// 2 * 4 * 6 * 8; what is elementwise does not count.
// CHECK: func.func @product({{.*}} attributes {tpc.flops = 3.840000e+02 : f64}
func.func @product(%x: tensor<4x8xf32>, %w: tensor<6x8xf32>) -> tensor<4x6xf32> {
  %0 = tpc.contract %x, %w : [m, k], [n, k] -> [m, n] : (tensor<4x8xf32>, tensor<6x8xf32>) -> tensor<4x6xf32>
  %1 = arith.addf %0, %0 : tensor<4x6xf32>
  return %1 : tensor<4x6xf32>
}

// Two products of 2 * (1 * 8 * 1 * 2 * 4) * 8 operations, halved by the mask.
// CHECK: func.func @attention({{.*}} attributes {tpc.flops = 1.024000e+03 : f64}
func.func @attention(%q: tensor<1x8x1x2x4xf32>, %k: tensor<1x8x1x4xf32>) {
  %o, %l = tpc.attention causal %q, %k, %k scale 0.5 : tensor<1x8x1x2x4xf32>, tensor<1x8x1x4xf32> -> tensor<1x8x1x2xf32>
  return
}

// CHECK: func.func private @kernel(
// CHECK-NOT: tpc.flops
func.func private @kernel(%x: tensor<4xf32>) -> tensor<4xf32> attributes {tpc.kernel} {
  return %x : tensor<4xf32>
}
