// RUN: tpc-opt %s --tpc-split-collectives="chunks=2 min-rows=1" | FileCheck %s
// RUN: tpc-opt %s --tpc-split-collectives="chunks=2 min-rows=1" | tpc-interpret --against %s
// RUN: tpc-opt %s --tpc-split-collectives="chunks=2 min-rows=1" --tpc-overlap-collectives | tpc-interpret --against %s
// RUN: tpc-opt %s --tpc-split-collectives="chunks=4 min-rows=1" --tpc-form-kernels --tpc-overlap-collectives | tpc-interpret --against %s

// By cost, and with as many rows as pieces must have, nothing is split.
// RUN: tpc-opt %s --tpc-split-collectives | FileCheck %s --check-prefix=WHOLE
// RUN: tpc-opt %s --tpc-split-collectives="chunks=2 min-rows=9" | FileCheck %s --check-prefix=WHOLE
// RUN: tpc-opt %s --tpc-split-collectives="chunks=2 min-rows=1 memory-cap=50" | FileCheck %s --check-prefix=WHOLE
// RUN: tpc-opt %s --tpc-split-collectives=machine=h100x8 | FileCheck %s --check-prefix=WHOLE
// WHOLE-NOT: tpc.chunk

// On a machine that computes slowly and moves at once, pieces gain; nothing does where the wait does the work.
// RUN: echo '{name: m, flops: 1, memory_bandwidth: 1.0e12, links: [{name: l, latency: 0, bandwidth: 1, asynchronous: true}], default_link: l}' > %t.yaml
// RUN: tpc-opt %s --tpc-split-collectives="min-rows=1 machine=%t.yaml" | FileCheck %s --check-prefix=COST
// COST-LABEL: func.func @gather(
// COST-COUNT-4: tpc.all_gather {{.*}}tpc.chunk
// COST-LABEL: func.func @scatter(
// COST-COUNT-4: tpc.reduce_scatter {{.*}}tpc.chunk
// COST-LABEL: func.func @never(
// RUN: echo '{name: m, flops: 1, memory_bandwidth: 1.0e12, links: [{name: l, latency: 0, bandwidth: 1}], default_link: l}' > %t.wait.yaml
// RUN: tpc-opt %s --tpc-split-collectives="min-rows=1 machine=%t.wait.yaml" | FileCheck %s --check-prefix=WHOLE

tpc.mesh @mesh <["tp"=2]>

