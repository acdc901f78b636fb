// Two linear layers with their gradients: all values are exact, so that every mode and mesh must agree bit by bit.
// DEFINE: %{mode} = fsdp
// DEFINE: %{run} = tpc-opt %t.global.mlir --tpc-apply-data-parallel=mode=%{mode} --tpc-propagate-layouts --tpc-insert-reshards --tpc-expand-reshards --tpc-localize --tpc-simplify-collectives --tpc-combine-collectives -o %t.mlir && tpc-interpret %t.mlir --against %t.global.mlir --inputs=quarters
// RUN: tpc-opt %s --tpc-differentiate -o %t.global.mlir
// RUN: %{run} | FileCheck %s
// REDEFINE: %{mode} = zero2
// RUN: %{run} | FileCheck %s
// REDEFINE: %{mode} = ddp
// RUN: %{run} | FileCheck %s
// RUN: sed -e 's/"dp"=2/"replica"=2, "shard"=2/; s/{"dp"}/{"replica", "shard"}/' %t.global.mlir > %t.hsdp.mlir && mv %t.hsdp.mlir %t.global.mlir
// RUN: %{run} | FileCheck %s
// REDEFINE: %{mode} = fsdp
// RUN: %{run} | FileCheck %s
// CHECK: @step: 3 results agree

tpc.mesh @mesh <["dp"=2, "tp"=2]>
func.func @loss(%x: tensor<4x8xf32> {tpc.input = "x", tpc.layout = #tpc.layout<@mesh, [{"dp"}, {}]>},
                %w: tensor<6x8xf32> {tpc.layout = #tpc.layout<@mesh, [{"tp"}, {}]>, tpc.param = #tpc.param<"up", shape = [6, 8], kind = linear, fan_in = 8>},
                %h: tensor<8x6xf32> {tpc.layout = #tpc.layout<@mesh, [{}, {"tp"}]>, tpc.param = #tpc.param<"down", shape = [8, 6], kind = linear, fan_in = 6>})
    -> (tensor<f32> {tpc.output = "loss"}) {
  %0 = tpc.use %w : tensor<6x8xf32>
  %1 = tpc.contract %x, %0 : [b, k], [n, k] -> [b, n] : (tensor<4x8xf32>, tensor<6x8xf32>) -> tensor<4x6xf32>
  %2 = tpc.use %h : tensor<8x6xf32>
  %3 = tpc.contract %1, %2 : [b, n], [m, n] -> [b, m] : (tensor<4x6xf32>, tensor<8x6xf32>) -> tensor<4x8xf32>
  %4 = tpc.reduce sum %3 dims [0, 1] : tensor<4x8xf32> -> tensor<f32>
  return %4 : tensor<f32>
}
