// A parameter that is computed with in bf16 is rounded where it is stored, so that half the bytes are gathered: over the
// data-parallel axis forth and back, and nothing of f32 but the gradient, whose sum over ranks is not rounded.
// RUN: tpc-opt %s --tpc-differentiate --tpc-append-optimizer -o %t.global.mlir
// RUN: tpc-opt %t.global.mlir --tpc-apply-data-parallel=mode=fsdp --tpc-propagate-layouts --tpc-insert-reshards --tpc-expand-reshards --tpc-localize --tpc-verify-local -o %t.mlir
// RUN: FileCheck %s < %t.mlir
// RUN: tpc-interpret %t.mlir --against=%t.global.mlir

tpc.mesh @mesh <["dp"=2, "tp"=2]>

// CHECK-LABEL: func.func @step(
// CHECK-SAME: %[[W:[a-z0-9]+]]: tensor<2x8xf32> {tpc.global = {{[^%]*}} tpc.param = #tpc.param<"weight", shape = [8, 8], kind = linear, fan_in = 8>},
// CHECK: %[[NARROW:.*]] = arith.truncf %[[W]] : tensor<2x8xf32> to tensor<2x8xbf16>
// CHECK: tpc.all_gather %[[NARROW]] dim 0 over @mesh ["dp"] : tensor<2x8xbf16> -> tensor<4x8xbf16>
// CHECK: tpc.contract {{.*}} -> tensor<2x4xbf16>
// CHECK: %[[AGAIN:.*]] = tpc.barrier %[[NARROW]] {tpc.backward} : tensor<2x8xbf16>
// CHECK: tpc.all_gather %[[AGAIN]] dim 0 over @mesh ["dp"] {{.*}} : tensor<2x8xbf16> -> tensor<4x8xbf16>
// The summands of d_x are on the ranks of tp.
// CHECK: tpc.contract {{.*}} : [b, n], [n, k] -> [b, k] {{.*}} -> tensor<2x8xbf16>
// CHECK: %[[G:.*]] = tpc.contract {{.*}} : [b, n], [b, k] -> [n, k] {{.*}} -> tensor<4x8xf32>
// CHECK: tpc.reduce_scatter sum %[[G]] dim 0 over @mesh ["dp"] {{.*}} : tensor<4x8xf32> -> tensor<2x8xf32>
// CHECK: tpc.adamw {{.*}} : tensor<2x8xf32>
func.func @loss(%x: tensor<4x8xf32> {tpc.input = "x", tpc.layout = #tpc.layout<@mesh, [{"dp"}, {}]>},
                %v: tensor<8xf32> {tpc.param = #tpc.param<"norm", shape = [8], kind = norm, fan_in = 8>},
                %t: tensor<4x8xf32> {tpc.input = "t", tpc.layout = #tpc.layout<@mesh, [{"dp"}, {}]>},
                %w: tensor<8x8xf32> {tpc.param = #tpc.param<"weight", shape = [8, 8], kind = linear, fan_in = 8>, tpc.layout = #tpc.layout<@mesh, [{"tp"}, {}]>})
    -> (tensor<f32> {tpc.output = "loss"}) {
  %0 = tpc.use %v : tensor<8xf32>
  %1 = tpc.broadcast %0 dims [1] : tensor<8xf32> -> tensor<4x8xf32>
  %2 = arith.mulf %x, %1 : tensor<4x8xf32>
  %3 = arith.truncf %2 : tensor<4x8xf32> to tensor<4x8xbf16>
  %4 = arith.truncf %w : tensor<8x8xf32> to tensor<8x8xbf16>
  %5 = tpc.use %4 : tensor<8x8xbf16>
  %6 = tpc.contract %3, %5 : [b, k], [n, k] -> [b, n] : (tensor<4x8xbf16>, tensor<8x8xbf16>) -> tensor<4x8xbf16>
  %7 = arith.extf %6 : tensor<4x8xbf16> to tensor<4x8xf32>
  %8 = arith.mulf %7, %t : tensor<4x8xf32>
  %9 = tpc.reduce sum %8 dims [0, 1] : tensor<4x8xf32> -> tensor<f32>
  return %9 : tensor<f32>
}
