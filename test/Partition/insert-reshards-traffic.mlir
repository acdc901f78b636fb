// RUN: tpc-opt %s --tpc-propagate-layouts --tpc-insert-reshards | FileCheck %s
// RUN: tpc-opt %s --tpc-propagate-layouts --tpc-insert-reshards --tpc-expand-reshards --tpc-localize --tpc-verify-local -o %t.mlir
// RUN: tpc-interpret %t.mlir --against=%s
// Traffic decides how an op is split, not work.

tpc.mesh @mesh <["tp"=2]>

// The gathered activation is there for %w. The product with the whole weight %v could be shared by splitting s, as %x
// was, but then its result would have to be gathered: every rank computes it.
// CHECK-LABEL: @no_traffic_to_save_work(
// CHECK: %[[G:.*]] = tpc.reshard %arg0 to <@mesh, [{}, {}]>
// CHECK: tpc.contract %[[G]], {{.*}} {tpc.layouts = [#tpc.layout<@mesh, [{}, {"tp"}]>]}
// CHECK: tpc.contract %[[G]], {{.*}} {tpc.layouts = [#tpc.layout<@mesh, [{}, {}]>]}
// CHECK-NOT: tpc.reshard
// CHECK: return
func.func @no_traffic_to_save_work(%x: tensor<64x8xf32> {tpc.layout = #tpc.layout<@mesh, [{"tp"}, {}]>},
                                   %w: tensor<4x8xf32> {tpc.param = #tpc.param<"w", shape = [4, 8], kind = linear, fan_in = 8>, tpc.layout = #tpc.layout<@mesh, [{"tp"}, {}]>},
                                   %v: tensor<4x8xf32> {tpc.param = #tpc.param<"v", shape = [4, 8], kind = linear, fan_in = 8>, tpc.layout = #tpc.layout<@mesh, [{}, {}]>})
    -> (tensor<64x4xf32> {tpc.layout = #tpc.layout<@mesh, [{}, {"tp"}]>}, tensor<64x4xf32> {tpc.layout = #tpc.layout<@mesh, [{}, {}]>}) {
  %0 = tpc.use %w : tensor<4x8xf32>
  %1 = tpc.use %v : tensor<4x8xf32>
  %2 = tpc.constrain %x to <@mesh, [{}, {}]> : tensor<64x8xf32>
  %3 = tpc.contract %2, %0 : [s, k], [n, k] -> [s, n] : (tensor<64x8xf32>, tensor<4x8xf32>) -> tensor<64x4xf32>
  %4 = tpc.contract %2, %1 : [s, k], [n, k] -> [s, n] : (tensor<64x8xf32>, tensor<4x8xf32>) -> tensor<64x4xf32>
  return %3, %4 : tensor<64x4xf32>, tensor<64x4xf32>
}

// A product of summands is paid for where nobody carries its sums on. Few positions: the cotangent (2x64) is
// scattered and not the gradient (64x8).
// CHECK-LABEL: @few_positions(
// CHECK: %[[DY:.*]] = tpc.reduce sum {{.*}} partial = sum {"tp"}>]}
// CHECK: %[[R:.*]] = tpc.reshard %[[DY]] to <@mesh, [{}, {"tp"}]>
// CHECK: tpc.contract %[[R]], %arg1 {{.*}} {tpc.layouts = [#tpc.layout<@mesh, [{"tp"}, {}]>]}
// CHECK-NOT: tpc.reshard
// CHECK: return
func.func @few_positions(%a: tensor<2x64x4xf32> {tpc.layout = #tpc.layout<@mesh, [{}, {}, {"tp"}]>},
                         %x: tensor<2x8xf32> {tpc.layout = #tpc.layout<@mesh, [{}, {}]>})
    -> (tensor<64x8xf32> {tpc.layout = #tpc.layout<@mesh, [{"tp"}, {}]>}) {
  %0 = tpc.reduce sum %a dims [2] : tensor<2x64x4xf32> -> tensor<2x64xf32>
  %1 = tpc.contract %0, %x : [s, n], [s, k] -> [n, k] : (tensor<2x64xf32>, tensor<2x8xf32>) -> tensor<64x8xf32>
  return %1 : tensor<64x8xf32>
}

// Many positions: the cotangent (64x4) stays a sum, the gradient (4x8) is scattered.
// CHECK-LABEL: @many_positions(
// CHECK: %[[DY:.*]] = tpc.reduce sum {{.*}} partial = sum {"tp"}>]}
// CHECK-NEXT: %[[DW:.*]] = tpc.contract %[[DY]], %arg1 {{.*}} partial = sum {"tp"}>]}
// CHECK-NEXT: tpc.reshard %[[DW]] to <@mesh, [{"tp"}, {}]>
// CHECK-NEXT: return
func.func @many_positions(%a: tensor<64x4x4xf32> {tpc.layout = #tpc.layout<@mesh, [{}, {}, {"tp"}]>},
                          %x: tensor<64x8xf32> {tpc.layout = #tpc.layout<@mesh, [{}, {}]>})
    -> (tensor<4x8xf32> {tpc.layout = #tpc.layout<@mesh, [{"tp"}, {}]>}) {
  %0 = tpc.reduce sum %a dims [2] : tensor<64x4x4xf32> -> tensor<64x4xf32>
  %1 = tpc.contract %0, %x : [s, n], [s, k] -> [n, k] : (tensor<64x4xf32>, tensor<64x8xf32>) -> tensor<4x8xf32>
  return %1 : tensor<4x8xf32>
}
