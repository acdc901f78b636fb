// RUN: tpc-opt %s --tpc-count-flops | FileCheck %s
// Only matrix products and attention of entry programs are the model's arithmetic.

tpc.mesh @mesh <["tp"=2]>

// Reductions, look-ups, norms, elementwise work and communication do not count.
// CHECK: func.func @nothing({{.*}} attributes {tpc.flops = 0.000000e+00 : f64, tpc.palm_flops = 0.000000e+00 : f64}
func.func @nothing(%ids: tensor<4xi32>, %table: tensor<6x8xf32>, %w: tensor<8xf32>) -> tensor<4xf32> {
  %0 = tpc.embedding %ids, %table : (tensor<4xi32>, tensor<6x8xf32>) -> tensor<4x8xf32>
  %1 = tpc.rms_norm %0, %w eps 1.0e-5 : tensor<4x8xf32>, tensor<8xf32>
  %2 = math.exp %1 : tensor<4x8xf32>
  %3 = tpc.all_reduce sum %2 over @mesh ["tp"] : tensor<4x8xf32>
  %4 = tpc.reduce sum %3 dims [1] : tensor<4x8xf32> -> tensor<4xf32>
  return %4 : tensor<4xf32>
}

// A private function is no entry program.
// CHECK: func.func private @helper(
// CHECK-NOT: tpc.flops
// CHECK: func.func @again
func.func private @helper(%x: tensor<4x8xf32>) -> tensor<4x4xf32> {
  %0 = tpc.contract %x, %x : [m, k], [n, k] -> [m, n] : (tensor<4x8xf32>, tensor<4x8xf32>) -> tensor<4x4xf32>
  return %0 : tensor<4x4xf32>
}

// A count that is there is replaced, not added to: 2 * 4 * 4 * 8.
// CHECK-SAME: attributes {tpc.flops = 2.560000e+02 : f64, tpc.palm_flops = 2.560000e+02 : f64}
func.func @again(%x: tensor<4x8xf32>) -> tensor<4x4xf32> attributes {tpc.flops = 7.000000e+00 : f64} {
  %0 = tpc.contract %x, %x : [m, k], [n, k] -> [m, n] : (tensor<4x8xf32>, tensor<4x8xf32>) -> tensor<4x4xf32>
  return %0 : tensor<4x4xf32>
}