// Both products of a piece, then those of the next. Rows of a rank are cut, so the pieces join as [2 ranks, 4 rows].
// CHECK-LABEL: func.func @gather(
// CHECK: %[[X:.*]] = math.sin
// CHECK: %[[X0:.*]] = tensor.extract_slice %[[X]][0, 0] [2, 8] [1, 1]
// CHECK-NEXT: %[[G0:.*]] = tpc.all_gather %[[X0]] dim 0 over @mesh ["tp"] {tpc.chunk} : tensor<2x8xf32> -> tensor<4x8xf32>
// CHECK: %[[X1:.*]] = tensor.extract_slice %[[X]][2, 0] [2, 8] [1, 1]
// CHECK-NEXT: %[[G1:.*]] = tpc.all_gather %[[X1]]
// CHECK: %[[Y0:.*]] = tpc.contract %[[G0]], %{{.*}} -> tensor<4x6xf32>
// CHECK-NEXT: %[[Z0:.*]] = tpc.contract %{{.*}}, %[[G0]]
// CHECK-NEXT: %[[Y1:.*]] = tpc.contract %[[G1]]
// CHECK-NEXT: %[[Z1:.*]] = tpc.contract %{{.*}}, %[[G1]]
// CHECK: %[[A:.*]] = tensor.expand_shape %[[Y0]] {{\[}}[0, 1], [2]] output_shape [2, 2, 6]
// CHECK: %[[B:.*]] = tensor.expand_shape %[[Y1]]
// CHECK: %[[J:.*]] = tensor.concat dim(1) %[[A]], %[[B]] : {{.*}} -> tensor<2x4x6xf32>
// CHECK: tensor.collapse_shape %[[J]]
// CHECK: tensor.concat dim(2)
// CHECK-NOT: tpc.contract
// CHECK: return
func.func @gather(%x: tensor<4x8xf32> {tpc.global = #tpc.global<[8, 8], <@mesh, [{"tp"}, {}]>>},
                  %w: tensor<6x8xf32> {tpc.global = #tpc.global<[6, 8], <@mesh, [{}, {}]>>})
    -> (tensor<8x6xf32> {tpc.global = #tpc.global<[8, 6], <@mesh, [{}, {}]>>},
        tensor<6x8xf32> {tpc.global = #tpc.global<[6, 8], <@mesh, [{}, {}]>>}) {
  %0 = math.sin %x : tensor<4x8xf32>
  %g = tpc.all_gather %0 dim 0 over @mesh ["tp"] : tensor<4x8xf32> -> tensor<8x8xf32>
  %y = tpc.contract %g, %w : [m, k], [n, k] -> [m, n] : (tensor<8x8xf32>, tensor<6x8xf32>) -> tensor<8x6xf32>
  %z = tpc.contract %w, %g : [n, k], [m, k] -> [n, m] : (tensor<6x8xf32>, tensor<8x8xf32>) -> tensor<6x8xf32>
  return %y, %z : tensor<8x6xf32>, tensor<6x8xf32>
}

// What sums over the rows needs them all: the pieces are joined for it, not before, so that no piece waits for another. So is what comes after a use of the first product.
// CHECK-LABEL: func.func @whole(
// CHECK-COUNT-2: tpc.all_gather {{.*}}tpc.chunk
// CHECK-COUNT-2: tpc.contract %{{.*}} -> tensor<4x6xf32>
// CHECK: math.cos
// CHECK: %[[J:.*]] = tensor.concat
// CHECK: %[[G:.*]] = tensor.collapse_shape %[[J]]
// CHECK: tpc.contract %{{.*}}, %[[G]] : [m, n], [m, k] -> [n, k]
// CHECK: tpc.contract %[[G]], %{{.*}} -> tensor<8x6xf32>
func.func @whole(%x: tensor<4x8xf32> {tpc.global = #tpc.global<[8, 8], <@mesh, [{"tp"}, {}]>>},
                 %w: tensor<6x8xf32> {tpc.global = #tpc.global<[6, 8], <@mesh, [{}, {}]>>})
    -> (tensor<6x8xf32> {tpc.global = #tpc.global<[6, 8], <@mesh, [{}, {}]>>},
        tensor<8x6xf32> {tpc.global = #tpc.global<[8, 6], <@mesh, [{}, {}]>>}) {
  %0 = math.sin %x : tensor<4x8xf32>
  %g = tpc.all_gather %0 dim 0 over @mesh ["tp"] : tensor<4x8xf32> -> tensor<8x8xf32>
  %y = tpc.contract %g, %w : [m, k], [n, k] -> [m, n] : (tensor<8x8xf32>, tensor<6x8xf32>) -> tensor<8x6xf32>
  %c = math.cos %y : tensor<8x6xf32>
  %dw = tpc.contract %c, %g : [m, n], [m, k] -> [n, k] : (tensor<8x6xf32>, tensor<8x8xf32>) -> tensor<6x8xf32>
  %z = tpc.contract %g, %dw : [m, k], [n, k] -> [m, n] : (tensor<8x8xf32>, tensor<6x8xf32>) -> tensor<8x6xf32>
  return %dw, %z : tensor<6x8xf32>, tensor<8x6xf32>
}

// The columns of a wide product: a part of the weight is cut out, and parts of the shard are joined. Rows are less to copy where
// the weight is larger (@scatter).
// RUN: echo '{name: m, flops: 1, memory_bandwidth: 100, links: [{name: l, latency: 0, bandwidth: 1, asynchronous: true}], default_link: l}' > %t.copies.yaml
// RUN: tpc-opt %s --tpc-split-collectives="min-rows=1 min-columns=1 machine=%t.copies.yaml" | FileCheck %s --check-prefix=COLUMNS
// RUN: tpc-opt %s --tpc-split-collectives="min-rows=1 min-columns=1 machine=%t.copies.yaml" --tpc-overlap-collectives --tpc-form-kernels | tpc-interpret --against %s
// RUN: tpc-opt %s --tpc-split-collectives="min-rows=9 min-columns=3 machine=%t.copies.yaml" | FileCheck %s --check-prefix=FEW
// COLUMNS-LABEL: func.func @columns(
// COLUMNS-SAME: %[[A:.*]]: tensor<16x3xf32>{{.*}}, %[[W:.*]]: tensor<8x3xf32>
// COLUMNS: %[[W0:.*]] = tensor.extract_slice %[[W]][0, 0] [2, 3] [1, 1]
// COLUMNS-NEXT: %[[Y0:.*]] = tpc.contract %[[A]], %[[W0]] : {{.*}} -> tensor<16x2xf32>
// COLUMNS-NEXT: %[[R0:.*]] = tpc.reduce_scatter sum %[[Y0]] dim 0 over @mesh ["tp"] {tpc.chunk} : tensor<16x2xf32> -> tensor<8x2xf32>
// COLUMNS: tensor.extract_slice %[[W]][6, 0]
// COLUMNS: %[[R3:.*]] = tpc.reduce_scatter
// COLUMNS-NEXT: tensor.concat dim(1) %[[R0]], {{.*}}, %[[R3]] : {{.*}} -> tensor<8x8xf32>
// FEW-LABEL: func.func @columns(
// FEW-COUNT-2: tpc.reduce_scatter {{.*}} tensor<16x4xf32> -> tensor<8x4xf32>
func.func @columns(%a: tensor<16x3xf32> {tpc.global = #tpc.global<[16, 6], <@mesh, [{}, {"tp"}]>>},
                   %w: tensor<8x3xf32> {tpc.global = #tpc.global<[8, 6], <@mesh, [{}, {"tp"}]>>})
    -> (tensor<8x8xf32> {tpc.global = #tpc.global<[16, 8], <@mesh, [{"tp"}, {}]>>}) {
  %y = tpc.contract %a, %w : [m, k], [n, k] -> [m, n] : (tensor<16x3xf32>, tensor<8x3xf32>) -> tensor<16x8xf32>
  %s = tpc.reduce_scatter sum %y dim 0 over @mesh ["tp"] : tensor<16x8xf32> -> tensor<8x8xf32>
  return %s : tensor<8x8xf32>
}

// A piece is the same rows of every rank's part.
// CHECK-LABEL: func.func @scatter(
// CHECK: %[[E:.*]] = tensor.expand_shape %{{.*}} {{\[}}[0, 1], [2]] output_shape [2, 4, 3]
// CHECK: %[[S:.*]] = tensor.extract_slice %[[E]][0, 0, 0] [2, 2, 3] [1, 1, 1]
// CHECK: %[[A0:.*]] = tensor.collapse_shape %[[S]]
// CHECK: %[[Y0:.*]] = tpc.contract %[[A0]], %{{.*}} -> tensor<4x8xf32>
// CHECK: %[[R0:.*]] = tpc.reduce_scatter sum %[[Y0]] dim 0 over @mesh ["tp"] {tpc.chunk} : tensor<4x8xf32> -> tensor<2x8xf32>
// CHECK: tensor.extract_slice %{{.*}}[0, 2, 0] [2, 2, 3]
// CHECK: %[[R1:.*]] = tpc.reduce_scatter
// CHECK: tensor.concat dim(0) %[[R0]], %[[R1]]
func.func @scatter(%a: tensor<8x3xf32> {tpc.global = #tpc.global<[8, 6], <@mesh, [{}, {"tp"}]>>},
                   %w: tensor<8x3xf32> {tpc.global = #tpc.global<[8, 6], <@mesh, [{}, {"tp"}]>>})
    -> (tensor<4x8xf32> {tpc.global = #tpc.global<[8, 8], <@mesh, [{"tp"}, {}]>>}) {
  %y = tpc.contract %a, %w : [m, k], [n, k] -> [m, n] : (tensor<8x3xf32>, tensor<8x3xf32>) -> tensor<8x8xf32>
  %s = tpc.reduce_scatter sum %y dim 0 over @mesh ["tp"] : tensor<8x8xf32> -> tensor<4x8xf32>
  return %s : tensor<4x8xf32>
}

// Parameters are gathered early instead, in whatever precision; a batch that both operands have, a product that has another use, and rows
// that do not divide stay whole.
// CHECK-LABEL: func.func @never(
// CHECK-NOT: tpc.chunk
func.func @never(%p: tensor<4x8xf32> {tpc.global = #tpc.global<[8, 8], <@mesh, [{"tp"}, {}]>>},
                 %x: tensor<8x8xf32> {tpc.global = #tpc.global<[8, 8], <@mesh, [{}, {}]>>},
                 %o: tensor<3x8xf32> {tpc.global = #tpc.global<[6, 8], <@mesh, [{"tp"}, {}]>>})
    -> (tensor<8x8xf32> {tpc.global = #tpc.global<[8, 8], <@mesh, [{}, {}]>>},
        tensor<8xf32> {tpc.global = #tpc.global<[8], <@mesh, [{}]>>},
        tensor<6x8xf32> {tpc.global = #tpc.global<[6, 8], <@mesh, [{}, {}]>>},
        tensor<8x8xbf16> {tpc.global = #tpc.global<[8, 8], <@mesh, [{}, {}]>>}) {
  %g = tpc.all_gather %p dim 0 over @mesh ["tp"] : tensor<4x8xf32> -> tensor<8x8xf32>
  %y = tpc.contract %g, %x : [m, k], [n, k] -> [m, n] : (tensor<8x8xf32>, tensor<8x8xf32>) -> tensor<8x8xf32>
  %0 = math.sin %p : tensor<4x8xf32>
  %h = tpc.all_gather %0 dim 0 over @mesh ["tp"] : tensor<4x8xf32> -> tensor<8x8xf32>
  %b = tpc.contract %h, %x : [b, k], [b, k] -> [b] : (tensor<8x8xf32>, tensor<8x8xf32>) -> tensor<8xf32>
  %1 = math.sin %o : tensor<3x8xf32>
  %u = tpc.all_gather %1 dim 0 over @mesh ["tp"] : tensor<3x8xf32> -> tensor<6x8xf32>
  %v = tpc.contract %u, %x : [m, k], [n, k] -> [m, n] : (tensor<6x8xf32>, tensor<8x8xf32>) -> tensor<6x8xf32>
  %q = arith.truncf %p : tensor<4x8xf32> to tensor<4x8xbf16>
  %again = tpc.barrier %q {tpc.backward} : tensor<4x8xbf16>
  %r = tpc.all_gather %again dim 0 over @mesh ["tp"] : tensor<4x8xbf16> -> tensor<8x8xbf16>
  %2 = arith.truncf %x : tensor<8x8xf32> to tensor<8x8xbf16>
  %z = tpc.contract %r, %2 : [m, k], [n, k] -> [m, n] : (tensor<8x8xbf16>, tensor<8x8xbf16>) -> tensor<8x8xbf16>
  return %y, %b, %v, %z : tensor<8x8xf32>, tensor<8xf32>, tensor<6x8xf32>, tensor<8x8xbf16>
}

// A gradient has time until the update.
// CHECK-LABEL: func.func @gradient(
// CHECK-NOT: tpc.chunk
func.func @gradient(%dy: tensor<8x4xf32> {tpc.global = #tpc.global<[16, 4], <@mesh, [{"tp"}, {}]>>},
                    %x: tensor<8x6xf32> {tpc.global = #tpc.global<[16, 6], <@mesh, [{"tp"}, {}]>>})
    -> (tensor<f32> {tpc.global = #tpc.global<[], <@mesh, []>>}) {
  %dw = tpc.contract %dy, %x : [b, n], [b, k] -> [n, k] {tpc.backward} : (tensor<8x4xf32>, tensor<8x6xf32>) -> tensor<4x6xf32>
  %g = tpc.reduce_scatter sum %dw dim 0 over @mesh ["tp"] {tpc.backward} : tensor<4x6xf32> -> tensor<2x6xf32>
  %s = tpc.sum_squares %g {tpc.update} : tensor<2x6xf32> -> tensor<f32>
  %t = tpc.all_reduce sum %s over @mesh ["tp"] {tpc.update} : tensor<f32>
  return %t : tensor<f32>
}

// What is computed beside a collective hides it as it is: a product before the gather that it does not need, one behind the
// scatter that does not need it. Prices know; a number asks for pieces in any case.
// COST-LABEL: func.func @hidden(
// COST-NOT: tpc.chunk
// CHECK-LABEL: func.func @hidden(
// CHECK: tpc.all_gather {{.*}}tpc.chunk
// CHECK: tpc.reduce_scatter {{.*}}tpc.chunk
func.func @hidden(%x: tensor<4x8xf32> {tpc.global = #tpc.global<[8, 8], <@mesh, [{"tp"}, {}]>>},
                  %w: tensor<8x8xf32> {tpc.global = #tpc.global<[8, 8], <@mesh, [{}, {}]>>})
    -> (tensor<8x8xf32> {tpc.global = #tpc.global<[8, 8], <@mesh, [{}, {}]>>},
        tensor<4x8xf32> {tpc.global = #tpc.global<[8, 8], <@mesh, [{"tp"}, {}]>>},
        tensor<8x8xf32> {tpc.global = #tpc.global<[8, 8], <@mesh, [{}, {}]>>}) {
  %0 = math.sin %x : tensor<4x8xf32>
  %before = tpc.contract %w, %w : [m, k], [n, k] -> [m, n] : (tensor<8x8xf32>, tensor<8x8xf32>) -> tensor<8x8xf32>
  %g = tpc.all_gather %0 dim 0 over @mesh ["tp"] : tensor<4x8xf32> -> tensor<8x8xf32>
  %y = tpc.contract %g, %w : [m, k], [n, k] -> [m, n] : (tensor<8x8xf32>, tensor<8x8xf32>) -> tensor<8x8xf32>
  %u = tpc.contract %y, %w : [m, n], [k, n] -> [m, k] : (tensor<8x8xf32>, tensor<8x8xf32>) -> tensor<8x8xf32>
  %s = tpc.reduce_scatter sum %u dim 0 over @mesh ["tp"] : tensor<8x8xf32> -> tensor<4x8xf32>
  %behind = tpc.contract %before, %w : [m, n], [m, k] -> [n, k] : (tensor<8x8xf32>, tensor<8x8xf32>) -> tensor<8x8xf32>
  %z = math.cos %s : tensor<4x8xf32>
  return %before, %z, %behind : tensor<8x8xf32>, tensor<4x8xf32>, tensor<8x8xf32>
}
