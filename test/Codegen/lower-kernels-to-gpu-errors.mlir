// RUN: tpc-opt %s --tpc-lower-kernels-to-gpu --split-input-file --verify-diagnostics

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

// One launch reduces one shape.
func.func private @two_reductions(%x: tensor<4x8x6x5xf32>) -> (tensor<4x6x5xf32>, tensor<4x5xf32>) attributes {tpc.kernel} {
  %0 = tpc.reduce sum %x dims [1] : tensor<4x8x6x5xf32> -> tensor<4x6x5xf32>
  // expected-error @+1 {{reduces other dimensions than the first reduction of its kernel}}
  %1 = tpc.reduce sum %x dims [1, 2] : tensor<4x8x6x5xf32> -> tensor<4x5xf32>
  return %0, %1 : tensor<4x6x5xf32>, tensor<4x5xf32>
}
