// RUN: tpc-opt %s --tpc-form-kernels -o %t.mlir
// RUN: tpc-interpret %t.mlir --against=%s --tolerance=1e-12

// d_weight is summed down the columns; %1, one number per row, cannot be computed again in its kernel.
func.func @weight_gradient(%mask: tensor<2xi1>, %x: tensor<2x16xf64>, %w: tensor<16xf64>, %ids: tensor<2xi32>, %lse: tensor<2xf64>, %d: tensor<2xf64>, %y: tensor<2x16xf64>)
    -> tensor<16xf64> {
  %c = arith.constant dense<1.0> : tensor<f64>
  %0 = tpc.broadcast %c dims [] : tensor<f64> -> tensor<2xf64>
  %z = arith.constant dense<0.0> : tensor<2xf64>
  %1 = arith.select %mask, %0, %z : tensor<2xi1>, tensor<2xf64>
  %2 = tpc.cross_entropy_grad %y, %ids, %lse, %d, %1 : tensor<2x16xf64>, tensor<2xi32>, tensor<2xf64>
  %dx, %dw = tpc.rms_norm_grad %x, %w, %2 eps 0.0078125 : tensor<2x16xf64>, tensor<16xf64>
  return %dw : tensor<16xf64>
}
