// RUN: tpc-opt %s --tpc-count-flops | FileCheck %s
// RUN: tpc-opt %s --tpc-count-flops=machine=h100x8 | FileCheck %s --check-prefix=PEAK
// RUN: not tpc-opt %s --tpc-count-flops=machine=abacus 2>&1 | FileCheck %s --check-prefix=MACHINE
// MACHINE: error: unknown machine 'abacus'

// The rate of f32 products.
// PEAK: module attributes {tpc.peak = {flops = 6.700000e+13 : f64, machine = "h100x8"}}

// 2 * 4 * 6 * 8; what is elementwise does not count.
// CHECK: func.func @product({{.*}} attributes {tpc.flops = 3.840000e+02 : f64, tpc.palm_flops = 3.840000e+02 : f64}
func.func @product(%x: tensor<4x8xf32>, %w: tensor<6x8xf32>) -> tensor<4x6xf32> {
  %0 = tpc.contract %x, %w : [m, k], [n, k] -> [m, n] : (tensor<4x8xf32>, tensor<6x8xf32>) -> tensor<4x6xf32>
  %1 = arith.addf %0, %0 : tensor<4x6xf32>
  return %1 : tensor<4x6xf32>
}

// Nor does what a product accumulates on.
// CHECK: func.func @accumulate({{.*}} attributes {tpc.flops = 3.840000e+02 : f64, tpc.palm_flops = 3.840000e+02 : f64}
func.func @accumulate(%x: tensor<4x8xf32>, %w: tensor<6x8xf32>, %y: tensor<4x6xf32>) -> tensor<4x6xf32> {
  %0 = tpc.contract %x, %w accumulate %y : [m, k], [n, k] -> [m, n] : (tensor<4x8xf32>, tensor<6x8xf32>) -> tensor<4x6xf32>
  return %0 : tensor<4x6xf32>
}

// Two products of 2 * (1 * 8 * 1 * 2 * 4) * 8 operations, halved by the mask.
// CHECK: func.func @attention({{.*}} attributes {tpc.flops = 1.024000e+03 : f64, tpc.palm_flops = 2.048000e+03 : f64}
func.func @attention(%q: tensor<1x8x1x2x4xf32>, %k: tensor<1x8x1x4xf32>) {
  %o, %l = tpc.attention causal %q, %k, %k scale 0.5 : tensor<1x8x1x2x4xf32>, tensor<1x8x1x4xf32> -> tensor<1x8x1x2xf32>
  return
}

// Four such products: the scores that are computed again do not count.
// CHECK: func.func @attention_gradient({{.*}} attributes {tpc.flops = 2.048000e+03 : f64, tpc.palm_flops = 4.096000e+03 : f64}
func.func @attention_gradient(%q: tensor<1x8x1x2x4xf32>, %k: tensor<1x8x1x4xf32>, %l: tensor<1x8x1x2xf32>) {
  %0:3 = tpc.attention_grad causal %q, %k, %k, %q, %l, %q scale 0.5
    : tensor<1x8x1x2x4xf32>, tensor<1x8x1x4xf32>, tensor<1x8x1x2xf32>
  return
}

// Without a mask the conventions agree.
// CHECK: func.func @full({{.*}} attributes {tpc.flops = 2.048000e+03 : f64, tpc.palm_flops = 2.048000e+03 : f64}
func.func @full(%q: tensor<1x8x1x2x4xf32>, %k: tensor<1x8x1x4xf32>) {
  %o, %l = tpc.attention %q, %k, %k scale 0.5 : tensor<1x8x1x2x4xf32>, tensor<1x8x1x4xf32> -> tensor<1x8x1x2xf32>
  return
}

// CHECK: func.func private @kernel(
// CHECK-NOT: tpc.flops
func.func private @kernel(%x: tensor<4xf32>) -> tensor<4xf32> attributes {tpc.kernel} {
  return %x : tensor<4xf32>
}
