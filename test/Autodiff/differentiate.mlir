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

// -----

// A parameter that is rounded for computation: its cotangents are summed in its own element type, and nothing is
// rounded between them and the gradient. That of the embedding's result is bf16, as the result is.
// CHECK-LABEL: func.func @step(
// CHECK-SAME: %[[IDS:[a-z0-9]+]]: tensor<4xi32> {tpc.input = "ids"}, %[[W:[a-z0-9]+]]: tensor<6x8xf32>
// CHECK: %[[NARROW:.*]] = arith.truncf %[[W]]
// CHECK: %[[USE:.*]] = tpc.use %[[NARROW]]
// CHECK: %[[X:.*]] = tpc.embedding
// CHECK: %[[D:.*]] = arith.truncf %{{.*}} {tpc.backward} : tensor<4x6xf32> to tensor<4x6xbf16>
// CHECK-DAG: %[[DX:.*]] = tpc.contract %[[D]], %[[USE]] : [b, v], [v, k] -> [b, k] {tpc.backward} : {{.*}} -> tensor<4x8xbf16>
// CHECK-DAG: %[[HEAD:.*]] = tpc.contract %[[D]], %[[X]] : [b, v], [b, k] -> [v, k] {tpc.backward} : {{.*}} -> tensor<6x8xf32>
// CHECK: %[[TABLE:.*]] = tpc.embedding_grad %[[IDS]], %[[DX]] {tpc.backward} : (tensor<4xi32>, tensor<4x8xbf16>) -> tensor<6x8xf32>
// CHECK: %[[G:.*]] = arith.addf %[[HEAD]], %[[TABLE]] {tpc.backward} : tensor<6x8xf32>
// CHECK: return %{{.*}}, %[[G]]
func.func @loss(%ids: tensor<4xi32> {tpc.input = "ids"},
                %w: tensor<6x8xf32> {tpc.param = #tpc.param<"w", shape = [6, 8], kind = embedding, fan_in = 8>})
    -> (tensor<f32> {tpc.output = "loss"}) {
  %n = arith.truncf %w : tensor<6x8xf32> to tensor<6x8xbf16>
  %u = tpc.use %n : tensor<6x8xbf16>
  %x = tpc.embedding %ids, %u : (tensor<4xi32>, tensor<6x8xbf16>) -> tensor<4x8xbf16>
  %y = tpc.contract %x, %u : [b, k], [v, k] -> [b, v] : (tensor<4x8xbf16>, tensor<6x8xbf16>) -> tensor<4x6xbf16>
  %z = arith.extf %y : tensor<4x6xbf16> to tensor<4x6xf32>
  %l = tpc.reduce sum %z dims [0, 1] : tensor<4x6xf32> -> tensor<f32>
  return %l : tensor<f32>
}

// -----

// A use that is multiplied elementwise has a narrow cotangent: it joins the sum in f32.
// CHECK-LABEL: func.func @step(
// CHECK: %[[C:.*]] = tpc.contract {{.*}} {tpc.backward} : {{.*}} -> tensor<8xf32>
// CHECK: %[[A:.*]] = arith.mulf {{.*}} {tpc.backward} : tensor<8xbf16>
// CHECK: %[[WIDE:.*]] = arith.extf %[[A]] {tpc.backward} : tensor<8xbf16> to tensor<8xf32>
// CHECK: arith.addf %[[C]], %[[WIDE]] {tpc.backward} : tensor<8xf32>
func.func @loss(%x: tensor<8xbf16> {tpc.input = "x"},
                %w: tensor<8xf32> {tpc.param = #tpc.param<"w", shape = [8], kind = linear, fan_in = 8>})
    -> (tensor<f32> {tpc.output = "loss"}) {
  %n = arith.truncf %w : tensor<8xf32> to tensor<8xbf16>
  %u = tpc.use %n : tensor<8xbf16>
  %y = arith.mulf %x, %u : tensor<8xbf16>
  %z = tpc.contract %y, %u : [k], [k] -> [] : (tensor<8xbf16>, tensor<8xbf16>) -> tensor<f32>
  return %z : tensor<f32>
}

// -----

// What a product accumulates on gets the cotangent of the sum.
// CHECK-LABEL: func.func @step(
// CHECK-SAME: %[[X:[a-z0-9]+]]: tensor<4x8xf32> {tpc.input = "x"}
// CHECK: tpc.contract {{.*}} accumulate
// CHECK: %[[D:.*]] = tpc.broadcast %{{.*}} dims [] {tpc.backward} : tensor<f32> -> tensor<4x6xf32>
// CHECK: %[[G:.*]] = tpc.contract %[[D]], %[[X]] : [s, n], [s, k] -> [n, k] {tpc.backward}
// CHECK: return %{{.*}}, %[[G]], %[[D]]
func.func @loss(%x: tensor<4x8xf32> {tpc.input = "x"},
                %w: tensor<6x8xf32> {tpc.param = #tpc.param<"w", shape = [6, 8], kind = linear, fan_in = 8>},
                %c: tensor<4x6xf32> {tpc.param = #tpc.param<"c", shape = [4, 6], kind = linear, fan_in = 8>})
    -> (tensor<f32> {tpc.output = "loss"}) {
  %y = tpc.contract %x, %w accumulate %c : [s, k], [n, k] -> [s, n] : (tensor<4x8xf32>, tensor<6x8xf32>) -> tensor<4x6xf32>
  %l = tpc.reduce sum %y dims [0, 1] : tensor<4x6xf32> -> tensor<f32>
  return %l : tensor<f32>
}
