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
