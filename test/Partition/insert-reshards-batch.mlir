// RUN: tpc-opt %s --tpc-propagate-layouts --tpc-insert-reshards | FileCheck %s
// RUN: tpc-opt %s --tpc-propagate-layouts --tpc-insert-reshards --tpc-expand-reshards --tpc-localize --tpc-verify-local -o %t.mlir
// RUN: tpc-interpret %t.mlir --against=%s
// Two tokens and a large weight: bringing all tokens to every rank, each of which then makes its part of the gradient,
// would move less than the sum does. But what splits an input, the batch, stays split.

tpc.mesh @mesh <["dp"=2]>

// CHECK-LABEL: func.func @batch
// CHECK: %[[G:.*]] = tpc.contract {{.*}} partial = sum {"dp"}
// CHECK-NEXT: tpc.reshard %[[G]] to <@mesh, [{"dp"}, {}]>
func.func @batch(%x: tensor<2x1024xf32> {tpc.input = "x", tpc.layout = #tpc.layout<@mesh, [{"dp"}, {}]>},
                 %dy: tensor<2x1024xf32> {tpc.input = "dy", tpc.layout = #tpc.layout<@mesh, [{"dp"}, {}]>})
    -> (tensor<1024x1024xf32> {tpc.layout = #tpc.layout<@mesh, [{"dp"}, {}]>}) {
  %g = tpc.contract %dy, %x : [b, n], [b, k] -> [n, k] : (tensor<2x1024xf32>, tensor<2x1024xf32>) -> tensor<1024x1024xf32>
  return %g : tensor<1024x1024xf32>
}

// The same of values that are no inputs.
// CHECK-LABEL: func.func @any
// CHECK-COUNT-2: tpc.reshard
// CHECK: tpc.contract {{.*}} {tpc.layouts = [#tpc.layout<@mesh, [{"dp"}, {}]>]}
func.func @any(%x: tensor<2x1024xf32> {tpc.layout = #tpc.layout<@mesh, [{"dp"}, {}]>},
               %dy: tensor<2x1024xf32> {tpc.layout = #tpc.layout<@mesh, [{"dp"}, {}]>})
    -> (tensor<1024x1024xf32> {tpc.layout = #tpc.layout<@mesh, [{"dp"}, {}]>}) {
  %g = tpc.contract %dy, %x : [b, n], [b, k] -> [n, k] : (tensor<2x1024xf32>, tensor<2x1024xf32>) -> tensor<1024x1024xf32>
  return %g : tensor<1024x1024xf32>
}
