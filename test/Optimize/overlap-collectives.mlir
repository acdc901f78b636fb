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

// What the scatter waits for comes first, then the gradient of the weight while it is under way. At 16 * 4 bytes the two
// operands of that product do not fit into 50.
// CHECK-LABEL: func.func @weight_gradient(
// CHECK: %[[DX:.*]] = tpc.contract %{{.*}} -> [m, k]
// CHECK-NEXT: %[[SUM:.*]] = arith.addf %[[DX]]
// CHECK-NEXT: %[[P:.*]] = tpc.reduce_scatter sum %[[SUM]] {{.*}} -> !tpc.pending<tensor<2x4xf32>>
// CHECK-NEXT: tpc.contract %{{.*}} -> [n, k]
// CHECK-NEXT: %[[S:.*]] = tpc.wait %[[P]]
// CHECK-NEXT: arith.negf %[[S]]
// CAP-LABEL: func.func @weight_gradient(
// CAP: tpc.contract %{{.*}} -> [m, k]
// CAP-NEXT: tpc.contract %{{.*}} -> [n, k]
func.func @weight_gradient(%dy: tensor<4x2xf32> {tpc.global = #tpc.global<[4, 4], <@mesh, [{}, {"tp"}]>>},
                           %w: tensor<2x4xf32> {tpc.global = #tpc.global<[4, 4], <@mesh, [{"tp"}, {}]>>},
                           %x: tensor<4x4xf32> {tpc.global = #tpc.global<[4, 4], <@mesh, [{}, {}]>>})
    -> (tensor<2x4xf32> {tpc.global = #tpc.global<[4, 4], <@mesh, [{"tp"}, {}]>>},
        tensor<2x4xf32> {tpc.global = #tpc.global<[4, 4], <@mesh, [{"tp"}, {}]>>}) {
  %dx = tpc.contract %dy, %w : [m, n], [n, k] -> [m, k] : (tensor<4x2xf32>, tensor<2x4xf32>) -> tensor<4x4xf32>
  %dw = tpc.contract %dy, %x : [m, n], [m, k] -> [n, k] : (tensor<4x2xf32>, tensor<4x4xf32>) -> tensor<2x4xf32>
  %sum = arith.addf %dx, %dx : tensor<4x4xf32>
  %s = tpc.reduce_scatter sum %sum dim 0 over @mesh ["tp"] : tensor<4x4xf32> -> tensor<2x4xf32>
  %n = arith.negf %s : tensor<2x4xf32>
  return %n, %dw : tensor<2x4xf32>, tensor<2x4xf32>
}

// A product that is used before the collective stays where it is, and so does one that the collective overlaps with already.
// CHECK-LABEL: func.func @used_before(
// CHECK: tpc.contract %{{.*}} -> [m, k]
// CHECK-NEXT: tpc.contract %{{.*}} -> [n, k]
// CHECK-NEXT: arith.addf
// CHECK-NEXT: tpc.all_reduce sum %{{.*}} -> !tpc.pending
// CHECK-NEXT: tpc.contract %{{.*}} -> [m, n]
// CHECK-NEXT: tpc.wait
func.func @used_before(%a: tensor<4x4xf32> {tpc.global = #tpc.global<[8, 4], <@mesh, [{"tp"}, {}]>>})
    -> (tensor<4x4xf32> {tpc.global = #tpc.global<[4, 4], <@mesh, [{}, {}]>>},
        tensor<4x4xf32> {tpc.global = #tpc.global<[8, 4], <@mesh, [{"tp"}, {}]>>}) {
  %0 = tpc.contract %a, %a : [m, n], [n, k] -> [m, k] : (tensor<4x4xf32>, tensor<4x4xf32>) -> tensor<4x4xf32>
  %1 = tpc.contract %a, %a : [m, n], [m, k] -> [n, k] : (tensor<4x4xf32>, tensor<4x4xf32>) -> tensor<4x4xf32>
  %2 = arith.addf %0, %1 : tensor<4x4xf32>
  %3 = tpc.contract %a, %a : [m, k], [n, k] -> [m, n] : (tensor<4x4xf32>, tensor<4x4xf32>) -> tensor<4x4xf32>
  %4 = tpc.all_reduce sum %2 over @mesh ["tp"] : tensor<4x4xf32>
  %5 = arith.negf %4 : tensor<4x4xf32>
  return %5, %3 : tensor<4x4xf32>, tensor<4x4xf32>
}
