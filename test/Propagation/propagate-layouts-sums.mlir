// RUN: tpc-opt %s --split-input-file --tpc-propagate-layouts --tpc-verify-layouts | FileCheck %s
// Sums that linear ops pass on, and whose claim goes first where one axis is wanted twice.

// The cotangent of the block's input, heads split by their group. d_k sums over the group, so it is Partial over tp; rope and the
// product with the replicated wk are linear and pass that on, and so does the addition, as the term of q is Partial
// over tp as well (it sums over g). None of them takes tp for the sequence, although the request behind asks for it: one
// sum of all is formed there.
tpc.mesh @mesh <["tp"=2]>
// CHECK-LABEL: func.func @cotangent(
func.func @cotangent(%q: tensor<2x8x3x4x2xf32> {tpc.layout = #tpc.layout<@mesh, [{}, {}, {}, {"tp"}, {}]>},
    %k: tensor<2x8x3x2xf32> {tpc.layout = #tpc.layout<@mesh, [{}, {}, {}, {}]>},
    %lse: tensor<2x8x3x4xf32> {tpc.layout = #tpc.layout<@mesh, [{}, {}, {}, {"tp"}]>},
    %wq: tensor<3x4x2x6xf32> {tpc.layout = #tpc.layout<@mesh, [{}, {"tp"}, {}, {}]>, tpc.param = #tpc.param<"q", shape = [24, 6], kind = linear, fan_in = 6>},
    %wk: tensor<3x2x6xf32> {tpc.param = #tpc.param<"k", shape = [6, 6], kind = linear, fan_in = 6>},
    %x: tensor<2x8x6xf32> {tpc.layout = #tpc.layout<@mesh, [{}, {"tp"}, {}]>}) -> (tensor<2x8x6xf32>, tensor<2x8x6xf32>) {
  %cos, %sin = tpc.rope_table frequencies [1.0] scale 1.0 : tensor<8x1xf32>, tensor<8x1xf32>
  // CHECK: tpc.attention_grad {{.*}} {tpc.layouts = [#tpc.layout<@mesh, [{}, {}, {}, {"tp"}, {}]>, #tpc.layout<@mesh, [{}, {}, {}, {}]>, #tpc.layout<@mesh, [{}, {}, {}, {}]>]}
  %dq, %dk, %dv = tpc.attention_grad causal %q, %k, %k, %q, %lse, %q scale 0.5 : tensor<2x8x3x4x2xf32>, tensor<2x8x3x2xf32>, tensor<2x8x3x4xf32>
  // CHECK: tpc.rope inverse {{.*}} {tpc.layouts = [#tpc.layout<@mesh, [{}, {}, {}, {}]>]}
  %rk = tpc.rope inverse %dk, %cos, %sin : tensor<2x8x3x2xf32>, tensor<8x1xf32>
  // CHECK: tpc.contract {{.*}} {tpc.layouts = [#tpc.layout<@mesh, [{}, {}, {}]>]}
  %0 = tpc.contract %rk, %wk : [b, s, h, d], [h, d, k] -> [b, s, k] : (tensor<2x8x3x2xf32>, tensor<3x2x6xf32>) -> tensor<2x8x6xf32>
  // CHECK: tpc.contract {{.*}} {tpc.layouts = [#tpc.layout<@mesh, [{}, {}, {}]>]}
  %1 = tpc.contract %dq, %wq : [b, s, h, g, d], [h, g, d, k] -> [b, s, k] : (tensor<2x8x3x4x2xf32>, tensor<3x4x2x6xf32>) -> tensor<2x8x6xf32>
  // CHECK: arith.addf {{.*}} {tpc.layouts = [#tpc.layout<@mesh, [{}, {}, {}]>]}
  %2 = arith.addf %0, %1 : tensor<2x8x6xf32>
  %3 = tpc.constrain %2 to <@mesh, [{}, {"tp"}, {}]> : tensor<2x8x6xf32>
  // A term that is no sum ends it: the addition takes the sequence split of %x.
  // CHECK: arith.addf {{.*}} {tpc.layouts = [#tpc.layout<@mesh, [{}, {"tp"}, {}]>]}
  %4 = arith.addf %0, %x : tensor<2x8x6xf32>
  return %3, %4 : tensor<2x8x6xf32>, tensor<2x8x6xf32>
}

// -----

// exp is not linear: the sum is formed before it, and its result is free to be split.
tpc.mesh @mesh <["tp"=2]>
// CHECK-LABEL: func.func @nonlinear(
func.func @nonlinear(%x: tensor<4x6xf32> {tpc.layout = #tpc.layout<@mesh, [{}, {"tp"}]>}) -> tensor<4xf32> {
  %0 = tpc.reduce sum %x dims [1] : tensor<4x6xf32> -> tensor<4xf32>
  // CHECK: math.exp {{.*}} {tpc.layouts = [#tpc.layout<@mesh, [{"tp"}]>]}
  %1 = math.exp %0 : tensor<4xf32>
  %2 = tpc.constrain %1 to <@mesh, [{"tp"}]> : tensor<4xf32>
  return %2 : tensor<4xf32>
}

// -----

// The cotangent of o_proj's input: dy has the sequence on tp, the weight its group. The cotangent is larger than the
// weight, but a parameter is not moved for it: the group wins.
tpc.mesh @mesh <["tp"=2]>
// CHECK-LABEL: func.func @parameter_first(
func.func @parameter_first(%dy: tensor<64x8x6xf32> {tpc.layout = #tpc.layout<@mesh, [{}, {"tp"}, {}]>},
    %wo: tensor<6x4xf32> {tpc.layout = #tpc.layout<@mesh, [{}, {"tp"}]>, tpc.param = #tpc.param<"o", shape = [6, 4], kind = linear, fan_in = 4>}) -> tensor<64x8x4xf32> {
  %w = tpc.use %wo : tensor<6x4xf32>
  // CHECK: tpc.contract {{.*}} {tpc.layouts = [#tpc.layout<@mesh, [{}, {}, {"tp"}]>]}
  %0 = tpc.contract %dy, %w : [b, s, n], [n, g] -> [b, s, g] : (tensor<64x8x6xf32>, tensor<6x4xf32>) -> tensor<64x8x4xf32>
  return %0 : tensor<64x8x4xf32>
}

// -----

// A table split by rows: the result may be asked to split the sequence over the same axis, but the ids are needed whole.
tpc.mesh @mesh <["tp"=2]>
// CHECK-LABEL: func.func @vocabulary(
// CHECK-SAME: tensor<2x8xi32> {tpc.layout = #tpc.layout<@mesh, [{}, {}]>}
func.func @vocabulary(%ids: tensor<2x8xi32>,
    %table: tensor<10x6xf32> {tpc.layout = #tpc.layout<@mesh, [{"tp"}, {}]>, tpc.param = #tpc.param<"t", shape = [10, 6], kind = embedding, fan_in = 6>}) -> tensor<2x8x6xf32> {
  %t = tpc.use %table : tensor<10x6xf32>
  // CHECK: tpc.embedding {{.*}} {tpc.layouts = [#tpc.layout<@mesh, [{}, {"tp"}, {}]>]}
  %0 = tpc.embedding %ids, %t : (tensor<2x8xi32>, tensor<10x6xf32>) -> tensor<2x8x6xf32>
  %1 = tpc.constrain %0 to <@mesh, [{}, {"tp"}, {}]> : tensor<2x8x6xf32>
  return %1 : tensor<2x8x6xf32>
}
