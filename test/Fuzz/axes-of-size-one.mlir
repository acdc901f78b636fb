// RUN: tpc-opt %s --pass-pipeline='builtin.module(tpc-propagate-layouts,tpc-verify-layouts,tpc-insert-reshards,tpc-expand-reshards,tpc-localize,tpc-verify-local)' -o %t.mlir
// RUN: tpc-interpret %t.mlir --against=%s --precision=exact

// Dimensions of size one have no factor to hold "cp" and "tp": they must not come back to the others again and again.
tpc.mesh @mesh <["dp"=2, "tp"=1, "cp"=1]>
func.func @expanded(%x: tensor<2xf32>) -> tensor<2x1x1xf32> {
  %0 = arith.negf %x : tensor<2xf32>
  %1 = tensor.expand_shape %0 [[0, 1, 2]] output_shape [2, 1, 1] : tensor<2xf32> into tensor<2x1x1xf32>
  %2 = tpc.constrain %1 to <@mesh, [{"dp", "cp", "tp"}, {}, {}]> : tensor<2x1x1xf32>
  return %2 : tensor<2x1x1xf32>
}
