// RUN: tpc-opt %s --tpc-lower-kernels --split-input-file --verify-diagnostics
// RUN: tpc-opt %s --tpc-lower-kernels-to-gpu --split-input-file --verify-diagnostics
// Groups whose members one body does not serve.

func.func private @double(%x: tensor<64xf32>) -> tensor<64xf32> attributes {tpc.kernel = {extent = 64 : i64}} {
  %0 = arith.addf %x, %x : tensor<64xf32>
  return %0 : tensor<64xf32>
}
func.func private @square(%x: tensor<64xf32>) -> tensor<64xf32> attributes {tpc.kernel = {extent = 64 : i64}} {
  %0 = arith.mulf %x, %x : tensor<64xf32>
  return %0 : tensor<64xf32>
}
func.func private @unlike(%x: tensor<64xf32>, %y: tensor<64xf32>) -> (tensor<64xf32>, tensor<64xf32>) attributes {tpc.kernel} {
  %0 = tpc.launch @double(%x) : (tensor<64xf32>) -> tensor<64xf32>
  // expected-error @+1 {{expects 'square' to be an elementwise kernel, or one of rows, that differs from the group's others in sizes only}}
  %1 = tpc.launch @square(%y) : (tensor<64xf32>) -> tensor<64xf32>
  return %0, %1 : tensor<64xf32>, tensor<64xf32>
}

// -----

func.func private @double(%x: tensor<64xf32>) -> tensor<64xf32> attributes {tpc.kernel = {extent = 64 : i64}} {
  %0 = arith.addf %x, %x : tensor<64xf32>
  return %0 : tensor<64xf32>
}
func.func private @irregular(%x: tensor<64xf32>, %y: tensor<64xf32>) -> (tensor<64xf32>, tensor<64xf32>, tensor<64xf32>) attributes {tpc.kernel} {
  %0 = tpc.launch @double(%x) : (tensor<64xf32>) -> tensor<64xf32>
  %1 = tpc.launch @double(%y) : (tensor<64xf32>) -> tensor<64xf32>
  // expected-error @+1 {{expects operand 0 as far from that of the launch before as in the group's others}}
  %2 = tpc.launch @double(%x) : (tensor<64xf32>) -> tensor<64xf32>
  return %0, %1, %2 : tensor<64xf32>, tensor<64xf32>, tensor<64xf32>
}

// -----

func.func private @double(%x: tensor<64xf32>) -> tensor<64xf32> attributes {tpc.kernel = {extent = 64 : i64}} {
  %0 = arith.addf %x, %x : tensor<64xf32>
  return %0 : tensor<64xf32>
}
// expected-error @+1 {{expects to return the results of its launches in order}}
func.func private @swapped(%x: tensor<64xf32>, %y: tensor<64xf32>) -> (tensor<64xf32>, tensor<64xf32>) attributes {tpc.kernel} {
  %0 = tpc.launch @double(%x) : (tensor<64xf32>) -> tensor<64xf32>
  %1 = tpc.launch @double(%y) : (tensor<64xf32>) -> tensor<64xf32>
  return %1, %0 : tensor<64xf32>, tensor<64xf32>
}

// -----

func.func private @double(%x: tensor<64xf32>) -> tensor<64xf32> attributes {tpc.kernel = {extent = 64 : i64}} {
  %0 = arith.addf %x, %x : tensor<64xf32>
  return %0 : tensor<64xf32>
}
func.func private @mixed(%x: tensor<64xf32>) -> (tensor<64xf32>, tensor<64xf32>) attributes {tpc.kernel} {
  %0 = tpc.launch @double(%x) : (tensor<64xf32>) -> tensor<64xf32>
  // expected-error @+1 {{is no launch, but stands in a group of kernels}}
  %1 = arith.addf %0, %x : tensor<64xf32>
  return %0, %1 : tensor<64xf32>, tensor<64xf32>
}
