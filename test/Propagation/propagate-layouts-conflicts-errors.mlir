// RUN: not tpc-opt %s --split-input-file --tpc-propagate-layouts=on-conflict=error --mlir-print-op-on-diagnostic=false 2>&1 | grep -E 'error:|note:' | FileCheck %s --implicit-check-not=error:
// RUN: not tpc-opt %s --split-input-file --tpc-propagate-layouts=on-conflict=both 2>&1 | FileCheck %s --check-prefix=OPTION
// RUN: not tpc-opt %s --split-input-file --tpc-propagate-layouts=machine=abacus 2>&1 | FileCheck %s --check-prefix=MACHINE
// Chains of notes on both sides, down to the annotations.

// OPTION: error: on-conflict is cost or error, got 'both'
// MACHINE: error: {{.*}}abacus

// CHECK: error: two annotations want "tp" of one tpc.contract: operand 1 has dimension 0 (n) on "tp", operand 0 has dimension 0 (s) on "tp"; make them agree, or let --on-conflict=cost choose
// CHECK-NEXT: note: operand 1 has dimension 0 (n) on "tp"
// CHECK-NEXT: note: through tpc.use, from its operand 0
// CHECK-NEXT: plan.yaml:7:5: note: as 'w' is split here
// CHECK-NEXT: note: operand 0 has dimension 0 (s) on "tp"
// CHECK-NEXT: note: through math.exp, from its operand 0
// CHECK-NEXT: plan.yaml:8:5: note: which is asked for here
tpc.mesh @mesh <["tp"=2]>
func.func @parameter(%x: tensor<4x6xf32>, %w: tensor<8x6xf32> {tpc.layout = #tpc.layout<@mesh, [{"tp"}, {}]>, tpc.param = #tpc.param<"w", shape = [8, 6], kind = linear, fan_in = 6>} loc("plan.yaml":7:5)) -> tensor<4x8xf32> {
  %a = tpc.constrain %x to <@mesh, [{"tp"}, {}]> : tensor<4x6xf32> loc("plan.yaml":8:5)
  %b = math.exp %a : tensor<4x6xf32>
  %u = tpc.use %w : tensor<8x6xf32>
  %z = tpc.contract %b, %u : [s, k], [n, k] -> [s, n] : (tensor<4x6xf32>, tensor<8x6xf32>) -> tensor<4x8xf32>
  return %z : tensor<4x8xf32>
}

// -----

// A long way is shown at both ends. An input of the program ends a chain, too; a request further on asks backwards.
// CHECK: error: two annotations want "tp" of one arith.addf: operand 0 has dimension 0 (a) on "tp", operand 1 has dimension 1 (b) on "tp"
// CHECK-NEXT: note: operand 0 has dimension 0 (a) on "tp"
// CHECK-NEXT: note: through math.exp, from its operand 0
// CHECK-NEXT: note: through arith.negf, from its operand 0
// CHECK-NEXT: note: through math.exp, from its operand 0
// CHECK-NEXT: note: through 2 more ops
// CHECK-NEXT: note: through arith.negf, from its operand 0
// CHECK-NEXT: note: through math.exp, from its operand 0
// CHECK-NEXT: note: through arith.negf, from its operand 0
// CHECK-NEXT: note: as argument 0 lies so
// CHECK-NEXT: note: operand 1 has dimension 1 (b) on "tp"
// CHECK-NEXT: note: through arith.negf, from its operand 0
// CHECK-NEXT: note: as argument 1 lies so
tpc.mesh @mesh <["tp"=2]>
func.func @long(%x: tensor<4x6xf32> {tpc.layout = #tpc.layout<@mesh, [{"tp"}, {}]>}, %y: tensor<4x6xf32> {tpc.layout = #tpc.layout<@mesh, [{}, {"tp"}]>}) -> tensor<4x6xf32> {
  %0 = arith.negf %x : tensor<4x6xf32>
  %1 = math.exp %0 : tensor<4x6xf32>
  %2 = arith.negf %1 : tensor<4x6xf32>
  %3 = math.exp %2 : tensor<4x6xf32>
  %4 = arith.negf %3 : tensor<4x6xf32>
  %5 = math.exp %4 : tensor<4x6xf32>
  %6 = arith.negf %5 : tensor<4x6xf32>
  %7 = math.exp %6 : tensor<4x6xf32>
  %8 = arith.negf %y : tensor<4x6xf32>
  %z = arith.addf %7, %8 : tensor<4x6xf32>
  return %z : tensor<4x6xf32>
}

// -----

// The rows of the batch on dp, as they come in, and on tp, as a line of the plan asks: one dimension, two ways. What is asked
// for goes before what an argument has.
// CHECK: error: two annotations split a dimension of one arith.addf in two ways: operand 1 has dimension 0 (a) on "tp", operand 0 has dimension 0 (a) on "dp"
// CHECK-NEXT: note: operand 1 has dimension 0 (a) on "tp"
// CHECK-NEXT: note: through math.exp, from its operand 0
// CHECK-NEXT: plan.yaml:9:5: note: which is asked for here
// CHECK-NEXT: note: operand 0 has dimension 0 (a) on "dp"
// CHECK-NEXT: note: through arith.negf, from its operand 0
// CHECK-NEXT: note: as argument 0 lies so
tpc.mesh @mesh <["dp"=2, "tp"=2]>
func.func @batch(%x: tensor<4x6xf32> {tpc.layout = #tpc.layout<@mesh, [{"dp"}, {}]>}, %y: tensor<4x6xf32>) -> tensor<4x6xf32> {
  %a = arith.negf %x : tensor<4x6xf32>
  %c = tpc.constrain %y to <@mesh, [{"tp"}, {}]> : tensor<4x6xf32> loc("plan.yaml":9:5)
  %b = math.exp %c : tensor<4x6xf32>
  %z = arith.addf %a, %b : tensor<4x6xf32>
  return %z : tensor<4x6xf32>
}

// -----

// Two parameters: the columns of one and the rows of another meet in an addition. Of equals the rows go first, whichever
// operand has them.
// CHECK: error: two annotations want "tp" of one arith.addf: operand 1 has dimension 0 (a) on "tp", operand 0 has dimension 1 (b) on "tp"
// CHECK-NEXT: note: operand 1 has dimension 0 (a) on "tp"
// CHECK-NEXT: note: through tpc.use, from its operand 0
// CHECK-NEXT: plan.yaml:4:5: note: as 'w' is split here
// CHECK-NEXT: note: operand 0 has dimension 1 (b) on "tp"
// CHECK-NEXT: note: through tpc.use, from its operand 0
// CHECK-NEXT: plan.yaml:3:5: note: as 'v' is split here
tpc.mesh @mesh <["tp"=2]>
func.func @parameters(%v: tensor<4x6xf32> {tpc.layout = #tpc.layout<@mesh, [{}, {"tp"}]>, tpc.param = #tpc.param<"v", shape = [4, 6], kind = linear, fan_in = 6>} loc("plan.yaml":3:5), %w: tensor<4x6xf32> {tpc.layout = #tpc.layout<@mesh, [{"tp"}, {}]>, tpc.param = #tpc.param<"w", shape = [4, 6], kind = linear, fan_in = 6>} loc("plan.yaml":4:5)) -> tensor<4x6xf32> {
  %a = tpc.use %v : tensor<4x6xf32>
  %b = tpc.use %w : tensor<4x6xf32>
  %z = arith.addf %a, %b : tensor<4x6xf32>
  return %z : tensor<4x6xf32>
}
