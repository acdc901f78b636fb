// RUN: tpc-opt %s --tpc-propagate-layouts=storage-axes=dp --tpc-verify-layouts | FileCheck %s
// RUN: not tpc-opt %s --tpc-propagate-layouts=storage-axes=pp 2>&1 | FileCheck %s --check-prefix=UNKNOWN
// Stored over dp and tp, used over tp: the storage axis stays behind tpc.use, whatever comes of it, and the
// gradient goes where the parameter is stored.

// UNKNOWN: error: storage axis 'pp' is no axis of the mesh
tpc.mesh @mesh <["dp"=2, "tp"=2]>

// CHECK-LABEL: func.func @stored(
// CHECK-SAME: -> (tensor<4x6x8xf32> {tpc.layout = #tpc.layout<@mesh, [{"dp"}, {}, {"tp"}]>}
// CHECK-SAME: tensor<8x6xf32> {tpc.gradient = "w", tpc.layout = #tpc.layout<@mesh, [{"tp", "dp"}, {}]>}
func.func @stored(%x: tensor<4x6x6xf32> {tpc.layout = #tpc.layout<@mesh, [{"dp"}, {}, {}]>},
                  %w: tensor<8x6xf32> {tpc.layout = #tpc.layout<@mesh, [{"tp", "dp"}, {}]>, tpc.param = #tpc.param<"w", shape = [8, 6], kind = linear, fan_in = 6>})
    -> (tensor<4x6x8xf32>, tensor<8x6xf32> {tpc.gradient = "w"}) {
  // CHECK: tpc.use {{.*}} {tpc.layouts = [#tpc.layout<@mesh, [{"tp"}, {}]>]}
  %u = tpc.use %w : tensor<8x6xf32>
  %y = tpc.contract %x, %u : [b, s, k], [n, k] -> [b, s, n] : (tensor<4x6x6xf32>, tensor<8x6xf32>) -> tensor<4x6x8xf32>
  // CHECK: tpc.contract {{.*}} {tpc.backward, tpc.layouts = [#tpc.layout<@mesh, [{"tp", "dp"}, {}]>]}
  %g = tpc.contract %y, %x : [b, s, n], [b, s, k] -> [n, k] {tpc.backward} : (tensor<4x6x8xf32>, tensor<4x6x6xf32>) -> tensor<8x6xf32>
  return %y, %g : tensor<4x6x8xf32>, tensor<8x6xf32>
}
