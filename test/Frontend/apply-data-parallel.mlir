// What each mode does to a training step: layouts of arguments and results, reshards where gradients and new
// parameters are made, and the second use in backward.
// RUN: tpc-opt %s --tpc-differentiate --tpc-append-optimizer -o %t.mlir
// RUN: tpc-opt %t.mlir --tpc-apply-data-parallel=mode=fsdp 2>%t.remarks | FileCheck %s --check-prefix=FSDP
// RUN: count 0 < %t.remarks
// RUN: sed -e s/dp\"=2/dp\"=8/ %t.mlir | tpc-opt --tpc-apply-data-parallel=mode=fsdp -o /dev/null 2>&1 | FileCheck %s --check-prefix=REMARK --implicit-check-not=remark:
// RUN: tpc-opt %t.mlir --tpc-apply-data-parallel="mode=fsdp reshard-after-forward=false" | FileCheck %s --check-prefix=KEEP
// RUN: tpc-opt %t.mlir --tpc-apply-data-parallel=mode=zero1 -o %t.zero1.mlir
// RUN: FileCheck %s --check-prefix=ZERO < %t.zero1.mlir
// RUN: tpc-opt %t.mlir --tpc-apply-data-parallel=mode=zero2 | sed -e s/zero2/zero1/ | diff %t.zero1.mlir -
// RUN: tpc-opt %t.mlir --tpc-apply-data-parallel | FileCheck %s --check-prefix=DDP

// Eight ranks have no element each of 4 rows and 6 columns, nor of the bias.
// REMARK: remark: 'head' is whole on every rank of dp=8, as none of its dimensions has so many elements: 96 bytes
// REMARK: remark: 'bias' is whole on every rank of dp=8, as none of its dimensions has so many elements: 12 bytes
tpc.mesh @mesh <["dp"=2, "tp"=2]>

// Dimension 0 of the weight is split over tp down to 3 rows, which dp=2 does not divide: dp takes dimension 1. The
// head's dimension 0 has 4 rows under tp: dp is the minor axis there. The bias is odd, and will be padded.
// FSDP-LABEL: func.func @loss(
// FSDP-SAME: %[[W:[a-z0-9]+]]: tensor<6x8xf32> {tpc.layout = #tpc.layout<@mesh, [{"tp"}, {"dp"}]>, tpc.param = #tpc.param<"weight"
// FSDP-SAME: %[[H:[a-z0-9]+]]: tensor<8x6xf32> {tpc.layout = #tpc.layout<@mesh, [{"tp", "dp"}, {}]>, tpc.param = #tpc.param<"head"
// FSDP-SAME: tensor<3xf32> {tpc.layout = #tpc.layout<@mesh, [{"dp"}]>, tpc.param = #tpc.param<"bias"
// FSDP: tpc.use %[[W]] {tpc.layouts = [#tpc.layout<@mesh, [{"tp"}, {}]>]}
// FSDP: tpc.use %[[H]] {tpc.layouts = [#tpc.layout<@mesh, [{"tp"}, {}]>]}
// FSDP-NOT: tpc.barrier

// FSDP-LABEL: func.func @step(
// FSDP-SAME: %[[W:[a-z0-9]+]]: tensor<6x8xf32> {tpc.layout = #tpc.layout<@mesh, [{"tp"}, {"dp"}]>, tpc.param = #tpc.param<"weight"
// FSDP-SAME: %[[H:[a-z0-9]+]]: tensor<8x6xf32> {tpc.layout = #tpc.layout<@mesh, [{"tp", "dp"}, {}]>, tpc.param = #tpc.param<"head"
// FSDP-SAME: tensor<6x8xf32> {tpc.layout = #tpc.layout<@mesh, [{"tp"}, {"dp"}]>, tpc.param = {{.*}}, tpc.state = "exp_avg"}
// FSDP-SAME: tensor<8x6xf32> {tpc.layout = #tpc.layout<@mesh, [{"tp", "dp"}, {}]>, tpc.param = {{.*}}, tpc.state = "exp_avg_sq"}
// FSDP-SAME: tensor<6x8xf32> {tpc.alias = {{[0-9]+}} : i64, tpc.layout = #tpc.layout<@mesh, [{"tp"}, {"dp"}]>}
// FSDP-SAME: tensor<6x8xf32> {tpc.gradient = "weight", tpc.layout = #tpc.layout<@mesh, [{"tp"}, {"dp"}]>}
// FSDP: tpc.use %[[W]] {tpc.layouts = [#tpc.layout<@mesh, [{"tp"}, {}]>]}
// The loss needs the head again in backward: its cotangent goes through it to the weight.
// FSDP: %[[B:.*]] = tpc.barrier %[[H]] {tpc.backward}
// FSDP: %[[U:.*]] = tpc.use %[[B]] {tpc.backward, tpc.layouts = [#tpc.layout<@mesh, [{"tp"}, {}]>]}
// FSDP: tpc.contract %{{.*}}, %[[U]]
// FSDP: %[[G:.*]] = tpc.contract {{.*}} [m, n] {tpc.backward}
// FSDP: %[[GS:.*]] = tpc.reshard %[[G]] to <@mesh, [{"tp", "dp"}, {}]> {tpc.backward}
// FSDP: tpc.sum_squares
// FSDP: tpc.sum_squares %[[GS]]
// FSDP: tpc.adamw %[[H]], %[[GS]]
// What already lies where it is stored needs no reshard.
// FSDP-NOT: tpc.reshard

