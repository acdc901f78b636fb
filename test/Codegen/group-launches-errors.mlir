// RUN: tpc-opt %s --tpc-group-launches --split-input-file --verify-diagnostics

// A kernel whose parts do not fit together cannot be compared with others.
func.func private @two_shapes(%x: tensor<4xf32>, %y: tensor<6xf32>) -> (tensor<4xf32>, tensor<6xf32>)
    attributes {tpc.kernel = {extent = 4 : i64, grain = 4096 : i64, in_place = []}} {
  %0 = arith.addf %x, %x : tensor<4xf32>
  // expected-error @+1 {{does not fit the iteration space of its kernel}}
  %1 = arith.addf %y, %y : tensor<6xf32>
  return %0, %1 : tensor<4xf32>, tensor<6xf32>
}
func.func @f(%x: tensor<4xf32>, %y: tensor<6xf32>) -> (tensor<4xf32>, tensor<6xf32>) {
  %0:2 = tpc.launch @two_shapes(%x, %y) : (tensor<4xf32>, tensor<6xf32>) -> (tensor<4xf32>, tensor<6xf32>)
  return %0#0, %0#1 : tensor<4xf32>, tensor<6xf32>
}
