// RUN: tpc-opt %s --split-input-file --tpc-propagate-layouts --mlir-print-op-on-diagnostic=false 2>&1 >/dev/null | FileCheck %s --implicit-check-not=remark:
// RUN: tpc-opt %s --split-input-file --tpc-propagate-layouts 2>/dev/null | FileCheck %s --check-prefix=LAYOUT
// Two annotations that cannot both be honoured: the cheaper is taken, and a remark says so.

// Equal sizes, equal costs: the first operand's claim goes first.
// CHECK: remark: two annotations want "tp" of one arith.addf: operand 0 has dimension 0 (a) on "tp", operand 1 has dimension 1 (b) on "tp"; the first is kept: both cost the same
// CHECK: plan.yaml:3:5: note: {{which is asked for here|as .w. is split here}}
// CHECK: plan.yaml:4:5: note: {{which is asked for here|as .w. is split here}}
// LAYOUT-LABEL: func.func @equal
// LAYOUT: arith.addf {{.*}} {tpc.layouts = [#tpc.layout<@mesh, [{"tp"}, {}]>]}
tpc.mesh @mesh <["tp"=2]>
func.func @equal(%x: tensor<4x6xf32>, %y: tensor<4x6xf32>) -> tensor<4x6xf32> {
  %a = tpc.constrain %x to <@mesh, [{"tp"}, {}]> : tensor<4x6xf32> loc("plan.yaml":3:5)
  %b = tpc.constrain %y to <@mesh, [{}, {"tp"}]> : tensor<4x6xf32> loc("plan.yaml":4:5)
  %z = arith.addf %a, %b : tensor<4x6xf32>
  return %z : tensor<4x6xf32>
}

// -----

// A rank would receive 1/4 of %a (8000 x 600 floats, all-to-all: it has b as well) or 1/2 of %b
// (600 x 6000, all-gather: it lacks a). The larger tensor is the cheaper one to move.
// CHECK: remark: two annotations want "tp" of one tpc.contract: operand 1 has dimension 0 (b) on "tp", operand 0 has dimension 0 (a) on "tp"; the first is kept: to move the other takes {{[0-9.]+}} us, to move this one
// CHECK: plan.yaml:6:5: note: {{which is asked for here|as .w. is split here}}
// CHECK: plan.yaml:5:5: note: {{which is asked for here|as .w. is split here}}
// LAYOUT-LABEL: func.func @cost
// LAYOUT: tpc.contract {{.*}} {tpc.layouts = [#tpc.layout<@mesh, [{}, {"tp"}, {}]>]}
tpc.mesh @mesh <["tp"=2]>
func.func @cost(%x: tensor<8000x600xf32>, %y: tensor<600x6000xf32>) -> tensor<8000x600x6000xf32> {
  %a = tpc.constrain %x to <@mesh, [{"tp"}, {}]> : tensor<8000x600xf32> loc("plan.yaml":5:5)
  %b = tpc.constrain %y to <@mesh, [{"tp"}, {}]> : tensor<600x6000xf32> loc("plan.yaml":6:5)
  %z = tpc.contract %a, %b : [a, b], [b, c] -> [a, b, c] : (tensor<8000x600xf32>, tensor<600x6000xf32>) -> tensor<8000x600x6000xf32>
  return %z : tensor<8000x600x6000xf32>
}

// -----

// The same with sizes that are padded.
// CHECK: remark: two annotations want "tp" of one tpc.contract: operand 1 has dimension 0 (b) on "tp", operand 0 has dimension 0 (a) on "tp"; the first is kept: to move the other takes {{[0-9.]+}} us, to move this one
// LAYOUT-LABEL: func.func @uneven
// LAYOUT: tpc.contract {{.*}} {tpc.layouts = [#tpc.layout<@mesh, [{}, {"tp"}, {}]>]}
tpc.mesh @mesh <["tp"=2]>
func.func @uneven(%x: tensor<8001x601xf32>, %y: tensor<601x6001xf32>) -> tensor<8001x601x6001xf32> {
  %a = tpc.constrain %x to <@mesh, [{"tp"}, {}]> : tensor<8001x601xf32>
  %b = tpc.constrain %y to <@mesh, [{"tp"}, {}]> : tensor<601x6001xf32>
  %z = tpc.contract %a, %b : [a, b], [b, c] -> [a, b, c] : (tensor<8001x601xf32>, tensor<601x6001xf32>) -> tensor<8001x601x6001xf32>
  return %z : tensor<8001x601x6001xf32>
}

