// RUN: tpc-opt %s --split-input-file --tpc-propagate-layouts --tpc-verify-layouts | FileCheck %s
// Forward, backward and update are settled one after the other; functions agree on their parameters.

tpc.mesh @mesh <["dp"=2, "tp"=2]>

// The plan says nothing of the hidden activation. In @forward it is whole.
// CHECK-LABEL: func.func @forward(
func.func @forward(%x: tensor<4x6xf32> {tpc.layout = #tpc.layout<@mesh, [{"dp"}, {}]>},
                   %w: tensor<8x6xf32> {tpc.layout = #tpc.layout<@mesh, [{"tp"}, {}]>, tpc.param = #tpc.param<"w", shape = [8, 6], kind = linear, fan_in = 6>})
    -> tensor<4x8xf32> {
  // CHECK: arith.negf {{.*}} {tpc.layouts = [#tpc.layout<@mesh, [{"dp"}, {}]>]}
  %h = arith.negf %x : tensor<4x6xf32>
  %u = tpc.use %w : tensor<8x6xf32>
  // CHECK: tpc.contract {{.*}} {tpc.layouts = [#tpc.layout<@mesh, [{"dp"}, {"tp"}]>]}
  %y = tpc.contract %h, %u : [b, k], [n, k] -> [b, n] : (tensor<4x6xf32>, tensor<8x6xf32>) -> tensor<4x8xf32>
  return %y : tensor<4x8xf32>
}

// In @step a request of the backward pass (dim 1 of %e on tp) would reach %h through mulf; it must not, or @forward and
// @step would disagree. The gradient takes n from y, its sum over the batch leaves nothing; new values lie as the
// arguments that they update; the state lies as the parameter, of which this function says nothing itself.
// CHECK-LABEL: func.func @step(
// CHECK-SAME: %[[W:[^:]*]]: tensor<8x6xf32> {tpc.layout = #tpc.layout<@mesh, [{"tp"}, {}]>
// CHECK-SAME: %[[M:[^:]*]]: tensor<8x6xf32> {tpc.layout = #tpc.layout<@mesh, [{"tp"}, {}]>
// CHECK-SAME: %[[V:[^:]*]]: tensor<8x6xf32> {tpc.layout = #tpc.layout<@mesh, [{"tp"}, {}]>
// CHECK-SAME: -> (tensor<8x6xf32> {tpc.alias = 2 : i64, tpc.layout = #tpc.layout<@mesh, [{"tp"}, {}]>}
// CHECK-SAME: tensor<8x6xf32> {tpc.alias = 3 : i64, tpc.layout = #tpc.layout<@mesh, [{"tp"}, {}]>}
// CHECK-SAME: tensor<8x6xf32> {tpc.alias = 4 : i64, tpc.layout = #tpc.layout<@mesh, [{"tp"}, {}]>}
// CHECK-SAME: tensor<8x6xf32> {tpc.gradient = "w", tpc.layout = #tpc.layout<@mesh, [{"tp"}, {}]>}
func.func @step(%x: tensor<4x6xf32> {tpc.layout = #tpc.layout<@mesh, [{"dp"}, {}]>}, %s: tensor<f32>,
                %w: tensor<8x6xf32> {tpc.param = #tpc.param<"w", shape = [8, 6], kind = linear, fan_in = 6>},
                %m: tensor<8x6xf32> {tpc.state = "exp_avg", tpc.param = #tpc.param<"w", shape = [8, 6], kind = linear, fan_in = 6>},
                %v: tensor<8x6xf32> {tpc.state = "exp_avg_sq", tpc.param = #tpc.param<"w", shape = [8, 6], kind = linear, fan_in = 6>},
                %t: tensor<i32>)
    -> (tensor<8x6xf32> {tpc.alias = 2 : i64}, tensor<8x6xf32> {tpc.alias = 3 : i64}, tensor<8x6xf32> {tpc.alias = 4 : i64},
        tensor<8x6xf32> {tpc.gradient = "w"}) {
  // CHECK: arith.negf {{.*}} {tpc.layouts = [#tpc.layout<@mesh, [{"dp"}, {}]>]}
  %h = arith.negf %x : tensor<4x6xf32>
  %u = tpc.use %w : tensor<8x6xf32>
  %y = tpc.contract %h, %u : [b, k], [n, k] -> [b, n] : (tensor<4x6xf32>, tensor<8x6xf32>) -> tensor<4x8xf32>
  // CHECK: arith.mulf {{.*}} {tpc.backward, tpc.layouts = [#tpc.layout<@mesh, [{"dp"}, {"tp"}]>]}
  %e = arith.mulf %h, %h {tpc.backward} : tensor<4x6xf32>
  %f = tpc.constrain %e to <@mesh, [{"dp"}, {"tp"}]> {tpc.backward} : tensor<4x6xf32>
  // CHECK: tpc.contract {{.*}} {tpc.backward, tpc.layouts = [#tpc.layout<@mesh, [{"tp"}, {}]>]}
  %g = tpc.contract %y, %h : [b, n], [b, k] -> [n, k] {tpc.backward} : (tensor<4x8xf32>, tensor<4x6xf32>) -> tensor<8x6xf32>
  // CHECK: tpc.sum_squares {{.*}} {tpc.layouts = [#tpc.layout<@mesh, []>], tpc.update}
  %ss = tpc.sum_squares %g {tpc.update} : tensor<8x6xf32> -> tensor<f32>
  // CHECK: tpc.adamw {{.*}} {tpc.layouts = [#tpc.layout<@mesh, [{"tp"}, {}]>, #tpc.layout<@mesh, [{"tp"}, {}]>, #tpc.layout<@mesh, [{"tp"}, {}]>], tpc.update}
  %n:3 = tpc.adamw %w, %g, %m, %v scale(%ss) lr(%s) betas(%s, %s) eps(%s) weight_decay(%s) step(%t) {tpc.update} : tensor<8x6xf32>, tensor<f32>, tensor<f32>, tensor<f32>, tensor<f32>, tensor<f32>, tensor<f32>, tensor<i32>
  return %n#0, %n#1, %n#2, %g : tensor<8x6xf32>, tensor<8x6xf32>, tensor<8x6xf32>, tensor<8x6xf32>
}

// Results name their parameter: what makes them takes its layout from there.
// CHECK-LABEL: func.func @init(
// CHECK-SAME: -> (tensor<8x6xf32> {tpc.layout = #tpc.layout<@mesh, [{"tp"}, {}]>
func.func @init(%seed: tensor<i64>, %scheme: tensor<i32>)
    -> (tensor<8x6xf32> {tpc.param = #tpc.param<"w", shape = [8, 6], kind = linear, fan_in = 6>}) {
  // CHECK: tpc.init {{.*}} {tpc.layouts = [#tpc.layout<@mesh, [{"tp"}, {}]>]}
  %w = tpc.init seed(%seed) scheme(%scheme) <"w", shape = [8, 6], kind = linear, fan_in = 6> range 0.02 global [8, 6] : (tensor<i64>, tensor<i32>) -> tensor<8x6xf32>
  return %w : tensor<8x6xf32>
}

// -----

// A gradient of which no operand says anything takes the parameter's layout, and passes it on to what it is made of: the
// cotangent of replicated logits is computed by each rank for its own part only.
tpc.mesh @mesh <["tp"=2]>
// CHECK-LABEL: func.func @head(
func.func @head(%x: tensor<4x6xf32> {tpc.layout = #tpc.layout<@mesh, [{}, {}]>},
                %w: tensor<8x6xf32> {tpc.layout = #tpc.layout<@mesh, [{"tp"}, {}]>, tpc.param = #tpc.param<"w", shape = [8, 6], kind = linear, fan_in = 6>})
    -> (tensor<8x6xf32> {tpc.gradient = "w"}) {
  %u = tpc.use %w : tensor<8x6xf32>
  %y = tpc.contract %x, %u : [b, k], [n, k] -> [b, n] : (tensor<4x6xf32>, tensor<8x6xf32>) -> tensor<4x8xf32>
  %z = tpc.constrain %y to <@mesh, [{}, {}]> : tensor<4x8xf32>
  // CHECK: math.exp {{.*}} {tpc.backward, tpc.layouts = [#tpc.layout<@mesh, [{}, {"tp"}]>]}
  %d = math.exp %z {tpc.backward} : tensor<4x8xf32>
  // CHECK: tpc.contract {{.*}} {tpc.backward, tpc.layouts = [#tpc.layout<@mesh, [{"tp"}, {}]>]}
  %g = tpc.contract %d, %x : [b, n], [b, k] -> [n, k] {tpc.backward} : (tensor<4x8xf32>, tensor<4x6xf32>) -> tensor<8x6xf32>
  return %g : tensor<8x6xf32>
}
