// RUN: tpc-opt %s --tpc-plan-memory --tpc-lower-to-cpu --split-input-file --verify-diagnostics

func.func @summed(%x: tensor<2x8x4xf32>, %y: tensor<8x2x6xf32>) {
  // expected-error @below {{is not a batch of matrix products without a transpose: the letters of a group (batch '', rows 'k', columns 'n', summed 'bs') need the same order in all tensors, and every matrix a unit stride}}
  %0 = tpc.contract %x, %y : [b, s, k], [s, b, n] -> [k, n] : (tensor<2x8x4xf32>, tensor<8x2x6xf32>) -> tensor<4x6xf32>
  return
}

// -----

// Neither the rows nor the columns of the left matrix are next to each other: d is.
func.func @strided(%x: tensor<8x4x3xf32>, %y: tensor<4x3x6xf32>) {
  // expected-error @below {{is not a batch of matrix products}}
  %0 = tpc.contract %x, %y : [m, k, d], [k, d, n] -> [d, m, n] : (tensor<8x4x3xf32>, tensor<4x3x6xf32>) -> tensor<3x8x6xf32>
  return
}

// -----

func.func private @k(%a: tensor<16xf32>) -> tensor<16xf32> attributes {tpc.kernel} { return %a : tensor<16xf32> }
func.func @unlowered(%x: tensor<16xf32>) {
  // expected-error @below {{expects 'k' to be lowered to an llvm.func first}}
  %0 = tpc.launch @k(%x) : (tensor<16xf32>) -> tensor<16xf32>
  return
}

// -----

func.func @half(%x: tensor<4x4xf16>) {
  // expected-error @below {{has element type 'f16', which the runtime does not know}}
  %0 = tpc.contract %x, %x : [m, k], [n, k] -> [m, n] : (tensor<4x4xf16>, tensor<4x4xf16>) -> tensor<4x4xf16>
  return
}

// -----

func.func @ids(%ids: tensor<4xi64>, %table: tensor<4x4xf32>) {
  // expected-error @below {{expects ids of type i32, got 'tensor<4xi64>'}}
  %0 = tpc.embedding %ids, %table : (tensor<4xi64>, tensor<4x4xf32>) -> tensor<4x4xf32>
  return
}

// -----

func.func @narrow_seed(%x: tensor<4xf32> {tpc.slot = #tpc.slot<private, offset = 0, bytes = 16, activations>},
                       %seed: tensor<i32> {tpc.slot = #tpc.slot<private, offset = 64, bytes = 4, activations>}) {
  // expected-error @+1 {{expects a seed of type i64 and a scheme of type i32, got 'tensor<i32>'}}
  %0 = tpc.dropout %x seed(%seed) probability 0.5 stream "d" global [4] {tpc.slots = [#tpc.slot<private, offset = 0, bytes = 16, activations>]} : tensor<4xf32>, tensor<i32>
  return
}
