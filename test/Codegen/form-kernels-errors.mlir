// RUN: tpc-opt %s --tpc-form-kernels --split-input-file --verify-diagnostics

func.func @constant(%x: tensor<2xf32>) -> tensor<2xf32> {
  // expected-error @+1 {{has no place in a schedule}}
  %0 = arith.constant dense<[1.0, 2.0]> : tensor<2xf32>
  %1 = arith.addf %x, %0 : tensor<2xf32>
  return %1 : tensor<2xf32>
}

// -----

func.func @annotation(%x: tensor<2xf32>) -> tensor<2xf32> {
  // expected-error @+1 {{'tpc.boundary' op has no place in a schedule}}
  %0 = tpc.boundary %x input 0 of linear "m" dims [[0]] : tensor<2xf32>
  return %0 : tensor<2xf32>
}

// -----

func.func @strided(%x: tensor<8xf32>) -> tensor<4xf32> {
  // expected-error @+1 {{has no place in a schedule}}
  %0 = tensor.extract_slice %x[0] [4] [2] : tensor<8xf32> to tensor<4xf32>
  return %0 : tensor<4xf32>
}

// -----

func.func @strided_and_of_lower_rank(%x: tensor<8x4xf32>) -> tensor<2xf32> {
  // expected-error @+1 {{has no place in a schedule}}
  %0 = tensor.extract_slice %x[0, 0] [1, 2] [1, 2] : tensor<8x4xf32> to tensor<2xf32>
  return %0 : tensor<2xf32>
}

// -----

// expected-error @+1 {{expected one block: entry programs are straight lists}}
func.func @blocks(%x: tensor<2xf32>) -> tensor<2xf32> {
  llvm.br ^next
^next:
  return %x : tensor<2xf32>
}
