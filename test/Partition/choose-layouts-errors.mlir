// RUN: not tpc-opt %s --tpc-choose-layouts=interior=some 2>&1 | FileCheck %s --check-prefix=INTERIOR
// RUN: not tpc-opt %s --tpc-choose-layouts=parameters=all 2>&1 | FileCheck %s --check-prefix=PARAMETERS
// RUN: not tpc-opt %s --tpc-choose-layouts=dp-mode=zero3 2>&1 | FileCheck %s --check-prefix=MODE
// RUN: not tpc-opt %s --tpc-choose-layouts=machine=abacus 2>&1 | FileCheck %s --check-prefix=MACHINE
// RUN: tpc-opt %s --tpc-choose-layouts 2>&1 | FileCheck %s
// RUN: not tpc-opt %s --tpc-choose-layouts --tpc-propagate-layouts --tpc-pad-uneven 2>&1 | FileCheck %s --check-prefix=LATER
// INTERIOR: error: interior is cost, keep or drop, got 'some'
// PARAMETERS: error: parameters is cost, plan or alternative, got 'all'
// MODE: error: dp-mode is ddp, zero1, zero2 or fsdp, got 'zero3'
// MACHINE: error: unknown machine 'abacus'

tpc.mesh @mesh <["tp"=2]>

// No alternative of this region can be partitioned: it keeps what the plan says, and the passes that follow say why.
// CHECK-NOT: error
// CHECK: tpc.constrain %{{.*}} interior of "up"
// LATER: error: 'math.clampf' op has no sharding rule
func.func @unknown(%x: tensor<4x5xf32>, %w: tensor<3x5xf32> {tpc.param = #tpc.param<"w", shape = [3, 5], kind = linear, fan_in = 5>, tpc.layout = #tpc.layout<@mesh, [{"tp"}, {}]>}) -> tensor<4x3xf32> {
  %0 = tpc.contract %x, %w : [s, k], [n, k] -> [s, n] : (tensor<4x5xf32>, tensor<3x5xf32>) -> tensor<4x3xf32>
  %1 = tpc.constrain %0 to <@mesh, [{}, {}]> interior of "up" : tensor<4x3xf32>
  %2 = math.clampf %1 to [%1, %1] : tensor<4x3xf32>
  return %2 : tensor<4x3xf32>
}
