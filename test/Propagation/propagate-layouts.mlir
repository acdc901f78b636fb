// RUN: tpc-opt %s --split-input-file --tpc-propagate-layouts --tpc-verify-layouts | FileCheck %s
// Expected layouts are derived by hand from the rules; each function says how.

// The MLP of megatron.yaml between sequence-parallel blocks, on a 2-D mesh. The block's input has its sequence on tp, the
// first constraint gathers it; gate and up take f from their weights; the product keeps it; down sums over f, so only
// the batch passes forward, and the sequence split comes back from the constraint.
tpc.mesh @mesh <["dp"=2, "tp"=2]>
// CHECK-LABEL: func.func @mlp(
// CHECK-SAME: -> (tensor<4x8x6xf32> {tpc.layout = #tpc.layout<@mesh, [{"dp"}, {"tp"}, {}]>})
func.func @mlp(%x: tensor<4x8x6xf32> {tpc.layout = #tpc.layout<@mesh, [{"dp"}, {"tp"}, {}]>},
               %gate: tensor<16x6xf32> {tpc.param = #tpc.param<"gate", shape = [16, 6], kind = linear, fan_in = 6>, tpc.layout = #tpc.layout<@mesh, [{"tp"}, {}]>},
               %up: tensor<16x6xf32> {tpc.param = #tpc.param<"up", shape = [16, 6], kind = linear, fan_in = 6>, tpc.layout = #tpc.layout<@mesh, [{"tp"}, {}]>},
               %down: tensor<6x16xf32> {tpc.param = #tpc.param<"down", shape = [6, 16], kind = linear, fan_in = 16>, tpc.layout = #tpc.layout<@mesh, [{}, {"tp"}]>})
    -> tensor<4x8x6xf32> {
  // CHECK: tpc.constrain {{.*}} {tpc.layouts = [#tpc.layout<@mesh, [{"dp"}, {}, {}]>]}
  %0 = tpc.constrain %x to <@mesh, [{"dp"}, {}, {}]> : tensor<4x8x6xf32>
  // CHECK: tpc.use {{.*}} {tpc.layouts = [#tpc.layout<@mesh, [{"tp"}, {}]>]} : tensor<16x6xf32>
  %g = tpc.use %gate : tensor<16x6xf32>
  %u = tpc.use %up : tensor<16x6xf32>
  // CHECK: tpc.use {{.*}} {tpc.layouts = [#tpc.layout<@mesh, [{}, {"tp"}]>]} : tensor<6x16xf32>
  %d = tpc.use %down : tensor<6x16xf32>
  // CHECK: tpc.contract {{.*}} {tpc.layouts = [#tpc.layout<@mesh, [{"dp"}, {}, {"tp"}]>]} {{.*}} -> tensor<4x8x16xf32>
  %1 = tpc.contract %0, %g : [b, s, k], [f, k] -> [b, s, f] : (tensor<4x8x6xf32>, tensor<16x6xf32>) -> tensor<4x8x16xf32>
  // CHECK: tpc.contract {{.*}} {tpc.layouts = [#tpc.layout<@mesh, [{"dp"}, {}, {"tp"}]>]} {{.*}} -> tensor<4x8x16xf32>
  %2 = tpc.contract %0, %u : [b, s, k], [f, k] -> [b, s, f] : (tensor<4x8x6xf32>, tensor<16x6xf32>) -> tensor<4x8x16xf32>
  // CHECK: arith.mulf {{.*}} {tpc.layouts = [#tpc.layout<@mesh, [{"dp"}, {}, {"tp"}]>]}
  %3 = arith.mulf %1, %2 : tensor<4x8x16xf32>
  // CHECK: tpc.contract {{.*}} {tpc.layouts = [#tpc.layout<@mesh, [{"dp"}, {"tp"}, {}]>]} {{.*}} -> tensor<4x8x6xf32>
  %4 = tpc.contract %3, %d : [b, s, f], [n, f] -> [b, s, n] : (tensor<4x8x16xf32>, tensor<6x16xf32>) -> tensor<4x8x6xf32>
  // CHECK: tpc.constrain {{.*}} {tpc.layouts = [#tpc.layout<@mesh, [{"dp"}, {"tp"}, {}]>]}
  %5 = tpc.constrain %4 to <@mesh, [{"dp"}, {"tp"}, {}]> : tensor<4x8x6xf32>
  // CHECK: arith.addf {{.*}} {tpc.layouts = [#tpc.layout<@mesh, [{"dp"}, {"tp"}, {}]>]}
  %6 = arith.addf %x, %5 : tensor<4x8x6xf32>
  return %6 : tensor<4x8x6xf32>
}

// -----

// Attention with 3 key/value heads of 4 query heads each at tp=2: only the group can be split, so q has g on tp and k, v
// are whole. The output takes g from q (forward) and not the sequence that the constraint behind o_proj asks for.
tpc.mesh @mesh <["tp"=2]>
// CHECK-LABEL: func.func @attention_group(
func.func @attention_group(%x: tensor<2x8x24xf32> {tpc.layout = #tpc.layout<@mesh, [{}, {"tp"}, {}]>},
    %wq: tensor<3x4x2x24xf32> {tpc.layout = #tpc.layout<@mesh, [{}, {"tp"}, {}, {}]>, tpc.param = #tpc.param<"q", shape = [24, 24], kind = linear, fan_in = 24>},
    %wk: tensor<3x2x24xf32> {tpc.param = #tpc.param<"k", shape = [6, 24], kind = linear, fan_in = 24>},
    %wo: tensor<24x3x4x2xf32> {tpc.layout = #tpc.layout<@mesh, [{}, {}, {"tp"}, {}]>, tpc.param = #tpc.param<"o", shape = [24, 24], kind = linear, fan_in = 24>}) -> tensor<2x8x24xf32> {
  %0 = tpc.constrain %x to <@mesh, [{}, {}, {}]> : tensor<2x8x24xf32>
  %uq = tpc.use %wq : tensor<3x4x2x24xf32>
  // A parameter without a layout is replicated.
  // CHECK: tpc.use {{.*}} {tpc.layouts = [#tpc.layout<@mesh, [{}, {}, {}]>]} : tensor<3x2x24xf32>
  %uk = tpc.use %wk : tensor<3x2x24xf32>
  %uo = tpc.use %wo : tensor<24x3x4x2xf32>
  // CHECK: tpc.contract {{.*}} {tpc.layouts = [#tpc.layout<@mesh, [{}, {}, {}, {"tp"}, {}]>]}
  %q = tpc.contract %0, %uq : [b, s, k], [h, g, d, k] -> [b, s, h, g, d] : (tensor<2x8x24xf32>, tensor<3x4x2x24xf32>) -> tensor<2x8x3x4x2xf32>
  // CHECK: tpc.contract {{.*}} {tpc.layouts = [#tpc.layout<@mesh, [{}, {}, {}, {}]>]}
  %k = tpc.contract %0, %uk : [b, s, k], [h, d, k] -> [b, s, h, d] : (tensor<2x8x24xf32>, tensor<3x2x24xf32>) -> tensor<2x8x3x2xf32>
  // CHECK: tpc.rope_table {{.*}} {tpc.layouts = [#tpc.layout<@mesh, [{}, {}]>, #tpc.layout<@mesh, [{}, {}]>]}
  %cos, %sin = tpc.rope_table frequencies [1.0] scale 1.0 : tensor<8x1xf32>, tensor<8x1xf32>
  // CHECK: tpc.rope {{.*}} {tpc.layouts = [#tpc.layout<@mesh, [{}, {}, {}, {"tp"}, {}]>]}
  %rq = tpc.rope %q, %cos, %sin : tensor<2x8x3x4x2xf32>, tensor<8x1xf32>
  // CHECK: tpc.rope {{.*}} {tpc.layouts = [#tpc.layout<@mesh, [{}, {}, {}, {}]>]}
  %rk = tpc.rope %k, %cos, %sin : tensor<2x8x3x2xf32>, tensor<8x1xf32>
  // CHECK: tpc.attention {{.*}} {tpc.layouts = [#tpc.layout<@mesh, [{}, {}, {}, {"tp"}, {}]>, #tpc.layout<@mesh, [{}, {}, {}, {"tp"}]>]}
  %o, %lse = tpc.attention causal %rq, %rk, %k scale 0.5 : tensor<2x8x3x4x2xf32>, tensor<2x8x3x2xf32> -> tensor<2x8x3x4xf32>
  // CHECK: tpc.boundary {{.*}} {tpc.layouts = [#tpc.layout<@mesh, [{}, {}, {}, {"tp"}, {}]>]}
  %1 = tpc.boundary %o input 0 of linear "o_proj" dims [[0], [1], [2, 3, 4]] : tensor<2x8x3x4x2xf32>
  // CHECK: tpc.contract {{.*}} {tpc.layouts = [#tpc.layout<@mesh, [{}, {"tp"}, {}]>]}
  %2 = tpc.contract %1, %uo : [b, s, h, g, d], [n, h, g, d] -> [b, s, n] : (tensor<2x8x3x4x2xf32>, tensor<24x3x4x2xf32>) -> tensor<2x8x24xf32>
  %3 = tpc.constrain %2 to <@mesh, [{}, {"tp"}, {}]> : tensor<2x8x24xf32>
  return %3 : tensor<2x8x24xf32>
}

// -----

// 2 key/value heads of 2 query heads each at tp=4: kv_heads take the major half of tp, the group the minor one. k has no
// group, so it has the major half only, asked for by q (sideways, through attention, as nobody else says anything).
tpc.mesh @mesh <["tp"=4]>
// CHECK-LABEL: func.func @attention_sub_axes(
func.func @attention_sub_axes(%x: tensor<1x8x8xf32>,
    %wq: tensor<2x2x4x8xf32> {tpc.layout = #tpc.layout<@mesh, [{"tp":(1)2}, {"tp":(2)2}, {}, {}]>, tpc.param = #tpc.param<"q", shape = [16, 8], kind = linear, fan_in = 8>},
    %k: tensor<1x8x2x4xf32>) -> tensor<1x8x16xf32> {
  %uq = tpc.use %wq : tensor<2x2x4x8xf32>
  // CHECK: tpc.contract {{.*}} {tpc.layouts = [#tpc.layout<@mesh, [{}, {}, {"tp":(1)2}, {"tp":(2)2}, {}]>]}
  %q = tpc.contract %x, %uq : [b, s, k], [h, g, d, k] -> [b, s, h, g, d] : (tensor<1x8x8xf32>, tensor<2x2x4x8xf32>) -> tensor<1x8x2x2x4xf32>
  // CHECK: arith.addf {{.*}} {tpc.layouts = [#tpc.layout<@mesh, [{}, {}, {"tp":(1)2}, {}]>]}
  %k2 = arith.addf %k, %k : tensor<1x8x2x4xf32>
  // CHECK: tpc.attention {{.*}} {tpc.layouts = [#tpc.layout<@mesh, [{}, {}, {"tp":(1)2}, {"tp":(2)2}, {}]>, #tpc.layout<@mesh, [{}, {}, {"tp":(1)2}, {"tp":(2)2}]>]}
  %o, %lse = tpc.attention causal %q, %k2, %k2 scale 0.5 : tensor<1x8x2x2x4xf32>, tensor<1x8x2x4xf32> -> tensor<1x8x2x2xf32>
  // The halves meet again in one dimension: together they are the whole axis.
  // CHECK: tensor.collapse_shape {{.*}} {tpc.layouts = [#tpc.layout<@mesh, [{}, {}, {"tp"}]>]}
  %1 = tensor.collapse_shape %o [[0], [1], [2, 3, 4]] : tensor<1x8x2x2x4xf32> into tensor<1x8x16xf32>
  return %1 : tensor<1x8x16xf32>
}

// -----

// Sequence-parallel norm: its own dimension stays whole although the consumer splits it. The embedding takes the sequence
// split of its constraint in the backward sweep; its ids keep what their argument says.
tpc.mesh @mesh <["dp"=2, "tp"=2]>
// CHECK-LABEL: func.func @norm(
func.func @norm(%ids: tensor<4x8xi32> {tpc.input = "tokens", tpc.layout = #tpc.layout<@mesh, [{"dp"}, {}]>},
                %table: tensor<10x6xf32> {tpc.param = #tpc.param<"embed", shape = [10, 6], kind = embedding, fan_in = 6>, tpc.layout = #tpc.layout<@mesh, [{"tp"}, {}]>},
                %weight: tensor<6xf32> {tpc.param = #tpc.param<"norm", shape = [6], kind = norm, fan_in = 6>}) -> tensor<4x8x6xf32> {
  %t = tpc.use %table : tensor<10x6xf32>
  // CHECK: tpc.embedding {{.*}} {tpc.layouts = [#tpc.layout<@mesh, [{"dp"}, {"tp"}, {}]>]}
  %0 = tpc.embedding %ids, %t : (tensor<4x8xi32>, tensor<10x6xf32>) -> tensor<4x8x6xf32>
  %1 = tpc.constrain %0 to <@mesh, [{"dp"}, {"tp"}, {}]> : tensor<4x8x6xf32>
  // CHECK: tpc.use {{.*}} {tpc.layouts = [#tpc.layout<@mesh, [{}]>]} : tensor<6xf32>
  %w = tpc.use %weight : tensor<6xf32>
  // CHECK: tpc.rms_norm {{.*}} {tpc.layouts = [#tpc.layout<@mesh, [{"dp"}, {"tp"}, {}]>]}
  %2 = tpc.rms_norm %1, %w eps 1.0e-5 : tensor<4x8x6xf32>, tensor<6xf32>
  %3 = tpc.constrain %2 to <@mesh, [{"dp"}, {}, {"tp"}]> : tensor<4x8x6xf32>
  return %3 : tensor<4x8x6xf32>
}

// -----

// 6 over 2 is 3 rows of 2: no whole number of rows per rank, so neither dimension takes the axis.
tpc.mesh @mesh <["tp"=2]>
// CHECK-LABEL: func.func @uneven(
// CHECK-SAME: -> (tensor<3xf32> {tpc.layout = #tpc.layout<@mesh, [{}]>}, tensor<6xf32> {tpc.layout = #tpc.layout<@mesh, [{"tp"}]>})
func.func @uneven(%x: tensor<6xf32> {tpc.layout = #tpc.layout<@mesh, [{"tp"}]>}) -> (tensor<3xf32>, tensor<6xf32>) {
  // CHECK: tensor.expand_shape {{.*}} {tpc.layouts = [#tpc.layout<@mesh, [{}, {}]>]}
  %0 = tensor.expand_shape %x [[0, 1]] output_shape [3, 2] : tensor<6xf32> into tensor<3x2xf32>
  %1 = tpc.reduce sum %0 dims [1] : tensor<3x2xf32> -> tensor<3xf32>
  return %1, %x : tensor<3xf32>, tensor<6xf32>
}

// -----

// The first claim stays. %1 has rows on tp, w columns: the result cannot have both, and the claim of what the user laid
// out goes first although %1 is larger. Open dimensions of a request may take more: the batch joins.
tpc.mesh @mesh <["dp"=2, "tp"=2]>
// CHECK-LABEL: func.func @conflict(
func.func @conflict(%x: tensor<8x64x6xf32> {tpc.layout = #tpc.layout<@mesh, [{"dp"}, {}, {}]>},
                    %w: tensor<4x6xf32> {tpc.layout = #tpc.layout<@mesh, [{"tp"}, {}]>}) -> tensor<8x64x4xf32> {
  // CHECK: tpc.constrain {{.*}} {tpc.layouts = [#tpc.layout<@mesh, [{"dp"}, {"tp"}, {}]>]}
  %0 = tpc.constrain %x to <@mesh, [{?}, {"tp"}, {}]> : tensor<8x64x6xf32>
  %1 = arith.negf %0 : tensor<8x64x6xf32>
  // CHECK: tpc.contract {{.*}} {tpc.layouts = [#tpc.layout<@mesh, [{"dp"}, {}, {"tp"}]>]}
  %2 = tpc.contract %1, %w : [b, s, k], [n, k] -> [b, s, n] : (tensor<8x64x6xf32>, tensor<4x6xf32>) -> tensor<8x64x4xf32>
  return %2 : tensor<8x64x4xf32>
}

// -----

// Several axes on one dimension keep their order, through a reshape as well: tp fills the first factor, dp is left for the
// second.
tpc.mesh @mesh <["dp"=2, "tp"=4]>
// CHECK-LABEL: func.func @order(
func.func @order(%x: tensor<16x4xf32> {tpc.layout = #tpc.layout<@mesh, [{"tp", "dp"}, {}]>}) -> tensor<4x4x4xf32> {
  // CHECK: tpc.transpose {{.*}} {tpc.layouts = [#tpc.layout<@mesh, [{}, {"tp", "dp"}]>]}
  %0 = tpc.transpose %x permutation [1, 0] : tensor<16x4xf32> -> tensor<4x16xf32>
  // CHECK: tensor.expand_shape {{.*}} {tpc.layouts = [#tpc.layout<@mesh, [{}, {"tp"}, {"dp"}]>]}
  %1 = tensor.expand_shape %0 [[0], [1, 2]] output_shape [4, 4, 4] : tensor<4x16xf32> into tensor<4x4x4xf32>
  return %1 : tensor<4x4x4xf32>
}

// -----

// A splat that two ops use becomes two, each lying as its user needs; a broadcast takes from its users.
tpc.mesh @mesh <["tp"=2]>
// CHECK-LABEL: func.func @splats(
func.func @splats(%x: tensor<4x6xf32> {tpc.layout = #tpc.layout<@mesh, [{"tp"}, {}]>},
                  %y: tensor<4x6xf32> {tpc.layout = #tpc.layout<@mesh, [{}, {"tp"}]>},
                  %s: tensor<f32>) -> (tensor<4x6xf32>, tensor<4x6xf32>, tensor<4x6xf32>) {
  // CHECK-DAG: %[[ROWS:.*]] = arith.constant {tpc.layouts = [#tpc.layout<@mesh, [{"tp"}, {}]>]} dense<1.000000e+00>
  // CHECK-DAG: %[[COLUMNS:.*]] = arith.constant {tpc.layouts = [#tpc.layout<@mesh, [{}, {"tp"}]>]} dense<1.000000e+00>
  %one = arith.constant dense<1.0> : tensor<4x6xf32>
  // CHECK: tpc.broadcast {{.*}} {tpc.layouts = [#tpc.layout<@mesh, [{"tp"}, {}]>]}
  %b = tpc.broadcast %s dims [] : tensor<f32> -> tensor<4x6xf32>
  // CHECK: arith.addf %{{.*}}, %[[ROWS]]
  %0 = arith.addf %x, %one : tensor<4x6xf32>
  // CHECK: arith.addf %{{.*}}, %[[COLUMNS]]
  %1 = arith.addf %y, %one : tensor<4x6xf32>
  %2 = arith.mulf %x, %b : tensor<4x6xf32>
  return %0, %1, %2 : tensor<4x6xf32>, tensor<4x6xf32>, tensor<4x6xf32>
}

// -----

// A value that is two operands of one op with different letters: each claim is looked at in its turn.
tpc.mesh @mesh <["tp"=2]>
// CHECK-LABEL: func.func @twice(
// CHECK-SAME: %{{.*}}: tensor<4x4xf32> {tpc.layout = #tpc.layout<@mesh, [{"tp"}, {}]>})
func.func @twice(%x: tensor<4x4xf32>) -> (tensor<4x4xf32> {tpc.layout = #tpc.layout<@mesh, [{"tp"}, {}]>}) {
  // CHECK: tpc.contract {{.*}} {tpc.layouts = [#tpc.layout<@mesh, [{"tp"}, {}]>]}
  %0 = tpc.contract %x, %x : [m, k], [k, n] -> [m, n] : (tensor<4x4xf32>, tensor<4x4xf32>) -> tensor<4x4xf32>
  return %0 : tensor<4x4xf32>
}
