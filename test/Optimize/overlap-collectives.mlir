// RUN: tpc-opt %s --tpc-overlap-collectives | FileCheck %s
// RUN: tpc-opt %s --tpc-overlap-collectives | tpc-interpret --against %s
// RUN: tpc-opt %s --tpc-overlap-collectives=memory-cap=50 | FileCheck %s --check-prefix=CAP
// RUN: tpc-opt %s --tpc-overlap-collectives=memory-cap=50 | tpc-interpret --against %s

tpc.mesh @mesh <["tp"=2]>

// The example of the pass documentation.
// CHECK-LABEL: func.func @example(
// CHECK: %[[A:.*]] = arith.addf
// CHECK-NEXT: %[[P:.*]] = tpc.all_reduce sum %[[A]] over @mesh ["tp"] : tensor<4xf32> -> !tpc.pending<tensor<4xf32>>
// CHECK-NEXT: arith.mulf
// CHECK-NEXT: %[[Y:.*]] = tpc.wait %[[P]]
// CHECK-NEXT: return %{{.*}}, %[[Y]]
func.func @example(%x: tensor<4xf32> {tpc.global = #tpc.global<[8], <@mesh, [{"tp"}]>>})
    -> (tensor<4xf32> {tpc.global = #tpc.global<[8], <@mesh, [{"tp"}]>>}, tensor<4xf32> {tpc.global = #tpc.global<[4], <@mesh, [{}]>>}) {
  %0 = arith.addf %x, %x : tensor<4xf32>
  %1 = arith.mulf %x, %x : tensor<4xf32>
  %2 = tpc.all_reduce sum %0 over @mesh ["tp"] : tensor<4xf32>
  return %1, %2 : tensor<4xf32>, tensor<4xf32>
}

// The gather's operand is there first, but ranks issue collectives in the order of the program. Operand and result of the
// reduction are 32 bytes, of the gather 48: 50 bytes suffice for one of them, and the gather stays where it was.
// CHECK-LABEL: func.func @order(
// CHECK: arith.addf
// CHECK-NEXT: %[[P:.*]] = tpc.all_reduce
// CHECK-NEXT: %[[Q:.*]] = tpc.all_gather
// CHECK-NEXT: arith.negf
// CHECK-NEXT: arith.mulf
// CHECK-NEXT: tpc.wait %[[P]]
// CHECK-NEXT: tpc.wait %[[Q]]
// CHECK-NEXT: return
// CAP-LABEL: func.func @order(
// CAP: %[[P:.*]] = tpc.all_reduce {{.*}} -> !tpc.pending<tensor<4xf32>>
// CAP-NEXT: arith.negf
// CAP-NEXT: tpc.all_gather {{.*}} -> tensor<8xf32>
// CAP-NEXT: arith.mulf
// CAP-NEXT: tpc.wait %[[P]]
func.func @order(%x: tensor<4xf32> {tpc.global = #tpc.global<[8], <@mesh, [{"tp"}]>>})
    -> (tensor<4xf32> {tpc.global = #tpc.global<[4], <@mesh, [{}]>>}, tensor<8xf32> {tpc.global = #tpc.global<[8], <@mesh, [{}]>>},
        tensor<4xf32> {tpc.global = #tpc.global<[8], <@mesh, [{"tp"}]>>}) {
  %0 = arith.addf %x, %x : tensor<4xf32>
  %1 = tpc.all_reduce sum %0 over @mesh ["tp"] : tensor<4xf32>
  %2 = arith.negf %x : tensor<4xf32>
  %3 = tpc.all_gather %x dim 0 over @mesh ["tp"] : tensor<4xf32> -> tensor<8xf32>
  %4 = arith.mulf %2, %2 : tensor<4xf32>
  return %1, %3, %4 : tensor<4xf32>, tensor<8xf32>, tensor<4xf32>
}

// What another collective waits for is waited for at once; the last one overlaps with the sine.
// CHECK-LABEL: func.func @chain(
// CHECK: %[[S:.*]] = tpc.reduce_scatter {{.*}} -> tensor<2xf32>
// CHECK-NEXT: %[[P:.*]] = tpc.all_gather %[[S]] {{.*}} -> !tpc.pending<tensor<4xf32>>
// CHECK-NEXT: math.sin
// CHECK-NEXT: %[[Y:.*]] = tpc.wait %[[P]]
// CHECK-NEXT: return %[[Y]]
func.func @chain(%x: tensor<4xf32> {tpc.global = #tpc.global<[8], <@mesh, [{"tp"}]>>})
    -> (tensor<4xf32> {tpc.global = #tpc.global<[4], <@mesh, [{}]>>}, tensor<4xf32> {tpc.global = #tpc.global<[8], <@mesh, [{"tp"}]>>}) {
  %0 = tpc.reduce_scatter sum %x dim 0 over @mesh ["tp"] : tensor<4xf32> -> tensor<2xf32>
  %1 = tpc.all_gather %0 dim 0 over @mesh ["tp"] : tensor<2xf32> -> tensor<4xf32>
  %2 = math.sin %x : tensor<4xf32>
  return %1, %2 : tensor<4xf32>, tensor<4xf32>
}

// Reshapes are no work: the operand's comes along, the result's is asked for only where it is used.
// CHECK-LABEL: func.func @reshapes(
// CHECK: %[[A:.*]] = arith.addf
// CHECK-NEXT: %[[C:.*]] = tensor.collapse_shape %[[A]]
// CHECK-NEXT: %[[P:.*]] = tpc.all_reduce sum %[[C]]
// CHECK-NEXT: math.sin
// CHECK-NEXT: math.cos
// CHECK-NEXT: %[[Y:.*]] = tpc.wait %[[P]]
// CHECK-NEXT: %[[E:.*]] = tensor.expand_shape %[[Y]]
// CHECK-NEXT: arith.addf %[[E]]
func.func @reshapes(%x: tensor<2x2xf32> {tpc.global = #tpc.global<[4, 2], <@mesh, [{"tp"}, {}]>>})
    -> (tensor<2x2xf32> {tpc.global = #tpc.global<[4, 2], <@mesh, [{"tp"}, {}]>>}) {
  %0 = arith.addf %x, %x : tensor<2x2xf32>
  %1 = math.sin %x : tensor<2x2xf32>
  %2 = tensor.collapse_shape %0 [[0, 1]] : tensor<2x2xf32> into tensor<4xf32>
  %3 = tpc.all_reduce sum %2 over @mesh ["tp"] : tensor<4xf32>
  %4 = tensor.expand_shape %3 [[0, 1]] output_shape [2, 2] : tensor<4xf32> into tensor<2x2xf32>
  %5 = math.cos %1 : tensor<2x2xf32>
  %6 = arith.addf %4, %5 : tensor<2x2xf32>
  return %6 : tensor<2x2xf32>
}

// Several operands are one pending value.
// CHECK-LABEL: func.func @several(
// CHECK: %[[P:.*]] = tpc.all_reduce sum %{{.*}}, %{{.*}} over @mesh ["tp"] : tensor<4xf32>, tensor<f32> -> !tpc.pending<tensor<4xf32>, tensor<f32>>
// CHECK-NEXT: math.sin
// CHECK-NEXT: %[[Y:.*]]:2 = tpc.wait %[[P]] : !tpc.pending<tensor<4xf32>, tensor<f32>>
// CHECK-NEXT: return %[[Y]]#0, %[[Y]]#1
func.func @several(%x: tensor<4xf32> {tpc.global = #tpc.global<[8], <@mesh, [{"tp"}]>>})
    -> (tensor<4xf32> {tpc.global = #tpc.global<[4], <@mesh, [{}]>>}, tensor<f32> {tpc.global = #tpc.global<[], <@mesh, []>>},
        tensor<4xf32> {tpc.global = #tpc.global<[8], <@mesh, [{"tp"}]>>}) {
  %0 = tpc.sum_squares %x : tensor<4xf32> -> tensor<f32>
  %1:2 = tpc.all_reduce sum %x, %0 over @mesh ["tp"] : tensor<4xf32>, tensor<f32>
  %2 = math.sin %x : tensor<4xf32>
  return %1#0, %1#1, %2 : tensor<4xf32>, tensor<f32>, tensor<4xf32>
}

// Nothing to compute meanwhile: it stays synchronous.
// CHECK-LABEL: func.func @nothing(
// CHECK: tpc.all_reduce sum %{{.*}} over @mesh ["tp"] : tensor<4xf32>{{$}}
func.func @nothing(%x: tensor<4xf32> {tpc.global = #tpc.global<[8], <@mesh, [{"tp"}]>>})
    -> (tensor<4xf32> {tpc.global = #tpc.global<[4], <@mesh, [{}]>>}) {
  %0 = arith.addf %x, %x : tensor<4xf32>
  %1 = tpc.all_reduce sum %0 over @mesh ["tp"] : tensor<4xf32>
  %2 = arith.negf %1 : tensor<4xf32>
  return %2 : tensor<4xf32>
}
