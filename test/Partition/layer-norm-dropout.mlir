// A block with layer norms and dropout, differentiated and partitioned, computes on four ranks what it does on one:
// the mask is that of the whole value however rows and columns are split.
// RUN: tpc-opt %s --tpc-differentiate -o %t.step.mlir
// RUN: tpc-interpret %t.step.mlir --check-gradients --inputs=random | FileCheck %s --check-prefix=GRADIENTS
// GRADIENTS: norm.weight: gradient
// GRADIENTS: norm.bias: gradient
// GRADIENTS: up.weight: gradient

// DEFINE: %{partition} = tpc-opt --tpc-propagate-layouts --tpc-insert-reshards --tpc-expand-reshards --tpc-localize --tpc-verify-local
// RUN: %{partition} %t.step.mlir -o %t.local.mlir
// RUN: FileCheck %s < %t.local.mlir
// RUN: tpc-interpret %t.local.mlir --against %t.step.mlir --inputs=random --tolerance=1e-12
// RUN: sed 's/"dp"=2, "tp"=2/"dp"=1, "tp"=4/' %t.step.mlir > %t.columns.mlir
// RUN: %{partition} %t.columns.mlir | tpc-interpret --against %t.step.mlir --inputs=random --tolerance=1e-12
// RUN: sed 's/"dp"=2, "tp"=2/"dp"=4, "tp"=1/' %t.step.mlir > %t.rows.mlir
// RUN: %{partition} %t.rows.mlir | tpc-interpret --against %t.step.mlir --inputs=random --tolerance=1e-12
// RUN: tpc-opt %t.local.mlir --tpc-form-kernels | tpc-interpret --against %t.step.mlir --inputs=random --tolerance=1e-6

tpc.mesh @mesh <["dp"=2, "tp"=2]>

// CHECK-LABEL: func.func @step(
// CHECK: tpc.layer_norm %{{.*}} : tensor<2x4x8xf32>, tensor<8xf32>
// CHECK: tpc.dropout %{{.*}} probability 2.500000e-01 stream "mlp" global [4, 4, 16] offsets(%{{.*}}) : tensor<2x4x8xf32>, tensor<i64>
// CHECK: tpc.dropout %{{.*}} {tpc.backward} : tensor<2x4x8xf32>, tensor<i64>
// CHECK: tpc.layer_norm_grad %{{.*}} : tensor<2x4x8xf32>, tensor<8xf32>
func.func @loss(%x: tensor<4x4x8xf32> {tpc.input = "x", tpc.layout = #tpc.layout<@mesh, [{"dp"}, {}, {}]>},
                %seed: tensor<i64> {tpc.input = "seed"},
                %weight: tensor<8xf32> {tpc.param = #tpc.param<"norm.weight", shape = [8], kind = norm, fan_in = 8>},
                %bias: tensor<8xf32> {tpc.param = #tpc.param<"norm.bias", shape = [8], kind = bias, fan_in = 8>},
                %up: tensor<16x8xf32> {tpc.param = #tpc.param<"up.weight", shape = [16, 8], kind = linear, fan_in = 8>,
                                       tpc.layout = #tpc.layout<@mesh, [{"tp"}, {}]>})
    -> (tensor<f32> {tpc.output = "loss"}) {
  %w = tpc.use %weight : tensor<8xf32>
  %b = tpc.use %bias : tensor<8xf32>
  %u = tpc.use %up : tensor<16x8xf32>
  %0 = tpc.layer_norm %x, %w, %b eps 1.0e-5 : tensor<4x4x8xf32>, tensor<8xf32>
  %1 = tpc.contract %0, %u : [b, s, k], [n, k] -> [b, s, n] : (tensor<4x4x8xf32>, tensor<16x8xf32>) -> tensor<4x4x16xf32>
  %2 = tpc.dropout %1 seed(%seed) probability 0.25 stream "mlp" global [4, 4, 16] : tensor<4x4x16xf32>, tensor<i64>
  %3 = arith.mulf %2, %2 : tensor<4x4x16xf32>
  %4 = tpc.reduce sum %3 dims [0, 1, 2] : tensor<4x4x16xf32> -> tensor<f32>
  return %4 : tensor<f32>
}
