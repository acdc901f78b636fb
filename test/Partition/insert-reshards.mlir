// RUN: tpc-opt %s --tpc-propagate-layouts --tpc-insert-reshards=machine=h100x8 | FileCheck %s
// RUN: tpc-opt %s --tpc-propagate-layouts --tpc-insert-reshards=machine=h100x8 --tpc-expand-reshards --tpc-localize --tpc-verify-local -o %t.mlir
// RUN: tpc-interpret %t.mlir --against=%s

tpc.mesh @mesh <["dp"=2, "tp"=2]>

// The example of the pass: a row-split weight, its output wanted split along the sequence.
// CHECK-LABEL: @row(
// CHECK: %[[P:.*]] = tpc.contract {{.*}} {tpc.layouts = [#tpc.layout<@mesh, [{"dp"}, {}, {}], partial = sum {"tp"}>]}
// CHECK-NEXT: %[[R:.*]] = tpc.reshard %[[P]] to <@mesh, [{"dp"}, {"tp"}, {}]>
// CHECK-NEXT: return %[[R]]
func.func @row(%a: tensor<2x4x8xf32> {tpc.layout = #tpc.layout<@mesh, [{"dp"}, {}, {"tp"}]>},
               %w: tensor<6x8xf32> {tpc.param = #tpc.param<"w", shape = [6, 8], kind = linear, fan_in = 8>, tpc.layout = #tpc.layout<@mesh, [{}, {"tp"}]>}) -> tensor<2x4x6xf32> {
  %u = tpc.use %w : tensor<6x8xf32>
  %0 = tpc.contract %a, %u : [b, s, k], [n, k] -> [b, s, n] : (tensor<2x4x8xf32>, tensor<6x8xf32>) -> tensor<2x4x6xf32>
  %1 = tpc.constrain %0 to <@mesh, [{"dp"}, {"tp"}, {}]> : tensor<2x4x6xf32>
  return %1 : tensor<2x4x6xf32>
}

// A parameter stays where it is, though the activation here is the larger one: the activation is gathered, once
// for both of its users.
// CHECK-LABEL: @column(
// CHECK: %[[G:.*]] = tpc.reshard %arg0 to <@mesh, [{"dp"}, {}, {}]>
// CHECK-NOT: tpc.reshard
// CHECK: tpc.contract %[[G]], %{{.*}} {tpc.layouts = [#tpc.layout<@mesh, [{"dp"}, {}, {"tp"}]>]}
// CHECK: tpc.contract %[[G]], %{{.*}} {tpc.layouts = [#tpc.layout<@mesh, [{"dp"}, {}, {"tp"}]>]}
// CHECK-NOT: tpc.reshard
// CHECK: return
func.func @column(%x: tensor<2x64x8xf32> {tpc.layout = #tpc.layout<@mesh, [{"dp"}, {"tp"}, {}]>},
                  %v: tensor<4x8xf32> {tpc.param = #tpc.param<"v", shape = [4, 8], kind = linear, fan_in = 8>, tpc.layout = #tpc.layout<@mesh, [{"tp"}, {}]>},
                  %w: tensor<4x8xf32> {tpc.param = #tpc.param<"u", shape = [4, 8], kind = linear, fan_in = 8>, tpc.layout = #tpc.layout<@mesh, [{"tp"}, {}]>})
    -> (tensor<2x64x4xf32> {tpc.layout = #tpc.layout<@mesh, [{"dp"}, {}, {"tp"}]>}) {
  %a = tpc.use %v : tensor<4x8xf32>
  %b = tpc.use %w : tensor<4x8xf32>
  %0 = tpc.contract %x, %a : [b, s, k], [n, k] -> [b, s, n] : (tensor<2x64x8xf32>, tensor<4x8xf32>) -> tensor<2x64x4xf32>
  %1 = tpc.contract %x, %b : [b, s, k], [n, k] -> [b, s, n] : (tensor<2x64x8xf32>, tensor<4x8xf32>) -> tensor<2x64x4xf32>
  %2 = arith.mulf %0, %1 : tensor<2x64x4xf32>
  return %2 : tensor<2x64x4xf32>
}

// A scalar sum over a split dimension, then something non-linear: reduced just before it, as late as can be.
// CHECK-LABEL: @late(
// CHECK: %[[S:.*]] = tpc.reduce sum %arg0 dims [0, 1] {tpc.layouts = [#tpc.layout<@mesh, [], partial = sum {"dp", "tp"}>]}
// CHECK-NEXT: %[[N:.*]] = arith.negf %[[S]] {tpc.layouts = [#tpc.layout<@mesh, [], partial = sum {"dp", "tp"}>]}
// CHECK-NEXT: %[[Z:.*]] = arith.constant
// CHECK-NEXT: %[[R:.*]] = tpc.reshard %[[N]] to <@mesh, []>
// CHECK-NEXT: arith.maximumf %[[R]], %[[Z]] {tpc.layouts = [#tpc.layout<@mesh, []>]}
func.func @late(%x: tensor<4x4xf32> {tpc.layout = #tpc.layout<@mesh, [{"dp"}, {"tp"}]>}) -> tensor<f32> {
  %0 = tpc.reduce sum %x dims [0, 1] : tensor<4x4xf32> -> tensor<f32>
  %1 = arith.negf %0 : tensor<f32>
  %z = arith.constant dense<0.25> : tensor<f32>
  %2 = arith.maximumf %1, %z : tensor<f32>
  return %2 : tensor<f32>
}

// One of two users is not linear: the sum is formed at once, and the other user takes it whole too.
// CHECK-LABEL: @some_user_needs_it_whole(
// CHECK: %[[S:.*]] = tpc.reduce sum %arg0 dims [1] {tpc.layouts = [#tpc.layout<@mesh, [{}], partial = sum {"tp"}>]}
// CHECK-NEXT: %[[R:.*]] = tpc.reshard %[[S]] to <@mesh, [{}]>
// CHECK-NEXT: arith.negf %[[R]]
// CHECK-NEXT: arith.maximumf %{{.*}}, %[[R]]
// CHECK-NOT: tpc.reshard
// CHECK: return
func.func @some_user_needs_it_whole(%x: tensor<4x4xf32> {tpc.layout = #tpc.layout<@mesh, [{}, {"tp"}]>}) -> tensor<4xf32> {
  %0 = tpc.reduce sum %x dims [1] : tensor<4x4xf32> -> tensor<4xf32>
  %1 = arith.negf %0 : tensor<4xf32>
  %2 = arith.maximumf %1, %0 : tensor<4xf32>
  return %2 : tensor<4xf32>
}

// The larger of summands is no summand: a maximum is joined by a maximum.
// CHECK-LABEL: @maximum(
// CHECK: tpc.reduce max %arg0 dims [1] {tpc.layouts = [#tpc.layout<@mesh, [{}], partial = max {"tp"}>]}
// CHECK-NEXT: %[[R:.*]] = tpc.reshard %{{.*}} to <@mesh, [{}]>
// CHECK-NEXT: arith.negf %[[R]]
func.func @maximum(%x: tensor<4x4xf32> {tpc.layout = #tpc.layout<@mesh, [{}, {"tp"}]>}) -> tensor<4xf32> {
  %0 = tpc.reduce max %x dims [1] : tensor<4x4xf32> -> tensor<4xf32>
  %1 = arith.negf %0 : tensor<4xf32>
  return %1 : tensor<4xf32>
}

// A constant lies as each user wants it.
// CHECK-LABEL: @constants(
// CHECK-NOT: tpc.reshard
// CHECK: return
func.func @constants(%x: tensor<4x4xf32> {tpc.layout = #tpc.layout<@mesh, [{"dp"}, {"tp"}]>}, %y: tensor<4x4xf32> {tpc.layout = #tpc.layout<@mesh, [{"tp"}, {"dp"}]>})
    -> (tensor<4x4xf32> {tpc.layout = #tpc.layout<@mesh, [{"dp"}, {"tp"}]>}, tensor<4x4xf32> {tpc.layout = #tpc.layout<@mesh, [{"tp"}, {"dp"}]>}) {
  %c = arith.constant dense<2.0> : tensor<4x4xf32>
  %0 = arith.mulf %x, %c : tensor<4x4xf32>
  %1 = arith.mulf %y, %c : tensor<4x4xf32>
  return %0, %1 : tensor<4x4xf32>, tensor<4x4xf32>
}
