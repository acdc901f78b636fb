// RUN: tpc-opt --tpc-apply-plan=plan=%S/Inputs/column.yaml %s --mlir-print-debuginfo --mlir-print-local-scope | FileCheck %s
// The pass's own example.

tpc.mesh @mesh <["tp"=2]>

// What is asked for is located at the line of the plan and in the module, a parameter at the line that splits it.
// CHECK-LABEL: func.func @forward(
// CHECK-SAME: %[[X:.*]]: tensor<2x4x8xf32> {tpc.input = "x", tpc.layout = #tpc.layout<@mesh, [{}, {}, {}]>}
// CHECK-SAME: %[[W:.*]]: tensor<16x8xf32> {tpc.layout = #tpc.layout<@mesh, [{"tp"}, {}]>, tpc.param{{[^:]*}} loc("up.weight"("{{[^"]*}}column.yaml":2:5))
// CHECK-SAME: %[[B:.*]]: tensor<16xf32> {tpc.layout = #tpc.layout<@mesh, [{"tp"}]>, tpc.param
func.func @forward(%x: tensor<2x4x8xf32> {tpc.input = "x"},
                   %w: tensor<16x8xf32> {tpc.param = #tpc.param<"up.weight", shape = [16, 8], kind = linear, fan_in = 8>},
                   %b: tensor<16xf32> {tpc.param = #tpc.param<"up.bias", shape = [16], kind = bias, fan_in = 8>})
    -> tensor<2x4x16xf32> {
  // The input is known to be replicated: no constraint is needed.
  // CHECK-NOT: tpc.boundary
  // CHECK: %[[USE:.*]] = tpc.use %[[W]]
  // CHECK: tpc.contract %[[X]], %[[USE]]
  %0 = tpc.boundary %x input 0 of linear "up" dims [[0], [1], [2]] : tensor<2x4x8xf32>
  %1 = tpc.use %w : tensor<16x8xf32>
  %2 = tpc.contract %0, %1 : [b, s, k], [f, k] -> [b, s, f] : (tensor<2x4x8xf32>, tensor<16x8xf32>) -> tensor<2x4x16xf32>
  %3 = tpc.use %b : tensor<16xf32>
  %4 = tpc.broadcast %3 dims [2] : tensor<16xf32> -> tensor<2x4x16xf32>
  // CHECK: %[[SUM:.*]] = arith.addf
  %5 = arith.addf %2, %4 : tensor<2x4x16xf32>
  // CHECK: %[[Y:.*]] = tpc.constrain %[[SUM]] to <@mesh, [{}, {}, {}]> of "up" : tensor<2x4x16xf32> loc(fused["{{.*}}column.yaml":2:5, "up"])
  %6 = tpc.boundary %5 output 0 of linear "up" dims [[0], [1], [2]] : tensor<2x4x16xf32>
  // CHECK: return %[[Y]]
  return %6 : tensor<2x4x16xf32>
}
