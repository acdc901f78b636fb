// RUN: tpc-opt %s --tpc-verify-layouts | FileCheck %s
// What propagation should leave passes as it is: closed, even layouts of every value, sub-axes and two axes on one
// dimension included.

tpc.mesh @mesh <["dp"=2, "tp"=4]>
// CHECK-LABEL: @closed
func.func @closed(%x: tensor<8x16xf32> {tpc.layout = #tpc.layout<@mesh, [{"dp", "tp"}, {}]>},
                  %s: tensor<f32> {tpc.layout = #tpc.layout<@mesh, []>})
    -> (tensor<8x16xf32> {tpc.layout = #tpc.layout<@mesh, [{"dp"}, {"tp":(1)2}]>}) {
  // CHECK: arith.negf %{{.*}} {tpc.layouts = [#tpc.layout<@mesh, [{"dp"}, {"tp":(1)2}]>]}
  %0 = arith.negf %x {tpc.layouts = [#tpc.layout<@mesh, [{"dp"}, {"tp":(1)2}]>]} : tensor<8x16xf32>
  return %0 : tensor<8x16xf32>
}

// An open dimension that took more: the part of an axis has grown to the whole axis.
// CHECK-LABEL: @grown
func.func @grown(%x: tensor<8xf32> {tpc.layout = #tpc.layout<@mesh, [{}]>}) {
  // CHECK: tpc.constrain
  %0 = tpc.constrain %x to <@mesh, [{"tp":(1)2, ?}]> {tpc.layouts = [#tpc.layout<@mesh, [{"tp"}]>]} : tensor<8xf32>
  return
}
