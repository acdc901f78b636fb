// RUN: tpc-opt %s --tpc-choose-layouts 2>%t.remarks | FileCheck %s
// RUN: FileCheck %s --check-prefix=REMARK < %t.remarks
// RUN: tpc-opt %s --tpc-choose-layouts --tpc-propagate-layouts --tpc-insert-reshards 2>/dev/null | FileCheck %s --check-prefix=MET
// RUN: tpc-opt %s --tpc-choose-layouts=interior=drop --tpc-propagate-layouts --tpc-insert-reshards 2>/dev/null | FileCheck %s --check-prefix=FORCED
// RUN: tpc-opt %s --tpc-choose-layouts --tpc-propagate-layouts --tpc-insert-reshards --tpc-expand-reshards --tpc-localize --tpc-verify-local -o %t.mlir 2>/dev/null
// RUN: tpc-interpret %t.mlir --against=%s

// Users of %0 choose one after the other. For each an all-to-all of what it has (a quarter of 4^4 floats is received) is
// cheaper than the gather that was asked for (half of them), for the three together it is not.

tpc.mesh @mesh <["tp"=2]>

// CHECK-LABEL: @fan
// CHECK-SAME: tpc.meets_requests
// REMARK: choose-layouts-literal.mlir:[[#@LINE+9]]:{{.*}}: remark: every layout that the plan asks for is made and used, as with --plan-policy=strict: each rank receives 512 bytes and computes 384 operations per step, otherwise it receives 768 bytes and computes 384 operations per step

// MET-LABEL: @fan
// MET-NOT: tpc.meets_requests
// MET: %[[G:.*]] = tpc.reshard %arg0 to <@mesh, [{}, {}, {}, {}]>
// MET-COUNT-3: tpc.reshard %[[G]] to

// FORCED-NOT: tpc.meets_requests
// FORCED-COUNT-3: tpc.reshard %arg0 to
func.func @fan(%x: tensor<4x4x4x4xf32> {tpc.layout = #tpc.layout<@mesh, [{"tp"}, {}, {}, {}]>})
    -> (tensor<4x4x4x4xf32> {tpc.layout = #tpc.layout<@mesh, [{}, {"tp"}, {}, {}]>},
        tensor<4x4x4x4xf32> {tpc.layout = #tpc.layout<@mesh, [{}, {}, {"tp"}, {}]>},
        tensor<4x4x4x4xf32> {tpc.layout = #tpc.layout<@mesh, [{}, {}, {}, {"tp"}]>}) {
  %0 = tpc.constrain %x to <@mesh, [{}, {}, {}, {}]> : tensor<4x4x4x4xf32>
  %1 = arith.negf %0 : tensor<4x4x4x4xf32>
  %2 = math.exp %0 : tensor<4x4x4x4xf32>
  %3 = math.sin %0 : tensor<4x4x4x4xf32>
  return %1, %2, %3 : tensor<4x4x4x4xf32>, tensor<4x4x4x4xf32>, tensor<4x4x4x4xf32>
}
