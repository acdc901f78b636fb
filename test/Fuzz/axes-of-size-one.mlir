// RUN: tpc-opt %s --pass-pipeline='builtin.module(tpc-propagate-layouts,tpc-verify-layouts,tpc-insert-reshards,tpc-expand-reshards,tpc-localize,tpc-verify-local)' -o %t.mlir
// RUN: tpc-interpret %t.mlir --against=%s --precision=exact

// Lists that differ in where axes of size one stand must not make each other longer for ever.
tpc.mesh @mesh <["dp"=2, "tp"=1, "cp"=1]>
func.func @orders(%x: tensor<6xi32> {tpc.layout = #tpc.layout<@mesh, [{"tp", "cp"}]>}, %y: tensor<6xi32> {tpc.layout = #tpc.layout<@mesh, [{"cp", "dp"}]>}, %z: tensor<6xi32>)
    -> tensor<6xf32> {
  %0 = arith.addi %x, %z : tensor<6xi32>
  %1 = arith.addi %y, %z : tensor<6xi32>
  %2 = arith.muli %0, %1 : tensor<6xi32>
  %3 = arith.sitofp %2 : tensor<6xi32> to tensor<6xf32>
  %4 = tpc.constrain %3 to <@mesh, [{"cp", "tp", "dp"}]> : tensor<6xf32>
  return %4 : tensor<6xf32>
}