// FSDP-LABEL: func.func @init(
// FSDP-SAME: tensor<8x6xf32> {tpc.layout = #tpc.layout<@mesh, [{"tp", "dp"}, {}]>, tpc.param = #tpc.param<"head"

// KEEP-LABEL: func.func @step(
// KEEP-NOT: tpc.barrier
// KEEP: tpc.reshard {{.*}} {tpc.backward}

// ZERO-LABEL: func.func @step(
// ZERO-SAME: %[[W:[a-z0-9]+]]: tensor<6x8xf32> {tpc.layout = #tpc.layout<@mesh, [{"tp"}, {}]>, tpc.param = #tpc.param<"weight"
// ZERO-SAME: tensor<6x8xf32> {tpc.layout = #tpc.layout<@mesh, [{"tp"}, {"dp"}]>, tpc.param = {{.*}}, tpc.state = "exp_avg"}
// ZERO-SAME: tensor<6x8xf32> {tpc.alias = {{[0-9]+}} : i64, tpc.layout = #tpc.layout<@mesh, [{"tp"}, {}]>}
// ZERO-SAME: tensor<6x8xf32> {tpc.gradient = "weight", tpc.layout = #tpc.layout<@mesh, [{"tp"}, {"dp"}]>}
// ZERO-NOT: tpc.barrier
// ZERO: tpc.reshard {{.*}} to <@mesh, [{"tp", "dp"}, {}]> {tpc.backward}
// ZERO: %[[NEW:[a-z_]+]], %{{.*}}, %{{.*}} = tpc.adamw %[[W]]
// ZERO-NEXT: tpc.reshard %[[NEW]] to <@mesh, [{"tp"}, {}]> {tpc.update}

// DDP-LABEL: func.func @step(
// DDP-SAME: tensor<6x8xf32> {tpc.layout = #tpc.layout<@mesh, [{"tp"}, {}]>, tpc.param = {{.*}}, tpc.state = "exp_avg"}
// DDP-COUNT-2: tpc.reshard {{.*}} to <@mesh, [{"tp"}, {}]> {tpc.backward}
// DDP-NOT: tpc.reshard
func.func @loss(%x: tensor<4x8xf32> {tpc.input = "x"},
                %w: tensor<6x8xf32> {tpc.layout = #tpc.layout<@mesh, [{"tp"}, {}]>, tpc.param = #tpc.param<"weight", shape = [6, 8], kind = linear, fan_in = 8>},
                %h: tensor<8x6xf32> {tpc.layout = #tpc.layout<@mesh, [{"tp"}, {}]>, tpc.param = #tpc.param<"head", shape = [8, 6], kind = linear, fan_in = 6>},
                %b: tensor<3xf32> {tpc.param = #tpc.param<"bias", shape = [3], kind = bias, fan_in = 8>})
    -> (tensor<f32> {tpc.output = "loss"}) {
  %0 = tpc.use %w : tensor<6x8xf32>
  %1 = tpc.contract %x, %0 : [b, k], [n, k] -> [b, n] : (tensor<4x8xf32>, tensor<6x8xf32>) -> tensor<4x6xf32>
  %2 = tpc.use %h : tensor<8x6xf32>
  %3 = tpc.contract %1, %2 : [b, n], [m, n] -> [b, m] : (tensor<4x6xf32>, tensor<8x6xf32>) -> tensor<4x8xf32>
  %4 = tpc.reduce sum %3 dims [0, 1] : tensor<4x8xf32> -> tensor<f32>
  %5 = tpc.use %b : tensor<3xf32>
  %6 = arith.mulf %5, %5 : tensor<3xf32>
  %7 = tpc.reduce sum %6 dims [0] : tensor<3xf32> -> tensor<f32>
  %8 = arith.addf %4, %7 : tensor<f32>
  return %8 : tensor<f32>
}
