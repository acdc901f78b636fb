// RUN: tpc-opt %s --tpc-propagate-layouts --tpc-verify-layouts | FileCheck %s
// The example of the pass' documentation.

tpc.mesh @mesh <["tp"=2]>

// CHECK-LABEL: func.func @column(
// CHECK-SAME: %{{.*}}: tensor<3x4xf32> {tpc.layout = #tpc.layout<@mesh, [{}, {}]>},
// CHECK-SAME: %{{.*}}: tensor<4x6xf32> {tpc.layout = #tpc.layout<@mesh, [{}, {"tp"}]>})
// CHECK-SAME: -> (tensor<3x6xf32> {tpc.layout = #tpc.layout<@mesh, [{}, {"tp"}]>})
// CHECK: tpc.contract {{.*}} {tpc.layouts = [#tpc.layout<@mesh, [{}, {"tp"}]>]}
func.func @column(%x: tensor<3x4xf32>, %w: tensor<4x6xf32> {tpc.layout = #tpc.layout<@mesh, [{}, {"tp"}]>}) -> tensor<3x6xf32> {
  %y = tpc.contract %x, %w : [m, k], [k, n] -> [m, n] : (tensor<3x4xf32>, tensor<4x6xf32>) -> tensor<3x6xf32>
  return %y : tensor<3x6xf32>
}

// CHECK-LABEL: func.func @row(
// CHECK-SAME: %{{.*}}: tensor<3x4xf32> {tpc.layout = #tpc.layout<@mesh, [{}, {"tp"}]>},
// CHECK-SAME: %{{.*}}: tensor<4x6xf32> {tpc.layout = #tpc.layout<@mesh, [{"tp"}, {}]>})
// CHECK-SAME: -> (tensor<3x6xf32> {tpc.layout = #tpc.layout<@mesh, [{}, {}]>})
// CHECK: tpc.contract {{.*}} {tpc.layouts = [#tpc.layout<@mesh, [{}, {}]>]}
func.func @row(%x: tensor<3x4xf32>, %w: tensor<4x6xf32> {tpc.layout = #tpc.layout<@mesh, [{"tp"}, {}]>}) -> tensor<3x6xf32> {
  %y = tpc.contract %x, %w : [m, k], [k, n] -> [m, n] : (tensor<3x4xf32>, tensor<4x6xf32>) -> tensor<3x6xf32>
  return %y : tensor<3x6xf32>
}
