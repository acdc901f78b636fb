// RUN: tpc-opt %s --tpc-lower-kernels --split-input-file --verify-diagnostics
// RUN: not tpc-opt %s --tpc-lower-kernels=vector-bits=100 2>&1 | FileCheck %s --check-prefix=WIDTH
// WIDTH: expected vector-bits to be 128, 256 or 512, got 100

func.func private @two_shapes(%x: tensor<4xf32>, %y: tensor<6xf32>) -> (tensor<4xf32>, tensor<6xf32>) attributes {tpc.kernel} {
  %0 = arith.addf %x, %x : tensor<4xf32>
  // expected-error @+1 {{does not fit the iteration space of its kernel}}
  %1 = arith.addf %y, %y : tensor<6xf32>
  return %0, %1 : tensor<4xf32>, tensor<6xf32>
}

// -----

func.func private @contract(%x: tensor<4x4xf32>) -> tensor<4x4xf32> attributes {tpc.kernel} {
  // expected-error @+1 {{'tpc.contract' op cannot be part of a kernel}}
  %0 = tpc.contract %x, %x : [a, b], [b, c] -> [a, c] : (tensor<4x4xf32>, tensor<4x4xf32>) -> tensor<4x4xf32>
  return %0 : tensor<4x4xf32>
}

// -----

func.func private @compound(%x: tensor<4x8xf32>, %t: tensor<4xi32>) -> tensor<4xf32> attributes {tpc.kernel} {
  // expected-error @+1 {{expects its log_sum_exp to be expanded in a kernel}}
  %0, %1 = tpc.cross_entropy %x, %t : (tensor<4x8xf32>, tensor<4xi32>) -> tensor<4xf32>
  return %1 : tensor<4xf32>
}

// -----

// expected-error @+1 {{reduces columns, so it can return reductions only}}
func.func private @mixed(%x: tensor<4x8xf32>) -> (tensor<8xf32>, tensor<4x8xf32>) attributes {tpc.kernel} {
  %0 = arith.addf %x, %x : tensor<4x8xf32>
  %1 = tpc.reduce sum %0 dims [0] : tensor<4x8xf32> -> tensor<8xf32>
  return %1, %0 : tensor<8xf32>, tensor<4x8xf32>
}
