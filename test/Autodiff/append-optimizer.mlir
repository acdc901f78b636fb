// RUN: tpc-opt --tpc-differentiate --tpc-append-optimizer %s | FileCheck %s

tpc.mesh @mesh <["tp"=2]>

// CHECK-LABEL: func.func @step(
// CHECK-SAME: %[[X:.*]]: tensor<4xf32> {tpc.input = "x"}
// CHECK-SAME: tpc.input = "learning_rate"
// CHECK-SAME: tpc.input = "beta1"
// CHECK-SAME: tpc.input = "beta2"
// CHECK-SAME: tpc.input = "eps"
// CHECK-SAME: tpc.input = "weight_decay"
// CHECK-SAME: %[[CLIP:.*]]: tensor<f32> {tpc.input = "clip"}
// CHECK-SAME: tensor<i32> {tpc.input = "step"}
// CHECK-SAME: %[[A:[a-z0-9]+]]: tensor<4xf32> {tpc.layout = #tpc.layout<@mesh, [{"tp"}]>, tpc.param = #tpc.param<"a"
// CHECK-SAME: %[[B:[a-z0-9]+]]: tensor<4xf32> {tpc.param = #tpc.param<"b"
// CHECK-SAME: %[[MA:[a-z0-9]+]]: tensor<4xf32> {{[^%]*}}tpc.state = "exp_avg"}
// CHECK-SAME: %[[MB:[a-z0-9]+]]: tensor<4xf32> {{[^%]*}}tpc.state = "exp_avg"}
// CHECK-SAME: %[[VA:[a-z0-9]+]]: tensor<4xf32> {{[^%]*}}tpc.state = "exp_avg_sq"}
// CHECK-SAME: %[[VB:[a-z0-9]+]]: tensor<4xf32> {{[^%]*}}tpc.state = "exp_avg_sq"}
// CHECK-SAME: tpc.output = "loss"
// CHECK-SAME: tpc.output = "grad_norm"
// CHECK-SAME: tensor<4xf32> {tpc.alias = 8 : i64, tpc.layout = #tpc.layout<@mesh, [{"tp"}]>}, tensor<4xf32> {tpc.alias = 9 : i64}
// CHECK-SAME: tpc.alias = 10
// CHECK-SAME: tpc.alias = 13
// CHECK-SAME: tensor<4xf32> {tpc.gradient = "a", tpc.layout = #tpc.layout<@mesh, [{"tp"}]>}, tensor<4xf32> {tpc.gradient = "b"}
// CHECK: %[[SA:.*]] = tpc.sum_squares %[[GA:.*]] {tpc.update}
// CHECK: %[[SB:.*]] = tpc.sum_squares %[[GB:.*]] {tpc.update}
// CHECK: %[[SUM:.*]] = arith.addf %[[SA]], %[[SB]]
// CHECK: %[[NORM:.*]] = math.sqrt %[[SUM]]
// CHECK: %[[RATIO:.*]] = arith.divf %[[CLIP]], %{{.*}}
// CHECK: %[[BOUNDED:.*]] = arith.minimumf %[[RATIO]], %{{.*}}
// CHECK: %[[SCALE:.*]] = arith.select %{{.*}}, %[[BOUNDED]], %{{.*}}
// CHECK: %[[PA:.*]], %[[NMA:.*]], %[[NVA:.*]] = tpc.adamw %[[A]], %[[GA]], %[[MA]], %[[VA]] scale(%[[SCALE]])
// CHECK: %[[PB:.*]], %[[NMB:.*]], %[[NVB:.*]] = tpc.adamw %[[B]], %[[GB]], %[[MB]], %[[VB]] scale(%[[SCALE]])
// CHECK: return %{{.*}}, %[[NORM]], %[[PA]], %[[PB]], %[[NMA]], %[[NMB]], %[[NVA]], %[[NVB]], %[[GA]], %[[GB]]

// CHECK-LABEL: func.func @init(
// CHECK-SAME: %[[SEED:.*]]: tensor<i64> {tpc.input = "seed"}, %[[SCHEME:.*]]: tensor<i32> {tpc.input = "init_scheme"}
// CHECK: tpc.init seed(%[[SEED]]) scheme(%[[SCHEME]]) <"a", shape = [4], kind = norm, fan_in = 4> range 2.000000e-02 global [4]
// CHECK: tpc.init seed(%[[SEED]]) scheme(%[[SCHEME]]) <"b"
// CHECK-COUNT-4: arith.constant dense<0.000000e+00> : tensor<4xf32>
func.func @loss(%x: tensor<4xf32> {tpc.input = "x"},
                %a: tensor<4xf32> {tpc.param = #tpc.param<"a", shape = [4], kind = norm, fan_in = 4>, tpc.layout = #tpc.layout<@mesh, [{"tp"}]>},
                %b: tensor<4xf32> {tpc.param = #tpc.param<"b", shape = [4], kind = norm, fan_in = 4>})
    -> (tensor<f32> {tpc.output = "loss"}) {
  %0 = arith.mulf %a, %x : tensor<4xf32>
  %1 = arith.mulf %0, %b : tensor<4xf32>
  %l = tpc.reduce sum %1 dims [0] : tensor<4xf32> -> tensor<f32>
  return %l : tensor<f32>
}
