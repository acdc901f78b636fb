// RUN: tpc-opt %s --tpc-combine-collectives | FileCheck %s
// RUN: tpc-opt %s --tpc-combine-collectives | tpc-interpret --against %s
// RUN: tpc-opt %s --tpc-combine-collectives=max-member-bytes=16 | FileCheck %s --check-prefix=MEMBER
// RUN: tpc-opt %s --tpc-combine-collectives=max-bytes=36 | FileCheck %s --check-prefix=TOTAL

tpc.mesh @mesh <["dp"=2, "tp"=2]>

// Norm gradients and the clip norm in small: what uses the first gradient moves behind the last.
// CHECK-LABEL: func.func @norms(
// CHECK: %[[C:.*]] = math.sin %[[X:[^ ,]*]]
// CHECK: %[[R:.*]]:3 = tpc.all_reduce sum %[[X]], %[[C]], %{{.*}} over @mesh ["tp"] : tensor<8xf32>, tensor<8xf32>, tensor<f32>
// CHECK-NEXT: %[[N:.*]] = arith.negf %[[R]]#0
// CHECK-NEXT: %[[Q:.*]] = tpc.sum_squares %[[N]]
// CHECK-NEXT: %[[T:.*]] = arith.addf %[[Q]], %[[R]]#2
// CHECK-NEXT: return %[[N]], %[[R]]#1, %[[T]]
// A gradient has 32 bytes: with at most 16 only the scalar is small enough, and with 36 in all it joins the first.
// MEMBER-LABEL: func.func @norms(
// MEMBER-COUNT-3: tpc.all_reduce sum %{{[^,]*}} over
// TOTAL-LABEL: func.func @norms(
// TOTAL: tpc.all_reduce sum %{{.*}} over @mesh ["tp"] : tensor<8xf32>
// TOTAL: tpc.all_reduce sum %{{.*}}, %{{.*}} over @mesh ["tp"] : tensor<8xf32>, tensor<f32>
func.func @norms(%x: tensor<8xf32> {tpc.global = #tpc.global<[16], <@mesh, [{"tp"}]>>}) -> (tensor<8xf32> {tpc.global = #tpc.global<[8], <@mesh, [{}]>>}, tensor<8xf32> {tpc.global = #tpc.global<[8], <@mesh, [{}]>>}, tensor<f32> {tpc.global = #tpc.global<[], <@mesh, []>>}) {
  %0 = tpc.all_reduce sum %x over @mesh ["tp"] : tensor<8xf32>
  %1 = arith.negf %0 : tensor<8xf32>
  %2 = tpc.sum_squares %1 : tensor<8xf32> -> tensor<f32>
  %3 = math.sin %x : tensor<8xf32>
  %4 = tpc.all_reduce sum %3 over @mesh ["tp"] : tensor<8xf32>
  %5 = tpc.sum_squares %x : tensor<8xf32> -> tensor<f32>
  %6 = tpc.all_reduce sum %5 over @mesh ["tp"] : tensor<f32>
  %7 = arith.addf %2, %6 : tensor<f32>
  return %1, %4, %7 : tensor<8xf32>, tensor<8xf32>, tensor<f32>
}

// One that needs another's result cannot travel with it; a third that needs neither goes with the first.
// CHECK-LABEL: func.func @dependent(
// CHECK: %[[R:.*]]:2 = tpc.all_reduce sum %[[X:[^ ,]*]], %{{.*}} over @mesh ["tp"]
// CHECK: %[[N:.*]] = arith.negf %[[R]]#0
// CHECK: tpc.all_reduce sum %[[N]] over @mesh ["tp"]
func.func @dependent(%x: tensor<8xf32> {tpc.global = #tpc.global<[16], <@mesh, [{"tp"}]>>}) -> (tensor<8xf32> {tpc.global = #tpc.global<[8], <@mesh, [{}]>>}, tensor<8xf32> {tpc.global = #tpc.global<[8], <@mesh, [{}]>>}) {
  %0 = tpc.all_reduce sum %x over @mesh ["tp"] : tensor<8xf32>
  %1 = arith.negf %0 : tensor<8xf32>
  %2 = tpc.all_reduce sum %1 over @mesh ["tp"] : tensor<8xf32>
  %3 = arith.negf %x : tensor<8xf32>
  %4 = tpc.all_reduce sum %3 over @mesh ["tp"] : tensor<8xf32>
  return %2, %4 : tensor<8xf32>, tensor<8xf32>
}

// Two pairs that may each be joined but not both: a1 (tp), b1 (dp), a2 needs b1, b2 needs a1.
// CHECK-LABEL: func.func @crossed(
// CHECK: %[[B:.*]] = tpc.all_reduce sum %[[X:[^ ]*]] over @mesh ["dp"] : tensor<8xf32>
// CHECK: %[[A:.*]]:2 = tpc.all_reduce sum %[[X]], %{{.*}} over @mesh ["tp"] : tensor<8xf32>, tensor<8xf32>
// CHECK: tpc.all_reduce sum %{{.*}} over @mesh ["dp"] : tensor<8xf32>
func.func @crossed(%x: tensor<8xf32> {tpc.global = #tpc.global<[32], <@mesh, [{"dp", "tp"}]>>}) -> (tensor<8xf32> {tpc.global = #tpc.global<[8], <@mesh, [{}]>>}, tensor<8xf32> {tpc.global = #tpc.global<[8], <@mesh, [{}]>>}) {
  %a1 = tpc.all_reduce sum %x over @mesh ["tp"] : tensor<8xf32>
  %b1 = tpc.all_reduce sum %x over @mesh ["dp"] : tensor<8xf32>
  %0 = arith.negf %b1 : tensor<8xf32>
  %a2 = tpc.all_reduce sum %0 over @mesh ["tp"] : tensor<8xf32>
  %1 = arith.negf %a1 : tensor<8xf32>
  %b2 = tpc.all_reduce sum %1 over @mesh ["dp"] : tensor<8xf32>
  return %a2, %b2 : tensor<8xf32>, tensor<8xf32>
}

// Kind, axes and element type must agree.
// CHECK-LABEL: func.func @unlike(
// CHECK-COUNT-4: tpc.all_reduce {{sum|max}} %{{[^,]*}} over
func.func @unlike(%x: tensor<8xf32> {tpc.global = #tpc.global<[32], <@mesh, [{"dp", "tp"}]>>}, %i: tensor<8xi32> {tpc.global = #tpc.global<[32], <@mesh, [{"dp", "tp"}]>>}) -> (tensor<8xf32>, tensor<8xf32>, tensor<8xf32>, tensor<8xi32>) {
  %0 = tpc.all_reduce sum %x over @mesh ["tp"] : tensor<8xf32>
  %1 = tpc.all_reduce max %x over @mesh ["tp"] : tensor<8xf32>
  %2 = tpc.all_reduce sum %x over @mesh ["dp"] : tensor<8xf32>
  %3 = tpc.all_reduce sum %i over @mesh ["tp"] : tensor<8xi32>
  return %0, %1, %2, %3 : tensor<8xf32>, tensor<8xf32>, tensor<8xf32>, tensor<8xi32>
}

// What travels together already takes in more.
// CHECK-LABEL: func.func @variadic(
// CHECK: %[[R:.*]]:3 = tpc.all_reduce sum %{{.*}}, %{{.*}}, %{{.*}} over @mesh ["tp"]
// CHECK: return %[[R]]#1, %[[R]]#2
func.func @variadic(%x: tensor<8xf32> {tpc.global = #tpc.global<[16], <@mesh, [{"tp"}]>>}, %s: tensor<f32>) -> (tensor<f32> {tpc.global = #tpc.global<[], <@mesh, []>>}, tensor<8xf32> {tpc.global = #tpc.global<[8], <@mesh, [{}]>>}) {
  %0:2 = tpc.all_reduce sum %x, %s over @mesh ["tp"] : tensor<8xf32>, tensor<f32>
  %1 = arith.negf %x : tensor<8xf32>
  %2 = tpc.all_reduce sum %1 over @mesh ["tp"] : tensor<8xf32>
  return %0#1, %2 : tensor<f32>, tensor<8xf32>
}

// What only a moved op takes of an argument is cut where it is needed, not before.
// CHECK-LABEL: func.func @slices
// CHECK: tpc.all_reduce sum %{{.*}}, %{{.*}} over
// CHECK-NEXT: %[[CUT:.*]] = tpc.shard_slice
// CHECK-NEXT: arith.mulf %{{.*}}, %[[CUT]]
func.func @slices(%a: tensor<4xf32>, %b: tensor<4xf32>, %w: tensor<8xf32>) -> (tensor<4xf32>, tensor<4xf32>) {
  %0 = tpc.all_reduce sum %a over @mesh ["tp"] : tensor<4xf32>
  %1 = tpc.shard_slice %w dim 0 over @mesh ["tp"] : tensor<8xf32> -> tensor<4xf32>
  %2 = arith.mulf %0, %1 : tensor<4xf32>
  %3 = tpc.all_reduce sum %b over @mesh ["tp"] : tensor<4xf32>
  return %2, %3 : tensor<4xf32>, tensor<4xf32>
}

// Gathers of parameters travel as the first of them, whose place the reshape of the other reaches.
// CHECK-LABEL: func.func @parameters(
// CHECK-SAME: %[[A:[^:]*]]: tensor<4xf32>
// CHECK: %[[E:.*]] = tensor.expand_shape
// CHECK-NEXT: %[[G:.*]]:2 = tpc.all_gather %[[A]], %[[E]] dim 0 over @mesh ["tp"] : tensor<4xf32>, tensor<2x2xf32> -> tensor<8xf32>, tensor<4x2xf32>
// CHECK-NEXT: math.sin %[[G]]#0
// CHECK-NEXT: math.cos %[[G]]#1
// MEMBER-LABEL: func.func @parameters(
// MEMBER-COUNT-1: tpc.all_gather %{{.*}}, %{{.*}} dim 0
// TOTAL-LABEL: func.func @parameters(
// TOTAL-COUNT-2: tpc.all_gather %{{[^,]*}} dim 0
func.func @parameters(%a: tensor<4xf32> {tpc.global = #tpc.global<[8], <@mesh, [{"tp"}]>>}, %b: tensor<4xf32> {tpc.global = #tpc.global<[8], <@mesh, [{"tp"}]>>}) -> (tensor<8xf32> {tpc.global = #tpc.global<[8], <@mesh, [{}]>>}, tensor<4x2xf32> {tpc.global = #tpc.global<[4, 2], <@mesh, [{}, {}]>>}) {
  %0 = tpc.all_gather %a dim 0 over @mesh ["tp"] : tensor<4xf32> -> tensor<8xf32>
  %1 = math.sin %0 : tensor<8xf32>
  %2 = tensor.expand_shape %b [[0, 1]] output_shape [2, 2] : tensor<4xf32> into tensor<2x2xf32>
  %3 = tpc.all_gather %2 dim 0 over @mesh ["tp"] : tensor<2x2xf32> -> tensor<4x2xf32>
  %4 = math.cos %3 : tensor<4x2xf32>
  return %1, %4 : tensor<8xf32>, tensor<4x2xf32>
}

// Scatters of gradients travel as the last: nothing uses the first before.
// CHECK-LABEL: func.func @gradients(
// CHECK-SAME: %[[X:[^:]*]]: tensor<8xf32>
// CHECK: %[[Y:.*]] = math.sin %[[X]]
// CHECK-NEXT: %[[S:.*]]:2 = tpc.reduce_scatter sum %[[X]], %[[Y]] dim 0 over @mesh ["tp"] : tensor<8xf32>, tensor<8xf32> -> tensor<4xf32>, tensor<4xf32>
// CHECK-NEXT: arith.negf %[[S]]#0
// CHECK-NEXT: arith.mulf %[[S]]#1
func.func @gradients(%x: tensor<8xf32> {tpc.global = #tpc.global<[16], <@mesh, [{"tp"}]>>}) -> (tensor<4xf32> {tpc.global = #tpc.global<[8], <@mesh, [{"tp"}]>>}, tensor<4xf32> {tpc.global = #tpc.global<[8], <@mesh, [{"tp"}]>>}) {
  %0 = tpc.reduce_scatter sum %x dim 0 over @mesh ["tp"] : tensor<8xf32> -> tensor<4xf32>
  %1 = math.sin %x : tensor<8xf32>
  %2 = tpc.reduce_scatter sum %1 dim 0 over @mesh ["tp"] : tensor<8xf32> -> tensor<4xf32>
  %3 = arith.negf %0 : tensor<4xf32>
  %4 = arith.mulf %2, %2 : tensor<4xf32>
  return %3, %4 : tensor<4xf32>, tensor<4xf32>
}

// Both directions: the results of two scatters, joined at the last, are there for the first of two gathers.
// CHECK-LABEL: func.func @updated(
// CHECK: %[[S:.*]]:2 = tpc.reduce_scatter
// CHECK-NEXT: %[[G:.*]]:2 = tpc.all_gather %[[S]]#0, %[[S]]#1 dim 0
// CHECK-NEXT: return %[[G]]#0, %[[G]]#1
func.func @updated(%x: tensor<8xf32> {tpc.global = #tpc.global<[16], <@mesh, [{"tp"}]>>}, %y: tensor<8xf32> {tpc.global = #tpc.global<[16], <@mesh, [{"tp"}]>>}) -> (tensor<8xf32> {tpc.global = #tpc.global<[8], <@mesh, [{}]>>}, tensor<8xf32> {tpc.global = #tpc.global<[8], <@mesh, [{}]>>}) {
  %0 = tpc.reduce_scatter sum %x dim 0 over @mesh ["tp"] : tensor<8xf32> -> tensor<4xf32>
  %1 = tpc.reduce_scatter sum %y dim 0 over @mesh ["tp"] : tensor<8xf32> -> tensor<4xf32>
  %2 = tpc.all_gather %0 dim 0 over @mesh ["tp"] : tensor<4xf32> -> tensor<8xf32>
  %3 = tpc.all_gather %1 dim 0 over @mesh ["tp"] : tensor<4xf32> -> tensor<8xf32>
  return %2, %3 : tensor<8xf32>, tensor<8xf32>
}
