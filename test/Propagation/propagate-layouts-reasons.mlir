// RUN: tpc-opt %s --mlir-print-debuginfo --tpc-propagate-layouts=record-reasons | FileCheck %s
// RUN: tpc-opt %s --tpc-propagate-layouts | FileCheck %s --check-prefix=SILENT
// The last step of an MLP: the input takes f from the weight, the result its rows from what is asked for; that
// the input should split its rows as well is lost, as f has the axis there, and the weight's claim goes first.

// SILENT-NOT: tpc.why

tpc.mesh @mesh <["tp"=2]>

// CHECK: func.func @down(%{{.*}}: tensor<4x6xf32> {tpc.layout = #tpc.layout<@mesh, [{}, {"tp"}]>}
func.func @down(%x: tensor<4x6xf32> {tpc.layout = #tpc.layout<@mesh, [{}, {"tp"}]>}, %w: tensor<8x6xf32> {tpc.layout = #tpc.layout<@mesh, [{}, {"tp"}]>}) -> tensor<4x8xf32> {
  // CHECK: arith.negf {{.*}} tpc.why = {tp = {dim = 1 : i64, from = 0 : i64, says = ["result 0: dim 1 on \22tp\22 from operand 0 of arith.negf (factor b, forward, round 1)"]}}
  %h = arith.negf %x : tensor<4x6xf32>
  // CHECK: tpc.contract {{.*}} tpc.why = {tp = {at = #[[LINE:loc[0-9]*]], dim = 0 : i64, says = ["result 0: dim 0 on \22tp\22 from result 0 of tpc.constrain (factor a, backward, round 1), asked for at plan.yaml:14:3",
  // CHECK-SAME: "lost: result 0 wants b on \22tp\22, which operand 1 has for f"]}}
  %y = tpc.contract %h, %w : [b, f], [n, f] -> [b, n] : (tensor<4x6xf32>, tensor<8x6xf32>) -> tensor<4x8xf32>
  %z = tpc.constrain %y to <@mesh, [{"tp"}, {}]> : tensor<4x8xf32> loc("plan.yaml":14:3)
  return %z : tensor<4x8xf32>
}
