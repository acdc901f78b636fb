// What a choice costs depends on where parameters are stored: a gather of activations against more of a parameter on every
// rank, which data-parallel ranks sum the gradient of, and gather where they share it out.
// DEFINE: %{options} = dp-mode=ddp
// DEFINE: %{choose} = tpc-opt %s --tpc-choose-layouts="%{options}" -o %t.mlir 2>%t.remarks
// DEFINE: %{interpret} = tpc-opt %t.mlir --tpc-propagate-layouts --tpc-insert-reshards --tpc-expand-reshards --tpc-localize --tpc-verify-local -o %t.local.mlir && tpc-interpret %t.local.mlir --against=%s

// RUN: %{choose} && FileCheck %s --check-prefix=WHOLE < %t.mlir && FileCheck %s --check-prefix=WHOLE-REMARK < %t.remarks
// RUN: %{interpret}
// REDEFINE: %{options} = dp-mode=zero1
// RUN: %{choose} && FileCheck %s --check-prefix=WHOLE < %t.mlir && FileCheck %s --check-prefix=WHOLE-REMARK < %t.remarks
// RUN: %{interpret}
// REDEFINE: %{options} = dp-mode=zero2
// RUN: %{choose} && FileCheck %s --check-prefix=WHOLE < %t.mlir && FileCheck %s --check-prefix=WHOLE-REMARK < %t.remarks
// RUN: %{interpret}
// REDEFINE: %{options} = dp-mode=fsdp reshard-after-forward=false
// RUN: %{choose} && FileCheck %s --check-prefix=WHOLE < %t.mlir && FileCheck %s --check-prefix=WHOLE-REMARK < %t.remarks
// RUN: %{interpret}
// REDEFINE: %{options} = dp-mode=fsdp
// RUN: %{choose} && FileCheck %s --check-prefix=SPLIT < %t.mlir && FileCheck %s --check-prefix=SPLIT-REMARK < %t.remarks
// RUN: %{interpret}

tpc.mesh @mesh <["dp"=2, "tp"=2]>

// If the parameter is split, half of the result's 3x4 floats on a rank are received over tp, 24 bytes, and half of the 3x8 in
// the sum that makes the operand's derivative, 48. The parameter has 4x8 floats, 128 bytes, 64 if it is split.
//   ddp   once as many are received in the sum over dp (a ring: twice a half):     64 + 72 = 136 or 128
//   zero  half in a scatter of gradients, half in the gather of what was updated:  as many
//   fsdp  half in a scatter, half in the gather of a parameter:                    as many, where it is kept,
//         and half in a second gather for backward:                                96 + 72 = 168 or 192
// WHOLE-LABEL: @step(
// WHOLE-SAME: tensor<4x8xf32> {tpc.layout = #tpc.layout<@mesh, [{}, {}]>, tpc.param
// WHOLE-REMARK: remark: Replicate, not Shard(0) on tp: 'w', where each rank receives 128 bytes and {{.*}}, otherwise it receives 136 bytes
// SPLIT-LABEL: @step(
// SPLIT-SAME: tensor<4x8xf32> {tpc.layout = #tpc.layout<@mesh, [{"tp"}, {}]>, tpc.param
// SPLIT-REMARK: remark: Shard(0) on tp, not Replicate: 'w', where each rank receives 168 bytes and {{.*}}, otherwise it receives 192 bytes
func.func @step(%x: tensor<6x8xf32> {tpc.layout = #tpc.layout<@mesh, [{"dp"}, {}]>},
                %d: tensor<6x4xf32> {tpc.layout = #tpc.layout<@mesh, [{"dp"}, {}]>},
                %w: tensor<4x8xf32> {tpc.param = #tpc.param<"w", shape = [4, 8], kind = linear, fan_in = 8>, tpc.layout = #tpc.layout<@mesh, [{"tp"}, {}]>, tpc.alternative = #tpc.layout<@mesh, [{}, {}]>})
    -> (tensor<6x4xf32> {tpc.layout = #tpc.layout<@mesh, [{"dp"}, {}]>}, tensor<6x8xf32> {tpc.layout = #tpc.layout<@mesh, [{"dp"}, {"tp"}]>}, tensor<4x8xf32> {tpc.gradient = "w"}) {
  %0 = tpc.use %w : tensor<4x8xf32>
  %1 = tpc.contract %x, %0 : [b, k], [n, k] -> [b, n] : (tensor<6x8xf32>, tensor<4x8xf32>) -> tensor<6x4xf32>
  %2 = tpc.constrain %1 to <@mesh, [{"dp"}, {}]> of "k" : tensor<6x4xf32>
  %g = arith.mulf %d, %1 {tpc.backward} : tensor<6x4xf32>
  %dx = tpc.contract %g, %0 : [b, n], [n, k] -> [b, k] {tpc.backward} : (tensor<6x4xf32>, tensor<4x8xf32>) -> tensor<6x8xf32>
  %dy = tpc.constrain %dx to <@mesh, [{"dp"}, {"tp"}]> of "x" {tpc.backward} : tensor<6x8xf32>
  %dw = tpc.contract %g, %x : [b, n], [b, k] -> [n, k] {tpc.backward} : (tensor<6x4xf32>, tensor<6x8xf32>) -> tensor<4x8xf32>
  return %2, %dy, %dw : tensor<6x4xf32>, tensor<6x8xf32>, tensor<4x8xf32>
}
