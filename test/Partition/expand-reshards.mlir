// RUN: tpc-opt %s --tpc-expand-reshards | FileCheck %s
// RUN: tpc-opt %s --tpc-expand-reshards --tpc-localize --tpc-verify-local -o %t.mlir
// RUN: tpc-interpret %t.mlir --against=%s
// One function per kind of step; the expected sequences follow from the moves in ReshardPlanner.h.

tpc.mesh @mesh <["x"=2, "y"=4]>

// An unused axis is a slice, without traffic.
// CHECK-LABEL: @slice
// CHECK: tpc.shard_slice %{{.*}} dim 0 over @mesh ["y"] {tpc.layouts = [#tpc.layout<@mesh, [{"x", "y"}, {}]>]}
// CHECK-NEXT: return
func.func @slice(%a: tensor<8x16xf32> {tpc.layout = #tpc.layout<@mesh, [{"x"}, {}]>})
    -> (tensor<8x16xf32> {tpc.layout = #tpc.layout<@mesh, [{"x", "y"}, {}]>}) {
  %0 = tpc.reshard %a to <@mesh, [{"x", "y"}, {}]> {tpc.layouts = [#tpc.layout<@mesh, [{"x", "y"}, {}]>]} : tensor<8x16xf32>
  return %0 : tensor<8x16xf32>
}

// Only the minor-most axis goes.
// CHECK-LABEL: @gather
// CHECK: tpc.all_gather %{{.*}} dim 0 over @mesh ["y"] {tpc.layouts = [#tpc.layout<@mesh, [{"x"}, {}]>]}
// CHECK-NEXT: return
func.func @gather(%a: tensor<8x16xf32> {tpc.layout = #tpc.layout<@mesh, [{"x", "y"}, {}]>})
    -> (tensor<8x16xf32> {tpc.layout = #tpc.layout<@mesh, [{"x"}, {}]>}) {
  %0 = tpc.reshard %a to <@mesh, [{"x"}, {}]> {tpc.layouts = [#tpc.layout<@mesh, [{"x"}, {}]>]} : tensor<8x16xf32>
  return %0 : tensor<8x16xf32>
}

// Both axes in one collective, in the order of the list.
// CHECK-LABEL: @gather_both
// CHECK: tpc.all_gather %{{.*}} dim 0 over @mesh ["y", "x"]
// CHECK-NEXT: return
func.func @gather_both(%a: tensor<8x16xf32> {tpc.layout = #tpc.layout<@mesh, [{"y", "x"}, {}]>})
    -> (tensor<8x16xf32> {tpc.layout = #tpc.layout<@mesh, [{}, {}]>}) {
  %0 = tpc.reshard %a to <@mesh, [{}, {}]> {tpc.layouts = [#tpc.layout<@mesh, [{}, {}]>]} : tensor<8x16xf32>
  return %0 : tensor<8x16xf32>
}

// A split moves to another dimension.
// CHECK-LABEL: @exchange
// CHECK: tpc.all_to_all %{{.*}} split 1 concat 0 over @mesh ["y"]
// CHECK-NEXT: return
func.func @exchange(%a: tensor<8x16xf32> {tpc.layout = #tpc.layout<@mesh, [{"x", "y"}, {}]>})
    -> (tensor<8x16xf32> {tpc.layout = #tpc.layout<@mesh, [{"x"}, {"y"}]>}) {
  %0 = tpc.reshard %a to <@mesh, [{"x"}, {"y"}]> {tpc.layouts = [#tpc.layout<@mesh, [{"x"}, {"y"}]>]} : tensor<8x16xf32>
  return %0 : tensor<8x16xf32>
}

// Another order of the same axes: boxes change places. Group position of (x, y) is 4x + y and holds box 4x + y;
// box 2y + x is wanted there, so box 1 (position 1) goes to x=1, y=0 (position 4), box 2 to x=0, y=1.
// CHECK-LABEL: @reorder
// CHECK: tpc.permute %{{.*}} pairs [0, 0, 2, 1, 4, 2, 6, 3, 1, 4, 3, 5, 5, 6, 7, 7] over @mesh ["x", "y"]
// CHECK-NEXT: return
func.func @reorder(%a: tensor<8x16xf32> {tpc.layout = #tpc.layout<@mesh, [{"x", "y"}, {}]>})
    -> (tensor<8x16xf32> {tpc.layout = #tpc.layout<@mesh, [{"y", "x"}, {}]>}) {
  %0 = tpc.reshard %a to <@mesh, [{"y", "x"}, {}]> {tpc.layouts = [#tpc.layout<@mesh, [{"y", "x"}, {}]>]} : tensor<8x16xf32>
  return %0 : tensor<8x16xf32>
}

// The minor half of an axis is gathered, the major half stays.
// CHECK-LABEL: @part_of_an_axis
// CHECK: tpc.all_gather %{{.*}} dim 1 over @mesh ["y":(2)2] {tpc.layouts = [#tpc.layout<@mesh, [{}, {"y":(1)2}]>]}
// CHECK-NEXT: return
func.func @part_of_an_axis(%a: tensor<8x16xf32> {tpc.layout = #tpc.layout<@mesh, [{}, {"y"}]>})
    -> (tensor<8x16xf32> {tpc.layout = #tpc.layout<@mesh, [{}, {"y":(1)2}]>}) {
  %0 = tpc.reshard %a to <@mesh, [{}, {"y":(1)2}]> {tpc.layouts = [#tpc.layout<@mesh, [{}, {"y":(1)2}]>]} : tensor<8x16xf32>
  return %0 : tensor<8x16xf32>
}

// Summands: scattered where the result is split over the axis, all-reduced where it is whole, after a slice.
// CHECK-LABEL: @sums
// CHECK: %[[P:.*]] = tpc.contract
// CHECK: %[[A:.*]] = tpc.reduce_scatter sum %[[P]] dim 0 over @mesh ["y"] {tpc.layouts = [#tpc.layout<@mesh, [{"y"}, {}]>]}
// CHECK: %[[S:.*]] = tpc.shard_slice %[[P]] dim 1 over @mesh ["x"] {tpc.layouts = [#tpc.layout<@mesh, [{}, {"x"}], partial = sum {"y"}>]}
// CHECK: %[[B:.*]] = tpc.all_reduce sum %[[S]] over @mesh ["y"]
// CHECK: return %[[A]], %[[B]]
func.func @sums(%a: tensor<4x8xf32> {tpc.layout = #tpc.layout<@mesh, [{}, {"y"}]>},
                %b: tensor<8x6xf32> {tpc.layout = #tpc.layout<@mesh, [{"y"}, {}]>})
    -> (tensor<4x6xf32> {tpc.layout = #tpc.layout<@mesh, [{"y"}, {}]>}, tensor<4x6xf32> {tpc.layout = #tpc.layout<@mesh, [{}, {"x"}]>}) {
  %0 = tpc.contract %a, %b : [m, k], [k, n] -> [m, n] {tpc.layouts = [#tpc.layout<@mesh, [{}, {}], partial = sum {"y"}>]} : (tensor<4x8xf32>, tensor<8x6xf32>) -> tensor<4x6xf32>
  %1 = tpc.reshard %0 to <@mesh, [{"y"}, {}]> {tpc.layouts = [#tpc.layout<@mesh, [{"y"}, {}]>]} : tensor<4x6xf32>
  %2 = tpc.reshard %0 to <@mesh, [{}, {"x"}]> {tpc.layouts = [#tpc.layout<@mesh, [{}, {"x"}]>]} : tensor<4x6xf32>
  return %1, %2 : tensor<4x6xf32>, tensor<4x6xf32>
}

// Equal layouts: nothing is left.
// CHECK-LABEL: @equal
// CHECK-NEXT: return %arg0
func.func @equal(%a: tensor<8x16xf32> {tpc.layout = #tpc.layout<@mesh, [{"x"}, {}]>})
    -> (tensor<8x16xf32> {tpc.layout = #tpc.layout<@mesh, [{"x"}, {}]>}) {
  %0 = tpc.reshard %a to <@mesh, [{"x"}, {}]> {tpc.layouts = [#tpc.layout<@mesh, [{"x"}, {}]>]} : tensor<8x16xf32>
  return %0 : tensor<8x16xf32>
}
