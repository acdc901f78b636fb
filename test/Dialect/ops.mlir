// RUN: tpc-opt %s | tpc-opt | FileCheck %s
// RUN: tpc-opt %s --mlir-print-op-generic | tpc-opt | FileCheck %s
// Every op, round trip.

// CHECK: tpc.mesh @mesh <["dp"=2, "tp"=4]>
tpc.mesh @mesh <["dp"=2, "tp"=4]>

// CHECK-LABEL: @annotations
// CHECK-SAME: tpc.layout = #tpc.layout<@mesh, [{"dp"}, {}, {"tp":(1)2, ?}]>
// CHECK-SAME: tpc.param = #tpc.param<"w", shape = [4, 4], kind = linear, fan_in = 4>
func.func @annotations(%x: tensor<2x8x4xf32> {tpc.layout = #tpc.layout<@mesh, [{"dp"}, {}, {"tp":(1)2, ?}]>},
                       %w: tensor<4x4xf32> {tpc.param = #tpc.param<"w", shape = [4, 4], kind = linear, fan_in = 4>}) {
  // CHECK: tpc.boundary %{{.*}} output 0 of linear "model.layers.0.mlp.gate_proj" dims {{\[}}[0], [1], [2]] : tensor<2x8x4xf32>
  %0 = tpc.boundary %x output 0 of linear "model.layers.0.mlp.gate_proj" dims [[0], [1], [2]] : tensor<2x8x4xf32>
  // CHECK: tpc.constrain %{{.*}} to <@mesh, [{"dp"}, {"tp"}, {}]> interior of "model.layers.0.mlp" : tensor<2x8x4xf32>
  %1 = tpc.constrain %0 to <@mesh, [{"dp"}, {"tp"}, {}]> interior of "model.layers.0.mlp" : tensor<2x8x4xf32>
  // CHECK: tpc.reshard %{{.*}} to <@mesh, [{}, {}, {}], partial = sum {"tp"}> : tensor<2x8x4xf32>
  %2 = tpc.reshard %1 to <@mesh, [{}, {}, {}], partial = sum {"tp"}> : tensor<2x8x4xf32>
  // CHECK: tpc.use %{{.*}} : tensor<4x4xf32>
  %3 = tpc.use %w : tensor<4x4xf32>
  // CHECK: tpc.barrier %{{.*}} : tensor<4x4xf32>
  %4 = tpc.barrier %3 : tensor<4x4xf32>
  return
}

// CHECK-LABEL: @compute
func.func @compute(%x: tensor<2x8x4xf32>, %w: tensor<6x4xf32>, %n: tensor<4xf32>, %ids: tensor<2x8xi32>,
                   %q: tensor<2x8x3x2x4xf32>, %k: tensor<2x8x3x4xf32>) {
  // CHECK: tpc.contract %{{.*}}, %{{.*}} : [b, s, k], [n, k] -> [b, s, n] : (tensor<2x8x4xf32>, tensor<6x4xf32>) -> tensor<2x8x6xf32>
  %0 = tpc.contract %x, %w : [b, s, k], [n, k] -> [b, s, n] : (tensor<2x8x4xf32>, tensor<6x4xf32>) -> tensor<2x8x6xf32>
  // CHECK: tpc.contract_pair %{{.*}}, %{{.*}} and %{{.*}}, %{{.*}} : [b, s, k], [n, k] -> [b, s, n] : (tensor<2x8x4xf32>, tensor<6x4xf32>) -> tensor<2x8x6xf32>
  %p0, %p1 = tpc.contract_pair %x, %w and %x, %w : [b, s, k], [n, k] -> [b, s, n] : (tensor<2x8x4xf32>, tensor<6x4xf32>) -> tensor<2x8x6xf32>
  // CHECK: tpc.contract %{{.*}}, %{{.*}} accumulate %{{.*}} : [b, s, k], [n, k] -> [b, s, n] : (tensor<2x8x4xf32>, tensor<6x4xf32>) -> tensor<2x8x6xf32>
  %sum = tpc.contract %x, %w accumulate %0 : [b, s, k], [n, k] -> [b, s, n] : (tensor<2x8x4xf32>, tensor<6x4xf32>) -> tensor<2x8x6xf32>
  // CHECK: tpc.reduce max %{{.*}} dims [0, 1] : tensor<2x8x4xf32> -> tensor<4xf32>
  %1 = tpc.reduce max %x dims [0, 1] : tensor<2x8x4xf32> -> tensor<4xf32>
  // CHECK: tpc.broadcast %{{.*}} dims [2] : tensor<4xf32> -> tensor<2x8x4xf32>
  %2 = tpc.broadcast %1 dims [2] : tensor<4xf32> -> tensor<2x8x4xf32>
  // CHECK: tpc.transpose %{{.*}} permutation [2, 0, 1] : tensor<2x8x4xf32> -> tensor<4x2x8xf32>
  %3 = tpc.transpose %x permutation [2, 0, 1] : tensor<2x8x4xf32> -> tensor<4x2x8xf32>
  // CHECK: tpc.embedding %{{.*}}, %{{.*}} : (tensor<2x8xi32>, tensor<6x4xf32>) -> tensor<2x8x4xf32>
  %4 = tpc.embedding %ids, %w : (tensor<2x8xi32>, tensor<6x4xf32>) -> tensor<2x8x4xf32>
  // CHECK: tpc.embedding_grad %{{.*}}, %{{.*}} : (tensor<2x8xi32>, tensor<2x8x4xf32>) -> tensor<6x4xf32>
  %5 = tpc.embedding_grad %ids, %4 : (tensor<2x8xi32>, tensor<2x8x4xf32>) -> tensor<6x4xf32>
  // CHECK: tpc.embedding_grad %{{.*}}, %{{.*}} accumulate(%{{.*}} : tensor<6x4xf32>) : (tensor<2x8xi32>, tensor<2x8x4xf32>) -> tensor<6x4xf32>
  %both = tpc.embedding_grad %ids, %4 accumulate(%5 : tensor<6x4xf32>) : (tensor<2x8xi32>, tensor<2x8x4xf32>) -> tensor<6x4xf32>
  // CHECK: tpc.rms_norm %{{.*}}, %{{.*}} eps 1.000000e-05 : tensor<2x8x4xf32>, tensor<4xf32>
  %6 = tpc.rms_norm %x, %n eps 1.0e-5 : tensor<2x8x4xf32>, tensor<4xf32>
  // CHECK: tpc.rms_norm_grad %{{.*}}, %{{.*}}, %{{.*}} eps 1.000000e-05 : tensor<2x8x4xf32>, tensor<4xf32>
  %7:2 = tpc.rms_norm_grad %x, %n, %6 eps 1.0e-5 : tensor<2x8x4xf32>, tensor<4xf32>
  // CHECK: tpc.layer_norm %{{.*}}, %{{.*}}, %{{.*}} eps 1.000000e-05 : tensor<2x8x4xf32>, tensor<4xf32>
  %ln = tpc.layer_norm %x, %n, %n eps 1.0e-5 : tensor<2x8x4xf32>, tensor<4xf32>
  // CHECK: tpc.layer_norm_grad %{{.*}}, %{{.*}}, %{{.*}} eps 1.000000e-05 : tensor<2x8x4xf32>, tensor<4xf32>
  %lg:3 = tpc.layer_norm_grad %x, %n, %ln eps 1.0e-5 : tensor<2x8x4xf32>, tensor<4xf32>
  // CHECK: tpc.within 6 dim 1 : tensor<2x8xi1>
  %within = tpc.within 6 dim 1 : tensor<2x8xi1>
  // CHECK: tpc.rope_table frequencies [1.000000e+00, 1.000000e-01] scale 1.000000e+00 : tensor<8x2xf32>, tensor<8x2xf32>
  %cos, %sin = tpc.rope_table frequencies [1.0, 0.1] scale 1.0 : tensor<8x2xf32>, tensor<8x2xf32>
  // CHECK: tpc.rope %{{.*}}, %{{.*}}, %{{.*}} : tensor<2x8x3x2x4xf32>, tensor<8x2xf32>
  %8 = tpc.rope %q, %cos, %sin : tensor<2x8x3x2x4xf32>, tensor<8x2xf32>
  // CHECK: tpc.rope inverse
  %9 = tpc.rope inverse %8, %cos, %sin : tensor<2x8x3x2x4xf32>, tensor<8x2xf32>
  // CHECK: tpc.attention causal %{{.*}}, %{{.*}}, %{{.*}} scale 5.000000e-01 : tensor<2x8x3x2x4xf32>, tensor<2x8x3x4xf32> -> tensor<2x8x3x2xf32>
  %o, %lse = tpc.attention causal %q, %k, %k scale 0.5 : tensor<2x8x3x2x4xf32>, tensor<2x8x3x4xf32> -> tensor<2x8x3x2xf32>
  // CHECK: tpc.attention_grad causal
  %dq, %dk, %dv = tpc.attention_grad causal %q, %k, %k, %o, %lse, %o scale 0.5 : tensor<2x8x3x2x4xf32>, tensor<2x8x3x4xf32>, tensor<2x8x3x2xf32>
  // CHECK: tpc.cross_entropy %{{.*}}, %{{.*}} : (tensor<2x8x6xf32>, tensor<2x8xi32>) -> tensor<2x8xf32>
  %t, %l = tpc.cross_entropy %0, %ids : (tensor<2x8x6xf32>, tensor<2x8xi32>) -> tensor<2x8xf32>
  // CHECK: tpc.cross_entropy_grad
  %dl = tpc.cross_entropy_grad %0, %ids, %l, %t, %l : tensor<2x8x6xf32>, tensor<2x8xi32>, tensor<2x8xf32>
  // CHECK: tpc.sum_squares %{{.*}} : tensor<2x8x4xf32> -> tensor<f32>
  %ss = tpc.sum_squares %x : tensor<2x8x4xf32> -> tensor<f32>
  return
}

// CHECK-LABEL: @optimizer
func.func @optimizer(%p: tensor<4xf32>, %s: tensor<f32>, %t: tensor<i32>, %seed: tensor<i64>) {
  // CHECK: tpc.adamw %{{.*}} scale(%{{.*}}) lr(%{{.*}}) betas(%{{.*}}, %{{.*}}) eps(%{{.*}}) weight_decay(%{{.*}}) step(%{{.*}}) : tensor<4xf32>
  %0:3 = tpc.adamw %p, %p, %p, %p scale(%s) lr(%s) betas(%s, %s) eps(%s) weight_decay(%s) step(%t) : tensor<4xf32>, tensor<f32>, tensor<f32>, tensor<f32>, tensor<f32>, tensor<f32>, tensor<f32>, tensor<i32>
  // CHECK: tpc.init seed(%{{.*}}) scheme(%{{.*}}) <"w", shape = [4], kind = norm, fan_in = 4> range 2.000000e-02 global [4] : (tensor<i64>, tensor<i32>) -> tensor<4xf32>
  %1 = tpc.init seed(%seed) scheme(%t) <"w", shape = [4], kind = norm, fan_in = 4> range 0.02 global [4] : (tensor<i64>, tensor<i32>) -> tensor<4xf32>
  return
}

// CHECK-LABEL: @random
func.func @random(%x: tensor<2x4xf32>, %seed: tensor<i64>, %i: index) {
  // CHECK: tpc.dropout %{{.*}} seed(%{{.*}}) probability 2.500000e-01 stream "mlp" global [2, 4] : tensor<2x4xf32>, tensor<i64>
  %0 = tpc.dropout %x seed(%seed) probability 0.25 stream "mlp" global [2, 4] : tensor<2x4xf32>, tensor<i64>
  // CHECK: tpc.dropout %{{.*}} seed(%{{.*}}) probability 0.000000e+00 stream "mlp" global [8, 4] offsets(%{{.*}}, %{{.*}}) : tensor<2x4xf32>, tensor<i64>
  %1 = tpc.dropout %x seed(%seed) probability 0.0 stream "mlp" global [8, 4] offsets(%i, %i) : tensor<2x4xf32>, tensor<i64>
  return
}

// CHECK-LABEL: @collectives
func.func @collectives(%x: tensor<2x8x4xf32>, %s: tensor<f32>) {
  // CHECK: tpc.all_gather %{{.*}} dim 1 over @mesh ["tp"] : tensor<2x8x4xf32> -> tensor<2x32x4xf32>
  %0 = tpc.all_gather %x dim 1 over @mesh ["tp"] : tensor<2x8x4xf32> -> tensor<2x32x4xf32>
  // CHECK: tpc.all_reduce sum %{{.*}}, %{{.*}} over @mesh ["dp", "tp"] : tensor<2x8x4xf32>, tensor<f32>
  %1:2 = tpc.all_reduce sum %x, %s over @mesh ["dp", "tp"] : tensor<2x8x4xf32>, tensor<f32>
  // CHECK: tpc.reduce_scatter sum %{{.*}} dim 1 over @mesh ["tp":(2)2] : tensor<2x8x4xf32> -> tensor<2x4x4xf32>
  %2 = tpc.reduce_scatter sum %x dim 1 over @mesh ["tp":(2)2] : tensor<2x8x4xf32> -> tensor<2x4x4xf32>
  // CHECK: tpc.all_to_all %{{.*}} split 1 concat 2 over @mesh ["tp"] : tensor<2x8x4xf32> -> tensor<2x2x16xf32>
  %3 = tpc.all_to_all %x split 1 concat 2 over @mesh ["tp"] : tensor<2x8x4xf32> -> tensor<2x2x16xf32>
  // CHECK: tpc.permute %{{.*}} pairs [0, 1, 1, 0] over @mesh ["dp"] : tensor<2x8x4xf32>
  %4 = tpc.permute %x pairs [0, 1, 1, 0] over @mesh ["dp"] : tensor<2x8x4xf32>
  // CHECK: tpc.shard_slice %{{.*}} dim 2 over @mesh ["tp"] : tensor<2x8x4xf32> -> tensor<2x8x1xf32>
  %5 = tpc.shard_slice %x dim 2 over @mesh ["tp"] : tensor<2x8x4xf32> -> tensor<2x8x1xf32>
  // CHECK: tpc.axis_index over @mesh ["tp"]
  %6 = tpc.axis_index over @mesh ["tp"]
  // CHECK: tpc.all_gather {{.*}} {tpc.layouts = [#tpc.layout<@mesh, [{}, {}, {}]>]} : tensor<2x8x4xf32> -> tensor<2x8x4xf32>
  %7 = tpc.all_gather %x dim 1 over @mesh ["tp"] {tpc.layouts = [#tpc.layout<@mesh, [{}, {}, {}]>]} : tensor<2x8x4xf32> -> tensor<2x8x4xf32>
  return
}

// CHECK-LABEL: @started
func.func @started(%x: tensor<2x8x4xf32>, %s: tensor<f32>) {
  // CHECK: %[[G:.*]] = tpc.all_gather %{{.*}} dim 1 over @mesh ["tp"] : tensor<2x8x4xf32> -> !tpc.pending<tensor<2x32x4xf32>>
  %g = tpc.all_gather %x dim 1 over @mesh ["tp"] : tensor<2x8x4xf32> -> !tpc.pending<tensor<2x32x4xf32>>
  // CHECK: %[[R:.*]] = tpc.all_reduce sum %{{.*}}, %{{.*}} over @mesh ["tp"] : tensor<2x8x4xf32>, tensor<f32> -> !tpc.pending<tensor<2x8x4xf32>, tensor<f32>>
  %r = tpc.all_reduce sum %x, %s over @mesh ["tp"] : tensor<2x8x4xf32>, tensor<f32> -> !tpc.pending<tensor<2x8x4xf32>, tensor<f32>>
  // CHECK: %[[GG:.*]] = tpc.all_gather %{{.*}}, %{{.*}} dim 1 over @mesh ["tp"] : tensor<2x8x4xf32>, tensor<2x8x4xf32> -> !tpc.pending<tensor<2x32x4xf32>, tensor<2x32x4xf32>>
  %gg = tpc.all_gather %x, %x dim 1 over @mesh ["tp"] : tensor<2x8x4xf32>, tensor<2x8x4xf32> -> !tpc.pending<tensor<2x32x4xf32>, tensor<2x32x4xf32>>
  // CHECK: tpc.wait %[[GG]] : !tpc.pending<tensor<2x32x4xf32>, tensor<2x32x4xf32>>
  %gg_done:2 = tpc.wait %gg : !tpc.pending<tensor<2x32x4xf32>, tensor<2x32x4xf32>>
  // CHECK: tpc.reduce_scatter sum %{{.*}}, %{{.*}} dim 1 over @mesh ["tp"] : tensor<2x8x4xf32>, tensor<2x8x4xf32> -> tensor<2x2x4xf32>, tensor<2x2x4xf32>
  %cc:2 = tpc.reduce_scatter sum %x, %x dim 1 over @mesh ["tp"] : tensor<2x8x4xf32>, tensor<2x8x4xf32> -> tensor<2x2x4xf32>, tensor<2x2x4xf32>
  // CHECK: %[[C:.*]] = tpc.reduce_scatter sum %{{.*}} dim 1 over @mesh ["tp"] : tensor<2x8x4xf32> -> !tpc.pending<tensor<2x2x4xf32>>
  %c = tpc.reduce_scatter sum %x dim 1 over @mesh ["tp"] : tensor<2x8x4xf32> -> !tpc.pending<tensor<2x2x4xf32>>
  // CHECK: %[[A:.*]] = tpc.all_to_all %{{.*}} split 1 concat 2 over @mesh ["tp"] : tensor<2x8x4xf32> -> !tpc.pending<tensor<2x2x16xf32>>
  %a = tpc.all_to_all %x split 1 concat 2 over @mesh ["tp"] : tensor<2x8x4xf32> -> !tpc.pending<tensor<2x2x16xf32>>
  // CHECK: %[[P:.*]] = tpc.permute %{{.*}} pairs [0, 1, 1, 0] over @mesh ["dp"] : tensor<2x8x4xf32> -> !tpc.pending<tensor<2x8x4xf32>>
  %p = tpc.permute %x pairs [0, 1, 1, 0] over @mesh ["dp"] : tensor<2x8x4xf32> -> !tpc.pending<tensor<2x8x4xf32>>
  // CHECK: tpc.wait %[[P]] : !tpc.pending<tensor<2x8x4xf32>>
  %4 = tpc.wait %p : !tpc.pending<tensor<2x8x4xf32>>
  // CHECK: tpc.wait %[[A]] : !tpc.pending<tensor<2x2x16xf32>>
  %3 = tpc.wait %a : !tpc.pending<tensor<2x2x16xf32>>
  // CHECK: tpc.wait %[[C]] : !tpc.pending<tensor<2x2x4xf32>>
  %2 = tpc.wait %c : !tpc.pending<tensor<2x2x4xf32>>
  // CHECK: %{{.*}}:2 = tpc.wait %[[R]] : !tpc.pending<tensor<2x8x4xf32>, tensor<f32>>
  %1:2 = tpc.wait %r : !tpc.pending<tensor<2x8x4xf32>, tensor<f32>>
  // CHECK: tpc.wait %[[G]] : !tpc.pending<tensor<2x32x4xf32>>
  %0 = tpc.wait %g : !tpc.pending<tensor<2x32x4xf32>>
  return
}

func.func private @double(%x: tensor<4xf32>) -> tensor<4xf32> attributes {tpc.kernel} {
  %0 = arith.addf %x, %x : tensor<4xf32>
  return %0 : tensor<4xf32>
}

// CHECK-LABEL: @schedule
func.func @schedule(%x: tensor<4xf32>) -> tensor<4xf32> {
  // CHECK: tpc.launch @double(%{{.*}}) {tpc.slots = [#tpc.slot<private, offset = 0, bytes = 16, activations>]} : (tensor<4xf32>) -> tensor<4xf32>
  %0 = tpc.launch @double(%x) {tpc.slots = [#tpc.slot<private, offset = 0, bytes = 16, activations>]} : (tensor<4xf32>) -> tensor<4xf32>
  // CHECK: tpc.copy %{{.*}} : tensor<4xf32>
  %1 = tpc.copy %0 : tensor<4xf32>
  return %0 : tensor<4xf32>
}
