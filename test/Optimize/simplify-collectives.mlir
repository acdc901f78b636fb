// RUN: tpc-opt %s --tpc-simplify-collectives | FileCheck %s
// RUN: tpc-opt %s --tpc-simplify-collectives | tpc-interpret --against %s
// One function per row of the pass' table; the second line runs them on eight ranks before and after. Inputs are multiples
// of 1/4, so that sums are exact in any order.

tpc.mesh @mesh <["dp"=2, "tp"=4]>

!rows = tensor<2x8xf32>
!all = tensor<8x8xf32>
!columns = tensor<8x2xf32>

// CHECK-LABEL: func.func @equal(
// CHECK: %[[G:.*]] = tpc.all_gather
// CHECK-NOT: tpc.all_gather
// CHECK: arith.addf %[[G]], %[[G]]
func.func @equal(%x: !rows {tpc.global = #tpc.global<[8, 8], <@mesh, [{"tp"}, {}]>>}) -> (!all {tpc.global = #tpc.global<[8, 8], <@mesh, [{}, {}]>>}) {
  %0 = tpc.all_gather %x dim 0 over @mesh ["tp"] : !rows -> !all
  %1 = tpc.all_gather %x dim 0 over @mesh ["tp"] {tpc.backward} : !rows -> !all
  %2 = arith.addf %0, %1 : !all
  return %2 : !all
}

// A barrier keeps a second gather apart.
// CHECK-LABEL: func.func @barrier(
// CHECK-COUNT-2: tpc.all_gather
func.func @barrier(%x: !rows {tpc.global = #tpc.global<[8, 8], <@mesh, [{"tp"}, {}]>>}) -> (!all {tpc.global = #tpc.global<[8, 8], <@mesh, [{}, {}]>>}) {
  %b = tpc.barrier %x : !rows
  %0 = tpc.all_gather %x dim 0 over @mesh ["tp"] : !rows -> !all
  %1 = tpc.all_gather %b dim 0 over @mesh ["tp"] : !rows -> !all
  %2 = arith.addf %0, %1 : !all
  return %2 : !all
}

// CHECK-LABEL: func.func @slice_of_gather(
// CHECK-SAME: %[[X:[^:]*]]:
// CHECK-NEXT: return %[[X]]
func.func @slice_of_gather(%x: !rows {tpc.global = #tpc.global<[8, 8], <@mesh, [{"tp"}, {}]>>}) -> (!rows {tpc.global = #tpc.global<[8, 8], <@mesh, [{"tp"}, {}]>>}) {
  %0 = tpc.all_gather %x dim 0 over @mesh ["tp"] : !rows -> !all
  %1 = tpc.shard_slice %0 dim 0 over @mesh ["tp"] : !all -> !rows
  return %1 : !rows
}

// Rows over (dp, tp); what is cut off again is the major axis, so the minor one is left to gather.
// CHECK-LABEL: func.func @slice_of_leading_axes(
// CHECK-SAME: %[[X:[^:]*]]:
// CHECK-NEXT: %[[G:.*]] = tpc.all_gather %[[X]] dim 0 over @mesh ["tp"] : tensor<1x8xf32> -> tensor<4x8xf32>
// CHECK-NEXT: return %[[G]]
func.func @slice_of_leading_axes(%x: tensor<1x8xf32> {tpc.global = #tpc.global<[8, 8], <@mesh, [{"dp", "tp"}, {}]>>}) -> (tensor<4x8xf32> {tpc.global = #tpc.global<[8, 8], <@mesh, [{"dp"}, {}]>>}) {
  %0 = tpc.all_gather %x dim 0 over @mesh ["dp", "tp"] : tensor<1x8xf32> -> !all
  %1 = tpc.shard_slice %0 dim 0 over @mesh ["dp"] : !all -> tensor<4x8xf32>
  return %1 : tensor<4x8xf32>
}

// The minor axis is cut: the parts that a rank keeps are not those it has. Nothing is done.
// CHECK-LABEL: func.func @slice_of_minor_axis(
// CHECK: tpc.all_gather
// CHECK-NEXT: tpc.shard_slice
func.func @slice_of_minor_axis(%x: tensor<1x8xf32> {tpc.global = #tpc.global<[8, 8], <@mesh, [{"dp", "tp"}, {}]>>}) -> (!rows {tpc.global = #tpc.global<[8, 8], <@mesh, [{"tp"}, {}]>>}) {
  %0 = tpc.all_gather %x dim 0 over @mesh ["dp", "tp"] : tensor<1x8xf32> -> !all
  %1 = tpc.shard_slice %0 dim 0 over @mesh ["tp"] : !all -> !rows
  return %1 : !rows
}

// CHECK-LABEL: func.func @split_moves(
// CHECK: tpc.all_to_all %{{.*}} split 1 concat 0 over @mesh ["tp"] : tensor<2x8xf32> -> tensor<8x2xf32>
// CHECK-NEXT: return
func.func @split_moves(%x: !rows {tpc.global = #tpc.global<[8, 8], <@mesh, [{"tp"}, {}]>>}) -> (!columns {tpc.global = #tpc.global<[8, 8], <@mesh, [{}, {"tp"}]>>}) {
  %0 = tpc.all_gather %x dim 0 over @mesh ["tp"] : !rows -> !all
  %1 = tpc.shard_slice %0 dim 1 over @mesh ["tp"] : !all -> !columns
  return %1 : !columns
}

// CHECK-LABEL: func.func @cut_first(
// CHECK: %[[S:.*]] = tpc.shard_slice %{{.*}} dim 1 over @mesh ["dp"] : tensor<2x8xf32> -> tensor<2x4xf32>
// CHECK-NEXT: tpc.all_gather %[[S]] dim 0 over @mesh ["tp"] : tensor<2x4xf32> -> tensor<8x4xf32>
func.func @cut_first(%x: !rows {tpc.global = #tpc.global<[8, 8], <@mesh, [{"tp"}, {}]>>}) -> (tensor<8x4xf32> {tpc.global = #tpc.global<[8, 8], <@mesh, [{}, {"dp"}]>>}) {
  %0 = tpc.all_gather %x dim 0 over @mesh ["tp"] : !rows -> !all
  %1 = tpc.shard_slice %0 dim 1 over @mesh ["dp"] : !all -> tensor<8x4xf32>
  return %1 : tensor<8x4xf32>
}

// The gathered value is used whole as well: gathering stays, cutting is free.
// CHECK-LABEL: func.func @gather_used_twice(
// CHECK: tpc.all_gather
// CHECK-NEXT: tpc.shard_slice
func.func @gather_used_twice(%x: !rows {tpc.global = #tpc.global<[8, 8], <@mesh, [{"tp"}, {}]>>}) -> (!all {tpc.global = #tpc.global<[8, 8], <@mesh, [{}, {}]>>}, !columns {tpc.global = #tpc.global<[8, 8], <@mesh, [{}, {"tp"}]>>}) {
  %0 = tpc.all_gather %x dim 0 over @mesh ["tp"] : !rows -> !all
  %1 = tpc.shard_slice %0 dim 1 over @mesh ["tp"] : !all -> !columns
  return %0, %1 : !all, !columns
}

// Two equal slices are one use.
// CHECK-LABEL: func.func @slice_of_reduce(
// CHECK: %[[S:.*]] = tpc.reduce_scatter sum %{{.*}} dim 1 over @mesh ["tp"] : tensor<2x8xf32> -> tensor<2x2xf32>
// CHECK-NEXT: arith.addf %[[S]], %[[S]]
func.func @slice_of_reduce(%x: !rows {tpc.global = #tpc.global<[8, 8], <@mesh, [{"tp"}, {}]>>}) -> (tensor<2x2xf32> {tpc.global = #tpc.global<[2, 8], <@mesh, [{}, {"tp"}]>>}) {
  %0 = tpc.all_reduce sum %x over @mesh ["tp"] : !rows
  %1 = tpc.shard_slice %0 dim 1 over @mesh ["tp"] : !rows -> tensor<2x2xf32>
  %2 = tpc.shard_slice %0 dim 1 over @mesh ["tp"] : !rows -> tensor<2x2xf32>
  %3 = arith.addf %1, %2 : tensor<2x2xf32>
  return %3 : tensor<2x2xf32>
}

// Scattered over one axis, summed over the other on the smaller shard.
// CHECK-LABEL: func.func @slice_of_wider_reduce(
// CHECK: %[[S:.*]] = tpc.reduce_scatter sum %{{.*}} dim 1 over @mesh ["tp"] : tensor<1x8xf32> -> tensor<1x2xf32>
// CHECK-NEXT: tpc.all_reduce sum %[[S]] over @mesh ["dp"] : tensor<1x2xf32>
func.func @slice_of_wider_reduce(%x: tensor<1x8xf32> {tpc.global = #tpc.global<[8, 8], <@mesh, [{"dp", "tp"}, {}]>>}) -> (tensor<1x2xf32> {tpc.global = #tpc.global<[1, 8], <@mesh, [{}, {"tp"}]>>}) {
  %0 = tpc.all_reduce sum %x over @mesh ["dp", "tp"] : tensor<1x8xf32>
  %1 = tpc.shard_slice %0 dim 1 over @mesh ["tp"] : tensor<1x8xf32> -> tensor<1x2xf32>
  return %1 : tensor<1x2xf32>
}

// CHECK-LABEL: func.func @slice_of_other_reduce(
// CHECK: %[[S:.*]] = tpc.shard_slice %{{.*}} dim 1 over @mesh ["dp"] : tensor<2x8xf32> -> tensor<2x4xf32>
// CHECK-NEXT: tpc.all_reduce max %[[S]] over @mesh ["tp"] : tensor<2x4xf32>
func.func @slice_of_other_reduce(%x: !rows {tpc.global = #tpc.global<[8, 8], <@mesh, [{"tp"}, {}]>>}) -> (tensor<2x4xf32> {tpc.global = #tpc.global<[2, 8], <@mesh, [{}, {"dp"}]>>}) {
  %0 = tpc.all_reduce max %x over @mesh ["tp"] : !rows
  %1 = tpc.shard_slice %0 dim 1 over @mesh ["dp"] : !rows -> tensor<2x4xf32>
  return %1 : tensor<2x4xf32>
}

// CHECK-LABEL: func.func @gather_of_slice(
// CHECK-SAME: %[[X:[^:]*]]:
// CHECK-NEXT: return %[[X]]
func.func @gather_of_slice(%x: !all {tpc.global = #tpc.global<[8, 8], <@mesh, [{}, {}]>>}) -> (!all {tpc.global = #tpc.global<[8, 8], <@mesh, [{}, {}]>>}) {
  %0 = tpc.shard_slice %x dim 0 over @mesh ["tp"] : !all -> !rows
  %1 = tpc.all_gather %0 dim 0 over @mesh ["tp"] : !rows -> !all
  return %1 : !all
}

// Cut as (dp, tp), joined as (tp, dp): rows change their places, so both stay.
// CHECK-LABEL: func.func @gather_of_slice_in_another_order(
// CHECK: tpc.shard_slice
// CHECK-NEXT: tpc.all_gather
func.func @gather_of_slice_in_another_order(%x: !all {tpc.global = #tpc.global<[8, 8], <@mesh, [{}, {}]>>}) -> (!all {tpc.global = #tpc.global<[8, 8], <@mesh, [{}, {}]>>}) {
  %0 = tpc.shard_slice %x dim 0 over @mesh ["dp", "tp"] : !all -> tensor<1x8xf32>
  %1 = tpc.all_gather %0 dim 0 over @mesh ["tp", "dp"] : tensor<1x8xf32> -> !all
  return %1 : !all
}

// CHECK-LABEL: func.func @gather_of_scatter(
// CHECK: tpc.all_reduce sum %{{.*}} over @mesh ["tp"] : tensor<2x8xf32>
// CHECK-NEXT: return
func.func @gather_of_scatter(%x: !rows {tpc.global = #tpc.global<[8, 8], <@mesh, [{"tp"}, {}]>>}) -> (!rows {tpc.global = #tpc.global<[2, 8], <@mesh, [{}, {}]>>}) {
  %0 = tpc.reduce_scatter sum %x dim 1 over @mesh ["tp"] : !rows -> tensor<2x2xf32>
  %1 = tpc.all_gather %0 dim 1 over @mesh ["tp"] : tensor<2x2xf32> -> !rows
  return %1 : !rows
}

// CHECK-LABEL: func.func @gather_of_gather(
// CHECK: tpc.all_gather %{{.*}} dim 0 over @mesh ["dp", "tp"] : tensor<1x8xf32> -> tensor<8x8xf32>
// CHECK-NEXT: return
func.func @gather_of_gather(%x: tensor<1x8xf32> {tpc.global = #tpc.global<[8, 8], <@mesh, [{"dp", "tp"}, {}]>>}) -> (!all {tpc.global = #tpc.global<[8, 8], <@mesh, [{}, {}]>>}) {
  %0 = tpc.all_gather %x dim 0 over @mesh ["tp"] : tensor<1x8xf32> -> tensor<4x8xf32>
  %1 = tpc.all_gather %0 dim 0 over @mesh ["dp"] : tensor<4x8xf32> -> !all
  return %1 : !all
}

// The two halves of an axis become the axis.
// CHECK-LABEL: func.func @slice_of_slice(
// CHECK: tpc.shard_slice %{{.*}} dim 0 over @mesh ["tp"] : tensor<8x8xf32> -> tensor<2x8xf32>
// CHECK-NEXT: return
func.func @slice_of_slice(%x: !all {tpc.global = #tpc.global<[8, 8], <@mesh, [{}, {}]>>}) -> (!rows {tpc.global = #tpc.global<[8, 8], <@mesh, [{"tp"}, {}]>>}) {
  %0 = tpc.shard_slice %x dim 0 over @mesh ["tp":(1)2] : !all -> tensor<4x8xf32>
  %1 = tpc.shard_slice %0 dim 0 over @mesh ["tp":(2)2] : tensor<4x8xf32> -> !rows
  return %1 : !rows
}

// CHECK-LABEL: func.func @reduce_of_reduce(
// CHECK: tpc.all_reduce max %{{.*}} over @mesh ["dp", "tp"] : tensor<1x8xf32>
// CHECK-NEXT: return
func.func @reduce_of_reduce(%x: tensor<1x8xf32> {tpc.global = #tpc.global<[8, 8], <@mesh, [{"dp", "tp"}, {}]>>}) -> (tensor<1x8xf32> {tpc.global = #tpc.global<[1, 8], <@mesh, [{}, {}]>>}) {
  %0 = tpc.all_reduce max %x over @mesh ["tp"] : tensor<1x8xf32>
  %1 = tpc.all_reduce max %0 over @mesh ["dp"] : tensor<1x8xf32>
  return %1 : tensor<1x8xf32>
}

// A maximum of sums is not one reduction.
// CHECK-LABEL: func.func @kinds_differ(
// CHECK-COUNT-2: tpc.all_reduce
func.func @kinds_differ(%x: tensor<1x8xf32> {tpc.global = #tpc.global<[8, 8], <@mesh, [{"dp", "tp"}, {}]>>}) -> (tensor<1x8xf32> {tpc.global = #tpc.global<[1, 8], <@mesh, [{}, {}]>>}) {
  %0 = tpc.all_reduce sum %x over @mesh ["tp"] : tensor<1x8xf32>
  %1 = tpc.all_reduce max %0 over @mesh ["dp"] : tensor<1x8xf32>
  return %1 : tensor<1x8xf32>
}

// CHECK-LABEL: func.func @sum_of_sums(
// CHECK: %[[A:.*]] = arith.addf %{{.*}}, %{{.*}} : tensor<2x8xf32>
// CHECK-NEXT: %[[D:.*]] = arith.subf %[[A]], %{{.*}} : tensor<2x8xf32>
// CHECK-NEXT: tpc.reduce_scatter sum %[[D]] dim 1 over @mesh ["tp"]
// CHECK-NEXT: return
func.func @sum_of_sums(%x: !rows {tpc.global = #tpc.global<[8, 8], <@mesh, [{"tp"}, {}]>>}, %y: !rows {tpc.global = #tpc.global<[8, 8], <@mesh, [{"tp"}, {}]>>}, %z: !rows {tpc.global = #tpc.global<[8, 8], <@mesh, [{"tp"}, {}]>>}) -> (tensor<2x2xf32> {tpc.global = #tpc.global<[2, 8], <@mesh, [{}, {"tp"}]>>}) {
  %0 = tpc.reduce_scatter sum %x dim 1 over @mesh ["tp"] : !rows -> tensor<2x2xf32>
  %1 = tpc.reduce_scatter sum %y dim 1 over @mesh ["tp"] : !rows -> tensor<2x2xf32>
  %2 = tpc.reduce_scatter sum %z dim 1 over @mesh ["tp"] : !rows -> tensor<2x2xf32>
  %3 = arith.addf %0, %1 : tensor<2x2xf32>
  %4 = arith.subf %3, %2 : tensor<2x2xf32>
  return %4 : tensor<2x2xf32>
}

// Maxima are not added before, and a sum that is used elsewhere is formed anyway.
// CHECK-LABEL: func.func @no_sum_of_sums(
// CHECK-COUNT-4: tpc.all_reduce
func.func @no_sum_of_sums(%x: !rows {tpc.global = #tpc.global<[8, 8], <@mesh, [{"tp"}, {}]>>}, %y: !rows {tpc.global = #tpc.global<[8, 8], <@mesh, [{"tp"}, {}]>>}) -> (!rows {tpc.global = #tpc.global<[2, 8], <@mesh, [{}, {}]>>}, !rows {tpc.global = #tpc.global<[2, 8], <@mesh, [{}, {}]>>}, !rows {tpc.global = #tpc.global<[2, 8], <@mesh, [{}, {}]>>}) {
  %0 = tpc.all_reduce max %x over @mesh ["tp"] : !rows
  %1 = tpc.all_reduce max %y over @mesh ["tp"] : !rows
  %2 = tpc.all_reduce sum %x over @mesh ["tp"] : !rows
  %3 = tpc.all_reduce sum %y over @mesh ["tp"] : !rows
  %4 = arith.addf %0, %1 : !rows
  %5 = arith.addf %2, %3 : !rows
  return %4, %5, %3 : !rows, !rows, !rows
}

// CHECK-LABEL: func.func @dead(
// CHECK-NEXT: return
func.func @dead(%x: !rows {tpc.global = #tpc.global<[8, 8], <@mesh, [{"tp"}, {}]>>}) -> (!rows {tpc.global = #tpc.global<[8, 8], <@mesh, [{"tp"}, {}]>>}) {
  %0 = tpc.all_gather %x dim 0 over @mesh ["tp"] : !rows -> !all
  %1 = tpc.all_reduce sum %0 over @mesh ["dp"] : !all
  return %x : !rows
}
