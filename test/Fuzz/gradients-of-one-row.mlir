// RUN: tpc-opt %s --tpc-form-kernels -o %t.mlir
// RUN: tpc-interpret %t.mlir --against=%s --tolerance=1e-12

// One row alone has nothing to sum its weight's gradient over, and a scalar nothing to sum its square over.
func.func @rms_norm(%x: tensor<6xf32>, %w: tensor<6xf32>, %d: tensor<6xf32>) -> (tensor<6xf32>, tensor<6xf32>) {
  %dx, %dw = tpc.rms_norm_grad %x, %w, %d eps 0.0078125 : tensor<6xf32>, tensor<6xf32>
  return %dx, %dw : tensor<6xf32>, tensor<6xf32>
}

func.func @layer_norm(%x: tensor<6xf32>, %w: tensor<6xf32>, %d: tensor<6xf32>) -> (tensor<6xf32>, tensor<6xf32>, tensor<6xf32>) {
  %dx, %dw, %db = tpc.layer_norm_grad %x, %w, %d eps 0.0078125 : tensor<6xf32>, tensor<6xf32>
  return %dx, %dw, %db : tensor<6xf32>, tensor<6xf32>, tensor<6xf32>
}

func.func @square(%x: tensor<f32>) -> tensor<f32> {
  %0 = tpc.sum_squares %x : tensor<f32> -> tensor<f32>
  return %0 : tensor<f32>
}