// -----

// A parameter is never moved for a request's sake.
// CHECK: remark: two annotations want "tp" of one tpc.contract: operand 1 has dimension 0 (n) on "tp", operand 0 has dimension 0 (s) on "tp"; the first is kept: a parameter stays where the plan puts it
// CHECK: plan.yaml:8:5: note: {{which is asked for here|as .w. is split here}}
// LAYOUT-LABEL: func.func @parameter
// LAYOUT: tpc.contract {{.*}} {tpc.layouts = [#tpc.layout<@mesh, [{}, {"tp"}]>]}
tpc.mesh @mesh <["tp"=2]>
func.func @parameter(%x: tensor<400x6xf32>, %w: tensor<4x6xf32> {tpc.layout = #tpc.layout<@mesh, [{"tp"}, {}]>, tpc.param = #tpc.param<"w", shape = [4, 6], kind = linear, fan_in = 6>}) -> tensor<400x4xf32> {
  %a = tpc.constrain %x to <@mesh, [{"tp"}, {}]> : tensor<400x6xf32> loc("plan.yaml":8:5)
  %u = tpc.use %w : tensor<4x6xf32>
  %z = tpc.contract %a, %u : [s, k], [n, k] -> [s, n] : (tensor<400x6xf32>, tensor<4x6xf32>) -> tensor<400x4xf32>
  return %z : tensor<400x4xf32>
}

// -----

// Two axes for one dimension, each asked for once.
// CHECK: remark: two annotations split a dimension of one arith.mulf in two ways: result 0 has dimension 0 (a) on "x", operand 1 has dimension 0 (a) on "y"; the first is kept: both cost the same, and its dimension or mesh axis is the earlier one
// CHECK: plan.yaml:9:5: note: {{which is asked for here|as .w. is split here}}
// CHECK: plan.yaml:10:5: note: {{which is asked for here|as .w. is split here}}
tpc.mesh @mesh <["x"=2, "y"=2]>
func.func @axes(%x: tensor<4xf32>, %y: tensor<4xf32>) -> tensor<4xf32> {
  %a = tpc.constrain %x to <@mesh, [{"x"}]> : tensor<4xf32> loc("plan.yaml":9:5)
  %b = tpc.constrain %y to <@mesh, [{"y"}]> : tensor<4xf32> loc("plan.yaml":10:5)
  %z = arith.mulf %a, %b : tensor<4xf32>
  return %z : tensor<4xf32>
}

// -----

// No conflict: a sum over the axis is formed anyway, and scattered as is asked for.
tpc.mesh @mesh <["tp"=2]>
func.func @sum(%x: tensor<4x6xf32>, %w: tensor<8x6xf32> {tpc.layout = #tpc.layout<@mesh, [{}, {"tp"}]>}) -> tensor<4x8xf32> {
  %y = tpc.contract %x, %w : [b, f], [n, f] -> [b, n] : (tensor<4x6xf32>, tensor<8x6xf32>) -> tensor<4x8xf32>
  %z = tpc.constrain %y to <@mesh, [{"tp"}, {}]> : tensor<4x8xf32> loc("plan.yaml":14:3)
  return %z : tensor<4x8xf32>
}

// -----

// No conflict: what is asked for twice in a row is a reshard that was asked for.
tpc.mesh @mesh <["tp"=2]>
func.func @twice(%x: tensor<4x8xf32>) -> tensor<4x8xf32> {
  %y = tpc.constrain %x to <@mesh, [{}, {"tp"}]> : tensor<4x8xf32> loc("plan.yaml":15:3)
  %z = tpc.constrain %y to <@mesh, [{"tp"}, {}]> : tensor<4x8xf32> loc("plan.yaml":16:3)
  return %z : tensor<4x8xf32>
}
