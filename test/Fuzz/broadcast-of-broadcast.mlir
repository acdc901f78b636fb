// RUN: tpc-opt %s --tpc-form-kernels -o %t.mlir
// RUN: tpc-interpret %t.mlir --against=%s --tolerance=1e-12

// The quotient needs the sum, by way of two broadcasts: its kernel runs behind the sum's.
func.func @quotient(%x: tensor<8xf32>, %w: tensor<8xf32>, %y: tensor<8xf32>, %z: tensor<8x8xf32>) -> (tensor<8x8xf32>, tensor<8xf32>) {
  %0 = tpc.sum_squares %x : tensor<8xf32> -> tensor<f32>
  %1 = tpc.broadcast %0 dims [] : tensor<f32> -> tensor<8xf32>
  %2 = tpc.broadcast %1 dims [0] : tensor<8xf32> -> tensor<8x8xf32>
  %3 = arith.divf %2, %z : tensor<8x8xf32>
  %dx, %dw = tpc.rms_norm_grad %y, %w, %x eps 7.812500e-03 : tensor<8xf32>, tensor<8xf32>
  return %3, %dx : tensor<8x8xf32>, tensor<8xf32>
}
