// RUN: tpc-opt --tpc-differentiate --split-input-file %s | FileCheck %s

// The example of the pass documentation.
// CHECK-LABEL: func.func @loss
// CHECK-LABEL: func.func @step(
// CHECK-SAME: %[[W:.*]]: tensor<f32>
// CHECK-SAME: -> (tensor<f32> {tpc.output = "loss"}, tensor<f32> {tpc.gradient = "w"})
// CHECK: %[[LOSS:.*]] = arith.mulf %[[W]], %[[W]] : tensor<f32>
// CHECK: %[[ONE:.*]] = arith.constant {tpc.backward} dense<1.000000e+00> : tensor<f32>
// CHECK: %[[A:.*]] = arith.mulf %[[ONE]], %[[W]] {tpc.backward}
// CHECK: %[[B:.*]] = arith.mulf %[[ONE]], %[[W]] {tpc.backward}
// CHECK: %[[G:.*]] = arith.addf %[[A]], %[[B]] {tpc.backward}
// CHECK: return %[[LOSS]], %[[G]]
func.func @loss(%w: tensor<f32> {tpc.param = #tpc.param<"w", shape = [], kind = norm, fan_in = 1>}) -> (tensor<f32> {tpc.output = "loss"}) {
  %0 = arith.mulf %w, %w : tensor<f32>
  return %0 : tensor<f32>
}

// -----

// A linear layer: the cotangent of the weight sums over batch and sequence, that of the input is not wanted.
tpc.mesh @mesh <["tp"=2]>
// CHECK-LABEL: func.func @step(
// CHECK-SAME: %[[X:.*]]: tensor<2x4x8xf32> {tpc.input = "x"}, %[[W:.*]]: tensor<6x8xf32>
// CHECK: %[[D:.*]] = tpc.broadcast %{{.*}} dims [] {tpc.backward} : tensor<f32> -> tensor<2x4x6xf32>
// The output was asked to be sharded over all of the mesh: so is its cotangent.
// CHECK: %[[DS:.*]] = tpc.constrain %[[D]] to <@mesh, [{}, {"tp"}, {}]>
// CHECK-NOT: [b, s, n], [n, k] -> [b, s, k]
// CHECK: %[[G:.*]] = tpc.contract %[[DS]], %{{.*}} : [b, s, n], [b, s, k] -> [n, k] {tpc.backward}
// CHECK: return %{{.*}}, %[[G]]
func.func @loss(%x: tensor<2x4x8xf32> {tpc.input = "x"},
                %w: tensor<6x8xf32> {tpc.param = #tpc.param<"w", shape = [6, 8], kind = linear, fan_in = 8>})
    -> (tensor<f32> {tpc.output = "loss"}) {
  %u = tpc.use %w : tensor<6x8xf32>
  // A replicated request asks nothing of the cotangent: it may stay Partial.
  %r = tpc.constrain %x to <@mesh, [{}, {}, {}]> : tensor<2x4x8xf32>
  %y = tpc.contract %r, %u : [b, s, k], [n, k] -> [b, s, n] : (tensor<2x4x8xf32>, tensor<6x8xf32>) -> tensor<2x4x6xf32>
  %z = tpc.constrain %y to <@mesh, [{}, {"tp"}, {}]> : tensor<2x4x6xf32>
  %l = tpc.reduce sum %z dims [0, 1, 2] : tensor<2x4x6xf32> -> tensor<f32>
  return %l : tensor<f32>
}

// -----

// Division and selection; the mask and the integer input get no cotangent.
// CHECK-LABEL: func.func @step(
// CHECK-SAME: %[[T:[a-z0-9]+]]: tensor<4xi32> {tpc.input = "targets"}, %[[A:[a-z0-9]+]]: tensor<4xf32>
// CHECK-SAME: %[[B:[a-z0-9]+]]: tensor<4xf32>
// CHECK: %[[Q:.*]] = arith.divf %[[A]], %[[B]] : tensor<4xf32>
// CHECK: %[[D:.*]] = tpc.broadcast
// CHECK: %[[S:.*]] = arith.select %{{.*}}, %[[D]], %{{.*}} {tpc.backward}
// The branch that holds a constant gets no cotangent.
// CHECK-NEXT: %[[DA:.*]] = arith.divf %[[S]], %[[B]] {tpc.backward}
// CHECK: %[[P:.*]] = arith.mulf %[[DA]], %[[Q]] {tpc.backward}
// CHECK: %[[DB:.*]] = arith.negf %[[P]] {tpc.backward}
// CHECK: return %{{.*}}, %[[DA]], %[[DB]]
func.func @loss(%t: tensor<4xi32> {tpc.input = "targets"},
                %a: tensor<4xf32> {tpc.param = #tpc.param<"a", shape = [4], kind = norm, fan_in = 4>},
                %b: tensor<4xf32> {tpc.param = #tpc.param<"b", shape = [4], kind = norm, fan_in = 4>})
    -> (tensor<f32> {tpc.output = "loss"}) {
  %q = arith.divf %a, %b : tensor<4xf32>
  %zero = arith.constant dense<0> : tensor<4xi32>
  %c = arith.cmpi ne, %t, %zero : tensor<4xi32>
  %z = arith.constant dense<0.0> : tensor<4xf32>
  %s = arith.select %c, %q, %z : tensor<4xi1>, tensor<4xf32>
  %l = tpc.reduce sum %s dims [0] : tensor<4xf32> -> tensor<f32>
  return %l : tensor<f32>
}
