// RUN: tpc-opt %s --tpc-propagate-layouts --tpc-insert-reshards --mlir-print-debuginfo --mlir-print-local-scope | FileCheck %s
// RUN: tpc-opt %s --tpc-propagate-layouts --tpc-insert-reshards --tpc-expand-reshards --tpc-localize --mlir-print-debuginfo --mlir-print-local-scope | FileCheck %s --check-prefix=LOCAL
// RUN: tpc-opt %s --tpc-propagate-layouts --tpc-insert-reshards --tpc-expand-reshards --tpc-localize --tpc-verify-local -o %t.mlir
// RUN: tpc-interpret %t.mlir --against=%s --tolerance=1e-12
// A reshard is located at what needs it; behind that stand the ops that led there, each followed by what led to it, down to
// the lines of a plan.

tpc.mesh @mesh <["tp"=2]>

// The product is Partial because the plan splits its own weight (line 15), and gate's (line 13) with the activation; the sum is
// met by the request of line 15. Ops of one module are one link.
// CHECK-LABEL: @mlp(
// CHECK: tpc.reshard {{.*}} loc(fused["plan.yaml":15:5, "mlp.down", "tpc.contract"("mlp.down"),
// CHECK-SAME: "mlp.down.weight"("plan.yaml":15:5), "math.exp"("mlp"), "tpc.contract"("mlp.gate"), "mlp.gate.weight"("plan.yaml":13:5)])
// LOCAL-LABEL: @mlp(
// LOCAL: tpc.reduce_scatter {{.*}} loc(fused["plan.yaml":15:5, "mlp.down", "tpc.contract"("mlp.down"), "mlp.down.weight"("plan.yaml":15:5),
func.func @mlp(%x: tensor<2x4x8xf32> {tpc.layout = #tpc.layout<@mesh, [{}, {}, {}]>} loc("tokens"),
               %gate: tensor<16x8xf32> {tpc.param = #tpc.param<"mlp.gate.weight", shape = [16, 8], kind = linear, fan_in = 8>, tpc.layout = #tpc.layout<@mesh, [{"tp"}, {}]>} loc("mlp.gate.weight"("plan.yaml":13:5)),
               %down: tensor<8x16xf32> {tpc.param = #tpc.param<"mlp.down.weight", shape = [8, 16], kind = linear, fan_in = 16>, tpc.layout = #tpc.layout<@mesh, [{}, {"tp"}]>} loc("mlp.down.weight"("plan.yaml":15:5)))
    -> tensor<2x4x8xf32> {
  %0 = tpc.use %gate : tensor<16x8xf32> loc("mlp.gate")
  %1 = tpc.contract %x, %0 : [b, s, k], [f, k] -> [b, s, f] : (tensor<2x4x8xf32>, tensor<16x8xf32>) -> tensor<2x4x16xf32> loc("mlp.gate")
  %2 = math.exp %1 : tensor<2x4x16xf32> loc("mlp")
  %3 = math.exp %2 : tensor<2x4x16xf32> loc("mlp")
  %4 = tpc.use %down : tensor<8x16xf32> loc("mlp.down")
  %5 = tpc.contract %3, %4 : [b, s, f], [k, f] -> [b, s, k] : (tensor<2x4x16xf32>, tensor<8x16xf32>) -> tensor<2x4x8xf32> loc("mlp.down")
  %6 = tpc.constrain %5 to <@mesh, [{}, {"tp"}, {}]> : tensor<2x4x8xf32> loc(fused["plan.yaml":15:5, "mlp.down"])
  return %6 : tensor<2x4x8xf32> loc("mlp")
}

// What the update needs is told by the module that made it. It is in the phase of who needs it.
// CHECK-LABEL: @gradient(
// CHECK: tpc.reshard {{.*}} {{[{].*}}tpc.update{{.*}} loc(fused["norm", "tpc.sum_squares"("optimizer"), "tpc.reduce"("norm"), "x"("plan.yaml":6:5)])
func.func @gradient(%x: tensor<4x8xf32> {tpc.layout = #tpc.layout<@mesh, [{"tp"}, {}]>} loc("x"("plan.yaml":6:5))) -> (tensor<f32> {tpc.layout = #tpc.layout<@mesh, []>}) {
  %0 = tpc.reduce sum %x dims [0] {tpc.backward} : tensor<4x8xf32> -> tensor<8xf32> loc("norm")
  %1 = tpc.sum_squares %0 {tpc.update} : tensor<8xf32> -> tensor<f32> loc("optimizer")
  return %1 : tensor<f32> loc("optimizer")
}

// What is only returned has the phase of the op that made it.
// CHECK-LABEL: @returned(
// CHECK: tpc.reshard {{.*}} {{[{].*}}tpc.backward{{.*}} loc(fused["norm", "func.return"("step"), "tpc.reduce"("norm"), "x"("plan.yaml":6:5)])
func.func @returned(%x: tensor<4x8xf32> {tpc.layout = #tpc.layout<@mesh, [{"tp"}, {}]>} loc("x"("plan.yaml":6:5))) -> (tensor<8xf32> {tpc.layout = #tpc.layout<@mesh, [{}]>}) {
  %0 = tpc.reduce sum %x dims [0] {tpc.backward} : tensor<4x8xf32> -> tensor<8xf32> loc("norm")
  return %0 : tensor<8xf32> loc("step")
}
