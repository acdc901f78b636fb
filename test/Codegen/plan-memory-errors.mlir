// RUN: tpc-opt %s --tpc-plan-memory --split-input-file --verify-diagnostics

func.func @tensor_math(%x: tensor<16xf32>) -> tensor<16xf32> {
  // expected-error @below {{'arith.addf' op is not an operation of a schedule; tpc-form-kernels outlines it}}
  %0 = arith.addf %x, %x : tensor<16xf32>
  return %0 : tensor<16xf32>
}

// -----

// expected-note @below {{the other entry}}
func.func @a(%p: tensor<16xf32> {tpc.param = #tpc.param<"w", shape = [16], kind = norm, fan_in = 1>}) {
  return
}
// expected-error @below {{parameter 'w' has 32 bytes, got 64 in another entry}}
func.func @b(%p: tensor<8xf32> {tpc.param = #tpc.param<"w", shape = [16], kind = norm, fan_in = 1>}) {
  return
}

// -----

// expected-error @below {{has parameter 'w' twice}}
func.func @twice(%p: tensor<16xf32> {tpc.param = #tpc.param<"w", shape = [16], kind = norm, fan_in = 1>},
                 %q: tensor<16xf32> {tpc.param = #tpc.param<"w", shape = [16], kind = norm, fan_in = 1>}) {
  return
}

// -----

// expected-error @below {{result 1 cannot be placed in the memory of the argument or parameter that it updates: another result has it}}
func.func @both(%x: tensor<16xf32>, %y: tensor<16xf32>)
    -> (tensor<16xf32> {tpc.alias = 0 : i64}, tensor<16xf32> {tpc.alias = 0 : i64}) {
  return %x, %y : tensor<16xf32>, tensor<16xf32>
}

// -----

// 2^62 floats: their bytes are no number of 63 bits.
// expected-error @below {{the values up to this 'tensor<4611686018427387904xf32>' have more than 4611686018427387904 bytes, which no offset can say}}
func.func @huge(%x: tensor<4611686018427387904xf32>) {
  return
}

// -----

// Each has 2^61 bytes; two of them fill what is left, one byte more does not fit.
// expected-error @below {{the values up to this 'tensor<1xi8>' have more than 4611686018427387904 bytes, which no offset can say}}
func.func @sum(%x: tensor<576460752303423488xf32>, %y: tensor<576460752303423488xf32>, %z: tensor<1xi8>) {
  return
}
