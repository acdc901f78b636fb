// RUN: tpc-opt %s --tpc-simplify-collectives --tpc-combine-collectives --mlir-print-debuginfo --mlir-print-local-scope | FileCheck %s
// What replaces collectives keeps the reasons of all of them.

tpc.mesh @mesh <["tp"=2]>

// CHECK-LABEL: @scatter(
// CHECK: tpc.reduce_scatter {{.*}} loc(fused["b", "plan.yaml":2:5, "a", "plan.yaml":1:5])
func.func @scatter(%x: tensor<4xf32>) -> tensor<2xf32> {
  %0 = tpc.all_reduce sum %x over @mesh ["tp"] : tensor<4xf32> loc(fused["a", "plan.yaml":1:5])
  %1 = tpc.shard_slice %0 dim 0 over @mesh ["tp"] : tensor<4xf32> -> tensor<2xf32> loc(fused["b", "plan.yaml":2:5])
  return %1 : tensor<2xf32>
}

// CHECK-LABEL: @equal(
// CHECK: tpc.all_gather {{.*}} loc(fused<"combined">["a", "b"])
func.func @equal(%x: tensor<2xf32>) -> (tensor<4xf32>, tensor<4xf32>) {
  %0 = tpc.all_gather %x dim 0 over @mesh ["tp"] : tensor<2xf32> -> tensor<4xf32> loc("a")
  %1 = tpc.all_gather %x dim 0 over @mesh ["tp"] : tensor<2xf32> -> tensor<4xf32> loc("b")
  return %0, %1 : tensor<4xf32>, tensor<4xf32>
}

// CHECK-LABEL: @sum(
// CHECK: tpc.all_reduce {{.*}} loc(fused<"combined">["a", "b"])
func.func @sum(%x: tensor<4xf32>, %y: tensor<4xf32>) -> tensor<4xf32> {
  %0 = tpc.all_reduce sum %x over @mesh ["tp"] : tensor<4xf32> loc("a")
  %1 = tpc.all_reduce sum %y over @mesh ["tp"] : tensor<4xf32> loc("b")
  %2 = arith.addf %0, %1 : tensor<4xf32>
  return %2 : tensor<4xf32>
}

// Members stay apart, so that each keeps its chain.
// CHECK-LABEL: @travel_together(
// CHECK: tpc.all_reduce {{.*}} loc(fused<"combined">[fused["a", "plan.yaml":1:5], fused["b", "plan.yaml":2:5], "c"])
func.func @travel_together(%x: tensor<4xf32>, %y: tensor<2xf32>, %z: tensor<f32>) -> (tensor<4xf32>, tensor<2xf32>, tensor<f32>) {
  %0 = tpc.all_reduce sum %x over @mesh ["tp"] : tensor<4xf32> loc(fused["a", "plan.yaml":1:5])
  %1 = tpc.all_reduce sum %y over @mesh ["tp"] : tensor<2xf32> loc(fused["b", "plan.yaml":2:5])
  %2 = tpc.all_reduce sum %z over @mesh ["tp"] : tensor<f32> loc("c")
  return %0, %1, %2 : tensor<4xf32>, tensor<2xf32>, tensor<f32>
}
