// RUN: tpc-opt %s --split-input-file --tpc-propagate-layouts=machine=%S/Inputs/slow-x.yaml --mlir-print-op-on-diagnostic=false -o %t.mlir 2> %t.remarks
// RUN: FileCheck %s < %t.mlir
// RUN: FileCheck %s --check-prefix=REMARK --implicit-check-not=remark: < %t.remarks

// Claims that meet are priced on the machine's links; the order of operands and users does not matter.

// An all-gather over x is dear, one over y is cheap: the operand on y is moved, be it the second or the first.
// REMARK: plan.yaml:1:1: remark: two annotations split a dimension of one arith.mulf in two ways: result 0 has dimension 0 (a) on "x", operand 1 has dimension 0 (a) on "y"; the first is kept: to move the other takes 336.5 us, to move this one 168940.9 us
// REMARK: plan.yaml:1:1: note: through arith.mulf, from its operand 0
// CHECK-LABEL: func.func @second
// CHECK: arith.mulf {{.*}} [#tpc.layout<@mesh, [{"x"}, {}]>]
tpc.mesh @mesh <["x"=2, "y"=2]>
func.func @second(%a: tensor<4096x4096xf32> {tpc.layout = #tpc.layout<@mesh, [{"x"}, {}]>}, %b: tensor<4096x4096xf32> {tpc.layout = #tpc.layout<@mesh, [{"y"}, {}]>}) -> tensor<4096x4096xf32> {
  %0 = arith.mulf %a, %b : tensor<4096x4096xf32> loc("plan.yaml":1:1)
  return %0 : tensor<4096x4096xf32>
}

// -----

// REMARK: plan.yaml:2:1: remark: two annotations split a dimension of one arith.mulf in two ways: result 0 has dimension 0 (a) on "x", operand 0 has dimension 0 (a) on "y"; the first is kept: to move the other takes 336.5 us, to move this one 168940.9 us
// REMARK: plan.yaml:2:1: note: through arith.mulf, from its operand 1
// CHECK-LABEL: func.func @first
// CHECK: arith.mulf {{.*}} [#tpc.layout<@mesh, [{"x"}, {}]>]
tpc.mesh @mesh <["x"=2, "y"=2]>
func.func @first(%a: tensor<4096x4096xf32> {tpc.layout = #tpc.layout<@mesh, [{"x"}, {}]>}, %b: tensor<4096x4096xf32> {tpc.layout = #tpc.layout<@mesh, [{"y"}, {}]>}) -> tensor<4096x4096xf32> {
  %0 = arith.mulf %b, %a : tensor<4096x4096xf32> loc("plan.yaml":2:1)
  return %0 : tensor<4096x4096xf32>
}

// -----

// A value that both users want another way follows the one on y: it can be gathered over y for the other, as it could not
// over x.
// REMARK: plan.yaml:3:1: remark: two annotations split a dimension of one arith.addf in two ways: operand 0 has dimension 0 (a) on "y", operand 1 has dimension 0 (a) on "x"; the first is kept: to move the other takes
// CHECK-LABEL: func.func @users
// CHECK: arith.negf {{.*}} [#tpc.layout<@mesh, [{"y"}, {}]>]
tpc.mesh @mesh <["x"=2, "y"=2]>
func.func @users(%u: tensor<4096x4096xf32>, %a: tensor<4096x4096xf32> {tpc.layout = #tpc.layout<@mesh, [{"x"}, {}]>}, %b: tensor<4096x4096xf32> {tpc.layout = #tpc.layout<@mesh, [{"y"}, {}]>}) -> (tensor<4096x4096xf32>, tensor<4096x4096xf32>) {
  %n = arith.negf %u : tensor<4096x4096xf32>
  %0 = arith.addf %n, %a : tensor<4096x4096xf32> loc("plan.yaml":3:1)
  %1 = arith.addf %n, %b : tensor<4096x4096xf32> loc("plan.yaml":4:1)
  return %0, %1 : tensor<4096x4096xf32>, tensor<4096x4096xf32>
}

// -----

// Rows on x and columns on x cost the same to move: the rows go first, also where the other user is the first.
// REMARK: plan.yaml:5:1: remark: two annotations want "x" of one arith.addf: operand 0 has dimension 0 (a) on "x", operand 1 has dimension 1 (b) on "x"; the first is kept: both cost the same, and its dimension or mesh axis is the earlier one
// CHECK-LABEL: func.func @dimensions
// CHECK: arith.negf {{.*}} [#tpc.layout<@mesh, [{"x"}, {}]>]
tpc.mesh @mesh <["x"=2, "y"=2]>
func.func @dimensions(%u: tensor<4x4xf32>, %a: tensor<4x4xf32> {tpc.layout = #tpc.layout<@mesh, [{"x"}, {}]>}, %b: tensor<4x4xf32> {tpc.layout = #tpc.layout<@mesh, [{}, {"x"}]>}) -> (tensor<4x4xf32>, tensor<4x4xf32>) {
  %n = arith.negf %u : tensor<4x4xf32>
  %0 = arith.addf %n, %b : tensor<4x4xf32> loc("plan.yaml":5:1)
  %1 = arith.addf %n, %a : tensor<4x4xf32> loc("plan.yaml":6:1)
  return %0, %1 : tensor<4x4xf32>, tensor<4x4xf32>
}
