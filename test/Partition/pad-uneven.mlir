// RUN: tpc-opt %s --tpc-pad-uneven -o %t.padded.mlir 2> %t.warnings
// RUN: FileCheck %s < %t.padded.mlir
// RUN: FileCheck %s --check-prefix=WARN < %t.warnings
// RUN: tpc-interpret %t.padded.mlir --against=%s
// RUN: tpc-opt %t.padded.mlir --tpc-insert-reshards --tpc-expand-reshards --tpc-localize --tpc-verify-local -o %t.local.mlir
// RUN: tpc-interpret %t.local.mlir --against=%s

// Inputs hold NaN in their padding, parameters zeros.
tpc.mesh @mesh <["dp"=2, "tp"=3]>

// WARN: warning: dimension 1 of argument 1, of size 5, is padded to 6: ranks idle for 16.7 % of the work on it
// WARN-NOT: warning: {{.*}} of size 5, is padded to 6

// One class of three dimensions; nobody sums over it, so nothing is selected.
// CHECK-LABEL: @column(
// CHECK-SAME: tensor<4x6xf32> {tpc.layout = #tpc.layout<@mesh, [{}, {"tp"}]>, tpc.logical_shape = array<i64: 4, 5>}
// CHECK-SAME: -> (tensor<3x6xf32> {tpc.layout = #tpc.layout<@mesh, [{}, {"tp"}]>, tpc.logical_shape = array<i64: 3, 5>})
// CHECK-NEXT: arith.constant {{.*}} dense<2.500000e-01> : tensor<3x6xf32>
// CHECK-NOT: tpc.within
// CHECK: return
func.func @column(%x: tensor<3x4xf32> {tpc.layout = #tpc.layout<@mesh, [{}, {}]>},
                  %w: tensor<4x5xf32> {tpc.layout = #tpc.layout<@mesh, [{}, {"tp"}]>})
    -> (tensor<3x5xf32> {tpc.layout = #tpc.layout<@mesh, [{}, {"tp"}]>}) {
  %c = arith.constant {tpc.layouts = [#tpc.layout<@mesh, [{}, {"tp"}]>]} dense<0.25> : tensor<3x5xf32>
  %0 = tpc.contract %x, %w : [m, k], [k, n] -> [m, n] {tpc.layouts = [#tpc.layout<@mesh, [{}, {"tp"}]>]} : (tensor<3x4xf32>, tensor<4x5xf32>) -> tensor<3x5xf32>
  %1 = arith.addf %0, %c {tpc.layouts = [#tpc.layout<@mesh, [{}, {"tp"}]>]} : tensor<3x5xf32>
  return %1 : tensor<3x5xf32>
}

// Both operands of a sum over padding are selected, as 0 times NaN is NaN.
// CHECK-LABEL: @row(
// CHECK: %[[N:.*]] = tpc.within 5 dim 0 {{.*}} : tensor<6x4xi1>
// CHECK: %[[W:.*]] = arith.select %[[N]], %arg1, %{{.*}} : tensor<6x4xi1>, tensor<6x4xf32>
// CHECK: %[[M:.*]] = tpc.within 5 dim 1 {{.*}} : tensor<3x6xi1>
// CHECK: %[[X:.*]] = arith.select %[[M]], %arg0, %{{.*}}
// CHECK: tpc.contract %[[X]], %[[W]]
func.func @row(%x: tensor<3x5xf32> {tpc.layout = #tpc.layout<@mesh, [{}, {"tp"}]>},
               %w: tensor<5x4xf32> {tpc.layout = #tpc.layout<@mesh, [{"tp"}, {}]>})
    -> (tensor<3x4xf32> {tpc.layout = #tpc.layout<@mesh, [{}, {}]>}) {
  %0 = tpc.contract %x, %w : [m, k], [k, n] -> [m, n] {tpc.layouts = [#tpc.layout<@mesh, [{}, {}]>]} : (tensor<3x5xf32>, tensor<5x4xf32>) -> tensor<3x4xf32>
  return %0 : tensor<3x4xf32>
}

// The padding of parameters is zero: a gated layer of uneven width selects nothing, though it is
// summed over the width, exp(0) is 1 in between, and 1 / (1 + 1) is no zero.
// CHECK-LABEL: @gated(
// CHECK-NOT: tpc.within
// CHECK: return
func.func @gated(%x: tensor<3x4xf32> {tpc.layout = #tpc.layout<@mesh, [{}, {}]>},
                 %up: tensor<4x5xf32> {tpc.layout = #tpc.layout<@mesh, [{}, {"tp"}]>, tpc.param = #tpc.param<"up", shape = [4, 5], kind = linear, fan_in = 4>},
                 %gate: tensor<4x5xf32> {tpc.layout = #tpc.layout<@mesh, [{}, {"tp"}]>, tpc.param = #tpc.param<"gate", shape = [4, 5], kind = linear, fan_in = 4>},
                 %down: tensor<5x4xf32> {tpc.layout = #tpc.layout<@mesh, [{"tp"}, {}]>, tpc.param = #tpc.param<"down", shape = [5, 4], kind = linear, fan_in = 5>})
    -> (tensor<3x4xf32> {tpc.layout = #tpc.layout<@mesh, [{}, {}]>}) {
  %0 = tpc.contract %x, %up : [m, k], [k, n] -> [m, n] {tpc.layouts = [#tpc.layout<@mesh, [{}, {"tp"}]>]} : (tensor<3x4xf32>, tensor<4x5xf32>) -> tensor<3x5xf32>
  %1 = tpc.contract %x, %gate : [m, k], [k, n] -> [m, n] {tpc.layouts = [#tpc.layout<@mesh, [{}, {"tp"}]>]} : (tensor<3x4xf32>, tensor<4x5xf32>) -> tensor<3x5xf32>
  %2 = math.absf %1 {tpc.layouts = [#tpc.layout<@mesh, [{}, {"tp"}]>]} : tensor<3x5xf32>
  %one = arith.constant {tpc.layouts = [#tpc.layout<@mesh, [{}, {"tp"}]>]} dense<1.0> : tensor<3x5xf32>
  %3 = arith.addf %2, %one {tpc.layouts = [#tpc.layout<@mesh, [{}, {"tp"}]>]} : tensor<3x5xf32>
  %4 = arith.mulf %0, %3 {tpc.layouts = [#tpc.layout<@mesh, [{}, {"tp"}]>]} : tensor<3x5xf32>
  %5 = tpc.contract %4, %down : [m, k], [k, n] -> [m, n] {tpc.layouts = [#tpc.layout<@mesh, [{}, {}]>]} : (tensor<3x5xf32>, tensor<5x4xf32>) -> tensor<3x4xf32>
  return %5 : tensor<3x4xf32>
}

// A maximum finds -inf, a minimum +inf, a sum 0; each user its own.
// CHECK-LABEL: @extremes(
// CHECK-DAG: arith.constant {{.*}} dense<0xFF800000> : tensor<6x4xf32>
// CHECK-DAG: arith.constant {{.*}} dense<0x7F800000> : tensor<6x4xf32>
// CHECK-DAG: arith.constant {{.*}} dense<0.000000e+00> : tensor<6x4xf32>
func.func @extremes(%x: tensor<5x4xf32> {tpc.layout = #tpc.layout<@mesh, [{"tp"}, {}]>})
    -> (tensor<4xf32> {tpc.layout = #tpc.layout<@mesh, [{}]>}, tensor<4xf32> {tpc.layout = #tpc.layout<@mesh, [{}]>},
        tensor<4xf32> {tpc.layout = #tpc.layout<@mesh, [{}]>}) {
  %0 = tpc.reduce max %x dims [0] {tpc.layouts = [#tpc.layout<@mesh, [{}]>]} : tensor<5x4xf32> -> tensor<4xf32>
  %1 = tpc.reduce min %x dims [0] {tpc.layouts = [#tpc.layout<@mesh, [{}]>]} : tensor<5x4xf32> -> tensor<4xf32>
  %2 = tpc.reduce sum %x dims [0] {tpc.layouts = [#tpc.layout<@mesh, [{}]>]} : tensor<5x4xf32> -> tensor<4xf32>
  return %0, %1, %2 : tensor<4xf32>, tensor<4xf32>, tensor<4xf32>
}

// Parts of several axes: 7 is split over 2 here and over 3 there, so it is padded to 12; the 9 of
// the same value need no padding.
// CHECK-LABEL: @axes(
// CHECK-SAME: tensor<12x9xf32> {tpc.layout = #tpc.layout<@mesh, [{"dp"}, {"tp"}]>, tpc.logical_shape = array<i64: 7, 9>}
func.func @axes(%x: tensor<7x9xf32> {tpc.layout = #tpc.layout<@mesh, [{"dp"}, {"tp"}]>})
    -> (tensor<7x9xf32> {tpc.layout = #tpc.layout<@mesh, [{"tp"}, {}]>}) {
  %0 = arith.addf %x, %x {tpc.layouts = [#tpc.layout<@mesh, [{"dp"}, {"tp"}]>]} : tensor<7x9xf32>
  return %0 : tensor<7x9xf32>
}

// Rows of tokens that are no tokens: the table's gradient does not see them, nor a padded table
// ids that nobody has.
// CHECK-LABEL: @embedding(
// CHECK-SAME: tensor<4x3xi32> {{{.*}}tpc.logical_shape = array<i64: 3, 3>}
// CHECK: arith.select
// CHECK: tpc.embedding_grad
func.func @embedding(%ids: tensor<3x3xi32> {tpc.input = "tokens", tpc.layout = #tpc.layout<@mesh, [{"dp"}, {}]>},
                     %table: tensor<8x2xf32> {tpc.layout = #tpc.layout<@mesh, [{"tp"}, {}]>, tpc.param = #tpc.param<"table", shape = [8, 2], kind = embedding, fan_in = 8>})
    -> (tensor<3x3x2xf32> {tpc.layout = #tpc.layout<@mesh, [{"dp"}, {}, {}]>},
        tensor<8x2xf32> {tpc.layout = #tpc.layout<@mesh, [{"tp"}, {}]>, tpc.gradient = "table"}) {
  %0 = tpc.embedding %ids, %table {tpc.layouts = [#tpc.layout<@mesh, [{"dp"}, {}, {}]>]} : (tensor<3x3xi32>, tensor<8x2xf32>) -> tensor<3x3x2xf32>
  %1 = tpc.embedding_grad %ids, %0 {tpc.layouts = [#tpc.layout<@mesh, [{"tp"}, {}]>]} : (tensor<3x3xi32>, tensor<3x3x2xf32>) -> tensor<8x2xf32>
  return %0, %1 : tensor<3x3x2xf32>, tensor<8x2xf32>
}

// Nobody divides by what lies in padding; constants are no zeros.
// CHECK-LABEL: @quotients(
// CHECK: %[[M:.*]] = tpc.within 5 dim 0 {{.*}} : tensor<6xi1>
// CHECK: %[[D:.*]] = arith.select %[[M]], %{{.*}}, %{{.*}} : tensor<6xi1>, tensor<6xi32>
// CHECK: %[[Q:.*]] = arith.floordivsi %arg0, %[[D]]
// CHECK: arith.remsi %[[Q]], %cst
func.func @quotients(%x: tensor<5xi32> {tpc.layout = #tpc.layout<@mesh, [{"tp"}]>}) -> (tensor<5xi32> {tpc.layout = #tpc.layout<@mesh, [{"tp"}]>}) {
  %two = arith.constant {tpc.layouts = [#tpc.layout<@mesh, [{"tp"}]>]} dense<2> : tensor<5xi32>
  %0 = arith.addi %x, %two {tpc.layouts = [#tpc.layout<@mesh, [{"tp"}]>]} : tensor<5xi32>
  %1 = arith.floordivsi %x, %0 {tpc.layouts = [#tpc.layout<@mesh, [{"tp"}]>]} : tensor<5xi32>
  %2 = arith.remsi %1, %two {tpc.layouts = [#tpc.layout<@mesh, [{"tp"}]>]} : tensor<5xi32>
  return %2 : tensor<5xi32>
}

// What nothing splits unevenly stays as it is.
// CHECK-LABEL: @even(
// CHECK-NOT: logical_shape
// CHECK: tensor<6x4xf32>
func.func @even(%x: tensor<6x4xf32> {tpc.layout = #tpc.layout<@mesh, [{"tp"}, {"dp"}]>})
    -> (tensor<6x4xf32> {tpc.layout = #tpc.layout<@mesh, [{"dp"}, {}]>}) {
  %0 = arith.negf %x {tpc.layouts = [#tpc.layout<@mesh, [{"tp"}, {"dp"}]>]} : tensor<6x4xf32>
  return %0 : tensor<6x4xf32>
}
