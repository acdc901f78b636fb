// RUN: tpc-opt %s --pass-pipeline='builtin.module(tpc-propagate-layouts,tpc-pad-uneven,tpc-verify-layouts,tpc-insert-reshards,tpc-expand-reshards,tpc-localize,tpc-verify-local,tpc-form-kernels)' -o %t.mlir
// RUN: tpc-interpret %t.mlir --against=%s --ids=10 --tolerance=1e-12

// Three classes, padded to four: target 3 is none of them, though there is an element of its number.
tpc.mesh @mesh <["tp"=2]>
func.func @targets(%x: tensor<6x3xf64> {tpc.layout = #tpc.layout<@mesh, [{}, {"tp"}]>}, %t: tensor<6xi32>) -> (tensor<6xf64>, tensor<6x3xf64>) {
  %logit, %lse = tpc.cross_entropy %x, %t : (tensor<6x3xf64>, tensor<6xi32>) -> tensor<6xf64>
  %d = tpc.cross_entropy_grad %x, %t, %lse, %logit, %lse : tensor<6x3xf64>, tensor<6xi32>, tensor<6xf64>
  return %logit, %d : tensor<6xf64>, tensor<6x3xf64>
}
