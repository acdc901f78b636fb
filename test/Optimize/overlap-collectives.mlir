// RUN: tpc-opt %s --tpc-overlap-collectives | FileCheck %s
// RUN: tpc-opt %s --tpc-overlap-collectives | tpc-interpret --against %s
// RUN: tpc-opt %s --tpc-overlap-collectives=memory-cap=20 | FileCheck %s --check-prefix=CAP
// RUN: tpc-opt %s --tpc-overlap-collectives=memory-cap=20 | tpc-interpret --against %s

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

// The gather's operand is there first, but ranks issue collectives in the order of the program. With room for 20 bytes: the reduction
// takes its operand's place, the 32 bytes of the gather's result are not there before it stood, and the argument stays anyway.
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
// CAP-NEXT: %[[Q:.*]] = tpc.all_gather {{.*}} -> !tpc.pending<tensor<8xf32>>
// CAP-NEXT: arith.mulf
// CAP-NEXT: tpc.wait %[[P]]
// CAP-NEXT: tpc.wait %[[Q]]
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

// The gather is needed before the scatter is, and overtakes it.
// CHECK-LABEL: func.func @overtakes(
// CHECK-NEXT: %[[G:.*]] = tpc.all_gather
// CHECK-NEXT: arith.addf
// CHECK-NEXT: %[[S:.*]] = tpc.reduce_scatter
// CHECK-NEXT: math.sin
// CHECK-NEXT: tpc.wait %[[G]]
// CHECK-NEXT: arith.negf
// CHECK-NEXT: tpc.wait %[[S]]
func.func @overtakes(%x: tensor<4xf32> {tpc.global = #tpc.global<[8], <@mesh, [{"tp"}]>>})
    -> (tensor<2xf32> {tpc.global = #tpc.global<[4], <@mesh, [{"tp"}]>>}, tensor<4xf32> {tpc.global = #tpc.global<[8], <@mesh, [{"tp"}]>>},
        tensor<8xf32> {tpc.global = #tpc.global<[8], <@mesh, [{}]>>}) {
  %0 = arith.addf %x, %x : tensor<4xf32>
  %s = tpc.reduce_scatter sum %0 dim 0 over @mesh ["tp"] : tensor<4xf32> -> tensor<2xf32>
  %1 = math.sin %x : tensor<4xf32>
  %g = tpc.all_gather %x dim 0 over @mesh ["tp"] : tensor<4xf32> -> tensor<8xf32>
  %2 = arith.negf %g : tensor<8xf32>
  return %s, %1, %2 : tensor<2xf32>, tensor<4xf32>, tensor<8xf32>
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

// What another op reads, through a reshape too, keeps its memory for the reduction as well. Its result has memory of its own: 32 bytes
// are too many before it stood, and none behind it, up to the cosine; then the operand's are.
// CHECK-LABEL: func.func @read_again(
// CHECK: arith.addf
// CHECK-NEXT: %[[P:.*]] = tpc.all_reduce
// CHECK-NEXT: math.sin
// CHECK-NEXT: tensor.expand_shape
// CHECK-NEXT: math.cos
// CHECK-NEXT: arith.negf
// CHECK-NEXT: tpc.wait %[[P]]
// CAP-LABEL: func.func @read_again(
// CAP: arith.addf
// CAP-NEXT: math.sin
// CAP-NEXT: %[[P:.*]] = tpc.all_reduce {{.*}} -> !tpc.pending<tensor<8xf32>>
// CAP-NEXT: tensor.expand_shape
// CAP-NEXT: math.cos
// CAP-NEXT: tpc.wait %[[P]]
// CAP-NEXT: arith.negf
func.func @read_again(%x: tensor<8xf32> {tpc.global = #tpc.global<[16], <@mesh, [{"tp"}]>>})
    -> (tensor<8xf32> {tpc.global = #tpc.global<[8], <@mesh, [{}]>>}, tensor<8xf32> {tpc.global = #tpc.global<[16], <@mesh, [{"tp"}]>>},
        tensor<2x4xf32> {tpc.global = #tpc.global<[4, 4], <@mesh, [{"tp"}, {}]>>}, tensor<8xf32> {tpc.global = #tpc.global<[16], <@mesh, [{"tp"}]>>}) {
  %0 = arith.addf %x, %x : tensor<8xf32>
  %1 = math.sin %x : tensor<8xf32>
  %2 = tpc.all_reduce sum %0 over @mesh ["tp"] : tensor<8xf32>
  %3 = tensor.expand_shape %0 [[0, 1]] output_shape [2, 4] : tensor<8xf32> into tensor<2x4xf32>
  %4 = math.cos %3 : tensor<2x4xf32>
  %5 = arith.negf %1 : tensor<8xf32>
  return %2, %1, %4, %5 : tensor<8xf32>, tensor<8xf32>, tensor<2x4xf32>, tensor<8xf32>
}

// An operand that nobody else reads stays 32 bytes longer.
// CHECK-LABEL: func.func @dies(
// CHECK: tpc.all_gather {{.*}} -> !tpc.pending<tensor<16xf32>>
// CAP-LABEL: func.func @dies(
// CAP: tpc.all_gather {{.*}} -> tensor<16xf32>
func.func @dies(%x: tensor<8xf32> {tpc.global = #tpc.global<[16], <@mesh, [{"tp"}]>>})
    -> (tensor<16xf32> {tpc.global = #tpc.global<[16], <@mesh, [{}]>>}, tensor<8xf32> {tpc.global = #tpc.global<[16], <@mesh, [{"tp"}]>>}) {
  %0 = arith.addf %x, %x : tensor<8xf32>
  %1 = tpc.all_gather %0 dim 0 over @mesh ["tp"] : tensor<8xf32> -> tensor<16xf32>
  %2 = math.sin %x : tensor<8xf32>
  return %1, %2 : tensor<16xf32>, tensor<8xf32>
}

// What the scatter waits for comes first, then the gradient of the weight while it is under way.
// CHECK-LABEL: func.func @weight_gradient(
// CHECK: %[[DX:.*]] = tpc.contract %{{.*}} -> [m, k]
// CHECK-NEXT: %[[SUM:.*]] = arith.addf %[[DX]]
// CHECK-NEXT: %[[P:.*]] = tpc.reduce_scatter sum %[[SUM]] {{.*}} -> !tpc.pending<tensor<2x4xf32>>
// CHECK-NEXT: tpc.contract %{{.*}} -> [n, k]
// CHECK-NEXT: %[[S:.*]] = tpc.wait %[[P]]
// CHECK-NEXT: arith.negf %[[S]]
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

// The reduction takes its operand's place, but 64 bytes of an activation would be kept for the product.
// CHECK-LABEL: func.func @activation(
// CHECK: arith.addf
// CHECK-NEXT: tpc.all_reduce {{.*}} -> !tpc.pending
// CHECK-NEXT: tpc.contract %{{.*}} -> [n, k]
// CHECK-NEXT: tpc.wait
// CAP-LABEL: func.func @activation(
// CAP: tpc.contract %{{.*}} -> [n, k]
// CAP-NEXT: arith.addf
// CAP-NEXT: tpc.all_reduce {{.*}} : tensor<4x4xf32>{{$}}
func.func @activation(%dy: tensor<4x2xf32> {tpc.global = #tpc.global<[4, 4], <@mesh, [{}, {"tp"}]>>},
                      %w: tensor<2x4xf32> {tpc.global = #tpc.global<[4, 4], <@mesh, [{"tp"}, {}]>>},
                      %x: tensor<4x4xf32> {tpc.global = #tpc.global<[4, 4], <@mesh, [{}, {}]>>})
    -> (tensor<4x4xf32> {tpc.global = #tpc.global<[4, 4], <@mesh, [{}, {}]>>},
        tensor<2x4xf32> {tpc.global = #tpc.global<[4, 4], <@mesh, [{"tp"}, {}]>>},
        tensor<4x4xf32> {tpc.global = #tpc.global<[4, 4], <@mesh, [{}, {}]>>}) {
  %a = math.sin %x : tensor<4x4xf32>
  %dx = tpc.contract %dy, %w : [m, n], [n, k] -> [m, k] : (tensor<4x2xf32>, tensor<2x4xf32>) -> tensor<4x4xf32>
  %dw = tpc.contract %dy, %a : [m, n], [m, k] -> [n, k] : (tensor<4x2xf32>, tensor<4x4xf32>) -> tensor<2x4xf32>
  %sum = arith.addf %dx, %dx : tensor<4x4xf32>
  %s = tpc.all_reduce sum %sum over @mesh ["tp"] : tensor<4x4xf32>
  %n = arith.negf %s : tensor<4x4xf32>
  return %n, %dw, %x : tensor<4x4xf32>, tensor<2x4xf32>, tensor<4x4xf32>
}

// Not if something else reads it behind.
// CAP-LABEL: func.func @activation_read_again(
// CAP: arith.addf
// CAP-NEXT: tpc.all_reduce {{.*}} -> !tpc.pending
// CAP-NEXT: tpc.contract %{{.*}} -> [n, k]
// CAP-NEXT: tpc.wait
func.func @activation_read_again(%dy: tensor<4x2xf32> {tpc.global = #tpc.global<[4, 4], <@mesh, [{}, {"tp"}]>>},
                                 %w: tensor<2x4xf32> {tpc.global = #tpc.global<[4, 4], <@mesh, [{"tp"}, {}]>>},
                                 %x: tensor<4x4xf32> {tpc.global = #tpc.global<[4, 4], <@mesh, [{}, {}]>>})
    -> (tensor<4x4xf32> {tpc.global = #tpc.global<[4, 4], <@mesh, [{}, {}]>>},
        tensor<2x4xf32> {tpc.global = #tpc.global<[4, 4], <@mesh, [{"tp"}, {}]>>},
        tensor<4x4xf32> {tpc.global = #tpc.global<[4, 4], <@mesh, [{}, {}]>>}) {
  %a = math.sin %x : tensor<4x4xf32>
  %dx = tpc.contract %dy, %w : [m, n], [n, k] -> [m, k] : (tensor<4x2xf32>, tensor<2x4xf32>) -> tensor<4x4xf32>
  %dw = tpc.contract %dy, %a : [m, n], [m, k] -> [n, k] : (tensor<4x2xf32>, tensor<4x4xf32>) -> tensor<2x4xf32>
  %sum = arith.addf %dx, %dx : tensor<4x4xf32>
  %s = tpc.all_reduce sum %sum over @mesh ["tp"] : tensor<4x4xf32>
  %n = arith.negf %s : tensor<4x4xf32>
  return %n, %dw, %a : tensor<4x4xf32>, tensor<2x4xf32>, tensor<4x4xf32>
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
