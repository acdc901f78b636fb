// RUN: tpc-interpret %s | FileCheck %s
// Four ranks (dp, tp) = (0,0) (0,1) (1,0) (1,1); the argument is cut over both axes: rank r holds part r.

tpc.mesh @mesh <["dp"=2, "tp"=2]>

// Joining shards gives the whole back, axis by axis or at once.
// CHECK-LABEL: @whole result 0 [4]
// CHECK-NEXT: [[WHOLE:.+]]
// CHECK-LABEL: @gather result 0 [4]
// CHECK-NEXT: [[WHOLE]]
// CHECK-LABEL: @gather result 1 [4]
// CHECK-NEXT: [[WHOLE]]
func.func @whole(%x: tensor<4xf32>) -> tensor<4xf32> {
  return %x : tensor<4xf32>
}
func.func @gather(%x: tensor<1xf32> {tpc.global = #tpc.global<[4], <@mesh, [{"dp", "tp"}]>>}) -> (tensor<4xf32> {tpc.global = #tpc.global<[4], <@mesh, [{}]>>}, tensor<4xf32> {tpc.global = #tpc.global<[4], <@mesh, [{}]>>}) {
  %0 = tpc.all_gather %x dim 0 over @mesh ["tp"] : tensor<1xf32> -> tensor<2xf32>
  %1 = tpc.all_gather %0 dim 0 over @mesh ["dp"] : tensor<2xf32> -> tensor<4xf32>
  %2 = tpc.all_gather %x dim 0 over @mesh ["dp", "tp"] : tensor<1xf32> -> tensor<4xf32>
  return %1, %2 : tensor<4xf32>, tensor<4xf32>
}

// Ones summed over four ranks, over one axis, over half of none.
// CHECK-LABEL: @reduce result 0 [2]
// CHECK-NEXT: 4 4
// CHECK-LABEL: @reduce result 1 [2]
// CHECK-NEXT: 2 2
// CHECK-LABEL: @reduce result 2 [2]
// CHECK-NEXT: 2 2
func.func @reduce() -> (tensor<2xf32> {tpc.global = #tpc.global<[2], <@mesh, [{}]>>}, tensor<2xf32> {tpc.global = #tpc.global<[2], <@mesh, [{}]>>}, tensor<1xf32> {tpc.global = #tpc.global<[2], <@mesh, [{"tp"}]>>}) {
  %x = arith.constant dense<1.0> : tensor<2xf32>
  %0 = tpc.all_reduce sum %x over @mesh ["dp", "tp"] : tensor<2xf32>
  %1 = tpc.all_reduce sum %x over @mesh ["dp"] : tensor<2xf32>
  %2 = tpc.reduce_scatter sum %x dim 0 over @mesh ["tp"] : tensor<2xf32> -> tensor<1xf32>
  return %0, %1, %2 : tensor<2xf32>, tensor<2xf32>, tensor<1xf32>
}

// all_to_all moves the split from columns to rows and keeps the value; slicing a whole value too.
// CHECK-LABEL: @exchange result 0 [2, 2]
// CHECK-NEXT: 1 2
// CHECK-NEXT: 3 4
// CHECK-LABEL: @exchange result 1 [2, 2]
// CHECK-NEXT: 2 1
// CHECK-NEXT: 4 3
func.func @exchange() -> (tensor<1x2xf32> {tpc.global = #tpc.global<[2, 2], <@mesh, [{"tp"}, {}]>>}, tensor<2x1xf32> {tpc.global = #tpc.global<[2, 2], <@mesh, [{}, {"tp"}]>>}) {
  %x = arith.constant dense<[[1.0, 2.0], [3.0, 4.0]]> : tensor<2x2xf32>
  %columns = tpc.shard_slice %x dim 1 over @mesh ["tp"] : tensor<2x2xf32> -> tensor<2x1xf32>
  %0 = tpc.all_to_all %columns split 0 concat 1 over @mesh ["tp"] : tensor<2x1xf32> -> tensor<1x2xf32>
  %1 = tpc.permute %columns pairs [0, 1, 1, 0] over @mesh ["tp"] : tensor<2x1xf32>
  return %0, %1 : tensor<1x2xf32>, tensor<2x1xf32>
}

// A started collective delivers at its wait what the synchronous one does.
// CHECK-LABEL: @started result 0 [4]
// CHECK-NEXT: [[WHOLE]]
// CHECK-LABEL: @started result 1 [1]
// CHECK-NEXT: 4
// CHECK-LABEL: @started result 2 []
// CHECK-NEXT: 8
func.func @started(%x: tensor<1xf32> {tpc.global = #tpc.global<[4], <@mesh, [{"dp", "tp"}]>>})
    -> (tensor<4xf32> {tpc.global = #tpc.global<[4], <@mesh, [{}]>>}, tensor<1xf32> {tpc.global = #tpc.global<[1], <@mesh, [{}]>>},
        tensor<f32> {tpc.global = #tpc.global<[], <@mesh, []>>}) {
  %one = arith.constant dense<1.0> : tensor<1xf32>
  %two = arith.constant dense<2.0> : tensor<f32>
  %p = tpc.all_gather %x dim 0 over @mesh ["dp", "tp"] : tensor<1xf32> -> !tpc.pending<tensor<4xf32>>
  %q = tpc.all_reduce sum %one, %two over @mesh ["dp", "tp"] : tensor<1xf32>, tensor<f32> -> !tpc.pending<tensor<1xf32>, tensor<f32>>
  %1:2 = tpc.wait %q : !tpc.pending<tensor<1xf32>, tensor<f32>>
  %0 = tpc.wait %p : !tpc.pending<tensor<4xf32>>
  return %0, %1#0, %1#1 : tensor<4xf32>, tensor<1xf32>, tensor<f32>
}
