// RUN: tpc-opt %s --tpc-propagate-layouts --tpc-insert-reshards=machine=h100x8 | FileCheck %s
// RUN: tpc-opt %s --tpc-propagate-layouts --tpc-insert-reshards=machine=h100x8 --tpc-expand-reshards --tpc-localize --tpc-verify-local -o %t.mlir
// RUN: tpc-interpret %t.mlir --against=%s
// Sums of several terms: those that are Partial over the same axes share one reduction.

tpc.mesh @mesh <["dp"=2, "tp"=2]>

// The clip norm: squares of tp-split gradients are summands over tp, those of a whole gradient are not. Whole ones
// first, then the summands, reduced once.
// CHECK-LABEL: @norm(
// CHECK-DAG: %[[A:.*]] = tpc.sum_squares %arg0 {tpc.layouts = [#tpc.layout<@mesh, [], partial = sum {"tp"}>]}
// CHECK-DAG: %[[B:.*]] = tpc.sum_squares %arg1 {tpc.layouts = [#tpc.layout<@mesh, []>]}
// CHECK-DAG: %[[C:.*]] = tpc.sum_squares %arg2 {tpc.layouts = [#tpc.layout<@mesh, [], partial = sum {"tp"}>]}
// CHECK-DAG: %[[D:.*]] = tpc.sum_squares %arg3 {tpc.layouts = [#tpc.layout<@mesh, []>]}
// CHECK: %[[W:.*]] = arith.addf %[[B]], %[[D]] {tpc.layouts = [#tpc.layout<@mesh, []>]}
// CHECK: %[[P:.*]] = arith.addf %[[A]], %[[C]] {tpc.layouts = [#tpc.layout<@mesh, [], partial = sum {"tp"}>]}
// CHECK: %[[R:.*]] = tpc.reshard %[[P]] to <@mesh, []>
// CHECK: %[[S:.*]] = arith.addf %[[W]], %[[R]] {tpc.layouts = [#tpc.layout<@mesh, []>]}
// CHECK-NOT: tpc.reshard
// CHECK: return %[[S]]
func.func @norm(%a: tensor<4x4xf32> {tpc.layout = #tpc.layout<@mesh, [{"tp"}, {}]>}, %b: tensor<4xf32> {tpc.layout = #tpc.layout<@mesh, [{}]>},
                %c: tensor<4x4xf32> {tpc.layout = #tpc.layout<@mesh, [{}, {"tp"}]>}, %d: tensor<4xf32> {tpc.layout = #tpc.layout<@mesh, [{}]>}) -> tensor<f32> {
  %0 = tpc.sum_squares %a : tensor<4x4xf32> -> tensor<f32>
  %1 = tpc.sum_squares %b : tensor<4xf32> -> tensor<f32>
  %2 = tpc.sum_squares %c : tensor<4x4xf32> -> tensor<f32>
  %3 = tpc.sum_squares %d : tensor<4xf32> -> tensor<f32>
  %4 = arith.addf %0, %1 : tensor<f32>
  %5 = arith.addf %4, %2 : tensor<f32>
  %6 = arith.addf %5, %3 : tensor<f32>
  return %6 : tensor<f32>
}

// A still Partial gradient is reduced before it is squared.
// CHECK-LABEL: @square_after_reduction(
// CHECK: %[[G:.*]] = tpc.contract {{.*}} partial = sum {"dp"}>]}
// CHECK: %[[R:.*]] = tpc.reshard %[[G]] to <@mesh, [{"tp"}, {}]>
// CHECK: tpc.sum_squares %[[R]] {tpc.layouts = [#tpc.layout<@mesh, [], partial = sum {"tp"}>]}
// CHECK: return %[[R]]
func.func @square_after_reduction(%dy: tensor<4x6xf32> {tpc.layout = #tpc.layout<@mesh, [{"dp"}, {"tp"}]>}, %x: tensor<4x8xf32> {tpc.layout = #tpc.layout<@mesh, [{"dp"}, {}]>})
    -> (tensor<6x8xf32> {tpc.layout = #tpc.layout<@mesh, [{"tp"}, {}]>}, tensor<f32>) {
  %0 = tpc.contract %dy, %x : [b, n], [b, k] -> [n, k] : (tensor<4x6xf32>, tensor<4x8xf32>) -> tensor<6x8xf32>
  %1 = tpc.sum_squares %0 : tensor<6x8xf32> -> tensor<f32>
  return %0, %1 : tensor<6x8xf32>, tensor<f32>
}

// Cotangents of gate and up (Partial, as f is split) and of the residual (split along the sequence): the first two are
// added as summands, one reduction ends them, then the third is added.
// CHECK-LABEL: @cotangents(
// CHECK: %[[G:.*]] = tpc.contract %arg0, %arg2 {{.*}} partial = sum {"tp"}>]}
// CHECK: %[[U:.*]] = tpc.contract %arg1, %arg3 {{.*}} partial = sum {"tp"}>]}
// CHECK: %[[S:.*]] = arith.addf %[[G]], %[[U]] {tpc.layouts = [#tpc.layout<@mesh, [{"dp"}, {}, {}], partial = sum {"tp"}>]}
// CHECK: %[[R:.*]] = tpc.reshard %[[S]] to <@mesh, [{"dp"}, {"tp"}, {}]>
// CHECK: arith.addf %arg4, %[[R]] {tpc.layouts = [#tpc.layout<@mesh, [{"dp"}, {"tp"}, {}]>]}
// CHECK-NOT: tpc.reshard
// CHECK: return
func.func @cotangents(%dg: tensor<2x4x8xf32> {tpc.layout = #tpc.layout<@mesh, [{"dp"}, {}, {"tp"}]>}, %du: tensor<2x4x8xf32> {tpc.layout = #tpc.layout<@mesh, [{"dp"}, {}, {"tp"}]>},
                      %g: tensor<8x6xf32> {tpc.param = #tpc.param<"g", shape = [8, 6], kind = linear, fan_in = 6>, tpc.layout = #tpc.layout<@mesh, [{"tp"}, {}]>},
                      %u: tensor<8x6xf32> {tpc.param = #tpc.param<"u", shape = [8, 6], kind = linear, fan_in = 6>, tpc.layout = #tpc.layout<@mesh, [{"tp"}, {}]>},
                      %r: tensor<2x4x6xf32> {tpc.layout = #tpc.layout<@mesh, [{"dp"}, {"tp"}, {}]>}) -> tensor<2x4x6xf32> {
  %0 = tpc.contract %dg, %g : [b, s, f], [f, k] -> [b, s, k] : (tensor<2x4x8xf32>, tensor<8x6xf32>) -> tensor<2x4x6xf32>
  %1 = tpc.contract %du, %u : [b, s, f], [f, k] -> [b, s, k] : (tensor<2x4x8xf32>, tensor<8x6xf32>) -> tensor<2x4x6xf32>
  %2 = arith.addf %0, %r : tensor<2x4x6xf32>
  %3 = arith.addf %2, %1 : tensor<2x4x6xf32>
  return %3 : tensor<2x4x6xf32>
}

// Selecting summands or zero: zeros on every rank sum to zero.
// CHECK-LABEL: @select_or_zero(
// CHECK: %[[S:.*]] = arith.select {{.*}} partial = sum {"tp"}>]}
// CHECK-NEXT: %[[R:.*]] = tpc.reshard %[[S]] to <@mesh, [{}]>
// CHECK-NEXT: return %[[R]]
func.func @select_or_zero(%x: tensor<4x4xf32> {tpc.layout = #tpc.layout<@mesh, [{}, {"tp"}]>}, %t: tensor<4xi32> {tpc.layout = #tpc.layout<@mesh, [{}]>}) -> tensor<4xf32> {
  %0 = tpc.reduce sum %x dims [1] : tensor<4x4xf32> -> tensor<4xf32>
  %i = arith.constant dense<1> : tensor<4xi32>
  %c = arith.cmpi sgt, %t, %i : tensor<4xi32>
  %z = arith.constant dense<0.0> : tensor<4xf32>
  %1 = arith.select %c, %0, %z : tensor<4xi1>, tensor<4xf32>
  return %1 : tensor<4xf32>
}

// Selecting between summands and ones is not linear: one on every rank would be counted twice.
// CHECK-LABEL: @select_or_one(
// CHECK: %[[S:.*]] = tpc.reduce sum {{.*}} partial = sum {"tp"}>]}
// CHECK: %[[R:.*]] = tpc.reshard %[[S]] to <@mesh, [{}]>
// CHECK: arith.select %{{.*}}, %[[R]], %{{.*}} {tpc.layouts = [#tpc.layout<@mesh, [{}]>]}
func.func @select_or_one(%x: tensor<4x4xf32> {tpc.layout = #tpc.layout<@mesh, [{}, {"tp"}]>}, %t: tensor<4xi32> {tpc.layout = #tpc.layout<@mesh, [{}]>}) -> tensor<4xf32> {
  %0 = tpc.reduce sum %x dims [1] : tensor<4x4xf32> -> tensor<4xf32>
  %i = arith.constant dense<1> : tensor<4xi32>
  %c = arith.cmpi sgt, %t, %i : tensor<4xi32>
  %z = arith.constant dense<1.0> : tensor<4xf32>
  %1 = arith.select %c, %0, %z : tensor<4xi1>, tensor<4xf32>
  return %1 : tensor<4xf32>
}

// The product of two sums is no sum of products: one of them is reduced, the other may stay.
// CHECK-LABEL: @product(
// CHECK: %[[A:.*]] = tpc.reduce sum {{.*}} partial = sum {"tp"}>]}
// CHECK: %[[R:.*]] = tpc.reshard %[[A]] to <@mesh, [{}]>
// CHECK: arith.mulf %[[R]], %[[R]] {tpc.layouts = [#tpc.layout<@mesh, [{}]>]}
func.func @product(%x: tensor<4x4xf32> {tpc.layout = #tpc.layout<@mesh, [{}, {"tp"}]>}) -> tensor<4xf32> {
  %0 = tpc.reduce sum %x dims [1] : tensor<4x4xf32> -> tensor<4xf32>
  %1 = arith.mulf %0, %0 : tensor<4xf32>
  return %1 : tensor<4xf32>
}
