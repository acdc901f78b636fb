// RUN: tpc-opt %s --tpc-choose-layouts 2>%t.remarks | FileCheck %s
// RUN: FileCheck %s --check-prefix=REMARK < %t.remarks
// RUN: tpc-opt %s --tpc-choose-layouts --tpc-propagate-layouts --tpc-insert-reshards --tpc-expand-reshards --tpc-localize --tpc-verify-local -o %t.mlir 2>/dev/null
// RUN: tpc-interpret %t.mlir --against=%s
// RUN: tpc-opt %s --tpc-choose-layouts="interior=keep parameters=alternative" 2>/dev/null | FileCheck %s --check-prefix=FORCED
// RUN: tpc-opt %s --tpc-choose-layouts="interior=keep parameters=alternative" --tpc-propagate-layouts --tpc-insert-reshards --tpc-expand-reshards --tpc-localize --tpc-verify-local -o %t.forced.mlir 2>/dev/null
// RUN: tpc-interpret %t.forced.mlir --against=%s

tpc.mesh @mesh <["tp"=2]>

// The example of the pass: gathering 4x16 floats (a rank receives half: 128 bytes) and splitting them again costs more
// than leaving them split.
// CHECK-LABEL: @gathered(
// CHECK: tpc.constrain %arg0 to <@mesh, [{}, {}]> of "mlp"
// CHECK-NOT: interior
// CHECK: return
// REMARK: choose-layouts.mlir:[[#@LINE+11]]:{{.*}}: remark: 'mlp': the layouts asked for inside are dropped, which saves each rank 128 bytes per step; --plan-policy=strict keeps them
// FORCED-LABEL: @gathered(
// FORCED: tpc.constrain {{.*}} interior of "mlp.up"
// FORCED: tpc.constrain {{.*}} interior of "mlp.down"
func.func @gathered(%x: tensor<4x8xf32> {tpc.layout = #tpc.layout<@mesh, [{}, {}]>},
                    %u: tensor<16x8xf32> {tpc.param = #tpc.param<"up", shape = [16, 8], kind = linear, fan_in = 8>, tpc.layout = #tpc.layout<@mesh, [{"tp"}, {}]>},
                    %d: tensor<8x16xf32> {tpc.param = #tpc.param<"down", shape = [8, 16], kind = linear, fan_in = 16>, tpc.layout = #tpc.layout<@mesh, [{}, {"tp"}]>})
    -> (tensor<4x8xf32> {tpc.layout = #tpc.layout<@mesh, [{"tp"}, {}]>}) {
  %0 = tpc.constrain %x to <@mesh, [{}, {}]> of "mlp" : tensor<4x8xf32>
  %1 = tpc.use %u : tensor<16x8xf32>
  %2 = tpc.contract %0, %1 : [s, k], [f, k] -> [s, f] : (tensor<4x8xf32>, tensor<16x8xf32>) -> tensor<4x16xf32>
  %3 = tpc.constrain %2 to <@mesh, [{}, {}]> interior of "mlp.up" : tensor<4x16xf32>
  %4 = tpc.constrain %3 to <@mesh, [{}, {"tp"}]> interior of "mlp.down" : tensor<4x16xf32>
  %5 = tpc.use %d : tensor<8x16xf32>
  %6 = tpc.contract %4, %5 : [s, f], [k, f] -> [s, k] : (tensor<4x16xf32>, tensor<8x16xf32>) -> tensor<4x8xf32>
  %7 = tpc.constrain %6 to <@mesh, [{"tp"}, {}]> of "mlp.down" : tensor<4x8xf32>
  return %7 : tensor<4x8xf32>
}

// Nothing is saved: the requests stay, and nothing is said.
// CHECK-LABEL: @as_it_lies(
// CHECK: tpc.constrain {{.*}} to <@mesh, [{}, {"tp"}]> interior of "other.up"
func.func @as_it_lies(%x: tensor<4x8xf32> {tpc.layout = #tpc.layout<@mesh, [{}, {}]>},
                      %u: tensor<16x8xf32> {tpc.param = #tpc.param<"other.up", shape = [16, 8], kind = linear, fan_in = 8>, tpc.layout = #tpc.layout<@mesh, [{"tp"}, {}]>})
    -> (tensor<4x16xf32> {tpc.layout = #tpc.layout<@mesh, [{}, {"tp"}]>}) {
  %0 = tpc.constrain %x to <@mesh, [{}, {}]> of "other" : tensor<4x8xf32>
  %1 = tpc.use %u : tensor<16x8xf32>
  %2 = tpc.contract %0, %1 : [s, k], [f, k] -> [s, f] : (tensor<4x8xf32>, tensor<16x8xf32>) -> tensor<4x16xf32>
  %3 = tpc.constrain %2 to <@mesh, [{}, {"tp"}]> interior of "other.up" : tensor<4x16xf32>
  return %3 : tensor<4x16xf32>
}

// The result is asked for whole. With the parameter split it is gathered: a rank receives half of 4x4 floats. With the
// alternative every rank computes all of it: nothing is received in a program without backward.
// CHECK-LABEL: @parameter(
// CHECK-SAME: tensor<4x8xf32> {tpc.layout = #tpc.layout<@mesh, [{}, {}]>, tpc.param
// CHECK-NOT: tpc.alternative
// REMARK: remark: Replicate, not Shard(0) on tp: 'k.weight', where each rank receives 0 bytes and computes 256 operations per step, otherwise it receives 32 bytes and computes 128 operations per step
// REMARK-NOT: remark
// FORCED-LABEL: @parameter(
// FORCED-SAME: tensor<4x8xf32> {tpc.layout = #tpc.layout<@mesh, [{}, {}]>, tpc.param
func.func @parameter(%x: tensor<4x8xf32> {tpc.layout = #tpc.layout<@mesh, [{}, {}]>},
                     %w: tensor<4x8xf32> {tpc.param = #tpc.param<"k.weight", shape = [4, 8], kind = linear, fan_in = 8>, tpc.layout = #tpc.layout<@mesh, [{"tp"}, {}]>, tpc.alternative = #tpc.layout<@mesh, [{}, {}]>})
    -> (tensor<4x4xf32> {tpc.layout = #tpc.layout<@mesh, [{}, {}]>}) {
  %0 = tpc.use %w : tensor<4x8xf32>
  %1 = tpc.contract %x, %0 : [s, k], [n, k] -> [s, n] : (tensor<4x8xf32>, tensor<4x8xf32>) -> tensor<4x4xf32>
  %2 = tpc.constrain %1 to <@mesh, [{}, {}]> of "k" : tensor<4x4xf32>
  return %2 : tensor<4x4xf32>
}
