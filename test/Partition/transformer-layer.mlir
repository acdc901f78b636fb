// RUN: tpc-opt %s --tpc-differentiate --tpc-append-optimizer -o %t.global.mlir
// RUN: tpc-opt %t.global.mlir --tpc-propagate-layouts --tpc-insert-reshards=machine=%S/Inputs/bytes-only.yaml --tpc-expand-reshards=machine=%S/Inputs/bytes-only.yaml --tpc-localize --tpc-verify-local -o %t.mlir
// RUN: FileCheck %s --implicit-check-not="= tpc.all_" --implicit-check-not="= tpc.reduce_scatter" --implicit-check-not="= tpc.permute" < %t.mlir
// RUN: tpc-interpret %t.mlir --against=%t.global.mlir --tolerance=1e-9
//
// The same with the machine of the default, and on other meshes.
// RUN: tpc-opt %t.global.mlir --tpc-propagate-layouts --tpc-insert-reshards --tpc-expand-reshards --tpc-localize --tpc-verify-local -o %t.cpu.mlir
// RUN: tpc-interpret %t.cpu.mlir --against=%t.global.mlir --tolerance=1e-9
// RUN: sed 's/<."dp"=1, "tp"=2.>/<["dp"=1, "tp"=4]>/' %t.global.mlir > %t.4.mlir
// RUN: tpc-opt %t.4.mlir --tpc-propagate-layouts --tpc-insert-reshards --tpc-expand-reshards --tpc-localize --tpc-verify-local -o %t.4.local.mlir
// RUN: tpc-interpret %t.4.local.mlir --against=%t.global.mlir --tolerance=1e-9
// RUN: sed 's/<."dp"=1, "tp"=2.>/<["dp"=2, "tp"=2]>/' %t.global.mlir > %t.22.mlir
// RUN: tpc-opt %t.22.mlir --tpc-propagate-layouts --tpc-insert-reshards --tpc-expand-reshards --tpc-localize --tpc-verify-local -o %t.22.local.mlir
// RUN: tpc-interpret %t.22.local.mlir --against=%t.global.mlir --tolerance=1e-9
//
// A Llama of one layer with megatron.yaml applied: 12 heads, 3 key/value heads, so tp splits the query heads of a
// group and K and V are whole. One gather and one scatter per half block and direction.

// CHECK-LABEL: func.func @loss
// CHECK: tpc.embedding
// CHECK: = tpc.reduce_scatter sum %{{.*}} dim 1
// CHECK: tpc.rms_norm
// CHECK: = tpc.all_gather %{{.*}} dim 1
// CHECK: tpc.attention causal {{.*}} : tensor<4x8x3x2x2xf32>, tensor<4x8x3x2xf32>
// CHECK: = tpc.reduce_scatter sum %{{.*}} dim 1
// CHECK: = tpc.all_gather %{{.*}} dim 1
// CHECK: = tpc.reduce_scatter sum %{{.*}} dim 1
// CHECK: = tpc.all_gather %{{.*}} dim 1
// Loss parallelism.
// CHECK: = tpc.all_reduce max
// CHECK: = tpc.all_reduce sum

// CHECK-LABEL: func.func @step
// CHECK: = tpc.reduce_scatter sum
// CHECK: = tpc.all_gather
// CHECK: = tpc.reduce_scatter sum
// CHECK: = tpc.all_gather
// CHECK: = tpc.reduce_scatter sum
// CHECK: = tpc.all_gather
// CHECK: = tpc.all_reduce max
// CHECK: = tpc.all_reduce sum
// Backward: the head's cotangent is a sum over the vocabulary. dy is gathered once, for two products.
// CHECK: = tpc.reduce_scatter sum
// CHECK: tpc.rms_norm_grad
// CHECK: %[[DY:.*]] = tpc.all_gather
// CHECK: tpc.contract %[[DY]]
// CHECK: tpc.contract %[[DY]]
// gate and up: summands are added, then scattered.
// CHECK: %[[MLP:.*]] = arith.addf {{.*}} : tensor<4x8x12xf32>
// CHECK-NEXT: = tpc.reduce_scatter sum %[[MLP]] dim 1
// CHECK: tpc.rms_norm_grad
// CHECK: %[[DZ:.*]] = tpc.all_gather
// CHECK: tpc.contract %[[DZ]]
// CHECK: tpc.contract %[[DZ]]
// dK and dV are summands over the split query heads; so they stay through RoPE and the projections.
// CHECK: %{{.*}}, %[[DK:.*]], %[[DV:.*]] = tpc.attention_grad
// CHECK: tpc.rope inverse %[[DK]]
// CHECK: arith.addf {{.*}} : tensor<4x8x12xf32>
// CHECK: %[[QKV:.*]] = arith.addf {{.*}} : tensor<4x8x12xf32>
// CHECK-NEXT: = tpc.reduce_scatter sum %[[QKV]] dim 1
// CHECK: tpc.rms_norm_grad
// The table has fewer rows (16) than there are tokens (32): its gradient is scattered, no cotangent is gathered.
// CHECK: tpc.embedding_grad
// CHECK: = tpc.reduce_scatter sum %{{.*}} dim 0
// Whole gradients are reduced late: three norms, K and V; then one sum of the squares of split ones.
// CHECK-COUNT-5: = tpc.all_reduce sum {{.*}} {tpc.update}
// CHECK: = tpc.all_reduce sum {{.*}} {tpc.update} : tensor<f32>
// CHECK: tpc.adamw

// CHECK-LABEL: func.func @init

tpc.mesh @mesh <["dp"=1, "tp"=2]>
func.func @loss(%tokens: tensor<4x8xi32> {tpc.input = "tokens"},
                %targets: tensor<4x8xi32> {tpc.input = "targets"},
                %ignore: tensor<i32> {tpc.input = "ignore_index"},
                %embed: tensor<16x12xf32> {tpc.param = #tpc.param<"model.embed_tokens.weight", shape = [16, 12], kind = embedding, fan_in = 12>, tpc.layout = #tpc.layout<@mesh, [{"tp"}, {}]>},
                %wq: tensor<3x4x2x12xf32> {tpc.param = #tpc.param<"self_attn.q_proj.weight", shape = [24, 12], kind = linear, fan_in = 12>, tpc.layout = #tpc.layout<@mesh, [{}, {"tp"}, {}, {}]>},
                %wk: tensor<3x2x12xf32> {tpc.param = #tpc.param<"self_attn.k_proj.weight", shape = [6, 12], kind = linear, fan_in = 12>, tpc.layout = #tpc.layout<@mesh, [{}, {}, {}]>},
                %wv: tensor<3x2x12xf32> {tpc.param = #tpc.param<"self_attn.v_proj.weight", shape = [6, 12], kind = linear, fan_in = 12>, tpc.layout = #tpc.layout<@mesh, [{}, {}, {}]>},
                %wo: tensor<12x3x4x2xf32> {tpc.param = #tpc.param<"self_attn.o_proj.weight", shape = [12, 24], kind = linear, fan_in = 24>, tpc.layout = #tpc.layout<@mesh, [{}, {}, {"tp"}, {}]>},
                %wgate: tensor<8x12xf32> {tpc.param = #tpc.param<"mlp.gate_proj.weight", shape = [8, 12], kind = linear, fan_in = 12>, tpc.layout = #tpc.layout<@mesh, [{"tp"}, {}]>},
                %wup: tensor<8x12xf32> {tpc.param = #tpc.param<"mlp.up_proj.weight", shape = [8, 12], kind = linear, fan_in = 12>, tpc.layout = #tpc.layout<@mesh, [{"tp"}, {}]>},
                %wdown: tensor<12x8xf32> {tpc.param = #tpc.param<"mlp.down_proj.weight", shape = [12, 8], kind = linear, fan_in = 8>, tpc.layout = #tpc.layout<@mesh, [{}, {"tp"}]>},
                %norm1: tensor<12xf32> {tpc.param = #tpc.param<"input_layernorm.weight", shape = [12], kind = norm, fan_in = 12>, tpc.layout = #tpc.layout<@mesh, [{}]>},
                %norm2: tensor<12xf32> {tpc.param = #tpc.param<"post_attention_layernorm.weight", shape = [12], kind = norm, fan_in = 12>, tpc.layout = #tpc.layout<@mesh, [{}]>},
                %norm3: tensor<12xf32> {tpc.param = #tpc.param<"model.norm.weight", shape = [12], kind = norm, fan_in = 12>, tpc.layout = #tpc.layout<@mesh, [{}]>},
                %head: tensor<16x12xf32> {tpc.param = #tpc.param<"lm_head.weight", shape = [16, 12], kind = linear, fan_in = 12>, tpc.layout = #tpc.layout<@mesh, [{"tp"}, {}]>}) -> (tensor<f32> {tpc.output = "loss"}, tensor<f32> {tpc.output = "tokens"}) {
  %0 = tpc.constrain %tokens to <@mesh, [{"dp"}, {}]> : tensor<4x8xi32>
  %cos, %sin = tpc.rope_table frequencies [1.000000e+00] scale 1.000000e+00 : tensor<8x1xf32>, tensor<8x1xf32>
  %2 = tpc.use %embed : tensor<16x12xf32>
  %3 = tpc.embedding %0, %2 : (tensor<4x8xi32>, tensor<16x12xf32>) -> tensor<4x8x12xf32>
  %4 = tpc.constrain %3 to <@mesh, [{"dp"}, {"tp"}, {}]> : tensor<4x8x12xf32>
  %6 = tpc.constrain %4 to <@mesh, [{"dp"}, {"tp"}, {}]> : tensor<4x8x12xf32>
  %7 = tpc.use %norm1 : tensor<12xf32>
  %8 = tpc.rms_norm %6, %7 eps 1.000000e-05 : tensor<4x8x12xf32>, tensor<12xf32>
  %9 = tpc.constrain %8 to <@mesh, [{"dp"}, {"tp"}, {}]> : tensor<4x8x12xf32>
  %10 = tpc.constrain %9 to <@mesh, [{"dp"}, {}, {}]> : tensor<4x8x12xf32>
  %12 = tpc.use %wq : tensor<3x4x2x12xf32>
  %13 = tpc.contract %10, %12 : [b, s, k], [h, g, d, k] -> [b, s, h, g, d] : (tensor<4x8x12xf32>, tensor<3x4x2x12xf32>) -> tensor<4x8x3x4x2xf32>
  %14 = tpc.constrain %13 to <@mesh, [{"dp"}, {}, {}, {"tp"}, {}]> : tensor<4x8x3x4x2xf32>
  %16 = tpc.use %wk : tensor<3x2x12xf32>
  %17 = tpc.contract %10, %16 : [b, s, k], [h, d, k] -> [b, s, h, d] : (tensor<4x8x12xf32>, tensor<3x2x12xf32>) -> tensor<4x8x3x2xf32>
  %20 = tpc.use %wv : tensor<3x2x12xf32>
  %21 = tpc.contract %10, %20 : [b, s, k], [h, d, k] -> [b, s, h, d] : (tensor<4x8x12xf32>, tensor<3x2x12xf32>) -> tensor<4x8x3x2xf32>
  %23 = tpc.rope %14, %cos, %sin : tensor<4x8x3x4x2xf32>, tensor<8x1xf32>
  %24 = tpc.rope %17, %cos, %sin : tensor<4x8x3x2xf32>, tensor<8x1xf32>
  %out, %log_sum_exp = tpc.attention causal %23, %24, %21 scale 0.70710678118654746 : tensor<4x8x3x4x2xf32>, tensor<4x8x3x2xf32> -> tensor<4x8x3x4xf32>
  %26 = tpc.use %wo : tensor<12x3x4x2xf32>
  %27 = tpc.contract %out, %26 : [b, s, h, g, d], [n, h, g, d] -> [b, s, n] : (tensor<4x8x3x4x2xf32>, tensor<12x3x4x2xf32>) -> tensor<4x8x12xf32>
  %28 = tpc.constrain %27 to <@mesh, [{"dp"}, {"tp"}, {}]> : tensor<4x8x12xf32>
  %30 = arith.addf %4, %28 : tensor<4x8x12xf32>
  %31 = tpc.constrain %30 to <@mesh, [{"dp"}, {"tp"}, {}]> : tensor<4x8x12xf32>
  %32 = tpc.use %norm2 : tensor<12xf32>
  %33 = tpc.rms_norm %31, %32 eps 1.000000e-05 : tensor<4x8x12xf32>, tensor<12xf32>
  %34 = tpc.constrain %33 to <@mesh, [{"dp"}, {"tp"}, {}]> : tensor<4x8x12xf32>
  %35 = tpc.constrain %34 to <@mesh, [{"dp"}, {}, {}]> : tensor<4x8x12xf32>
  %37 = tpc.use %wgate : tensor<8x12xf32>
  %38 = tpc.contract %35, %37 : [b, s, k], [f, k] -> [b, s, f] : (tensor<4x8x12xf32>, tensor<8x12xf32>) -> tensor<4x8x8xf32>
  %41 = tpc.use %wup : tensor<8x12xf32>
  %42 = tpc.contract %35, %41 : [b, s, k], [f, k] -> [b, s, f] : (tensor<4x8x12xf32>, tensor<8x12xf32>) -> tensor<4x8x8xf32>
  %44 = arith.negf %38 : tensor<4x8x8xf32>
  %45 = math.exp %44 : tensor<4x8x8xf32>
  %cst = arith.constant dense<1.000000e+00> : tensor<4x8x8xf32>
  %46 = arith.addf %cst, %45 : tensor<4x8x8xf32>
  %47 = arith.divf %38, %46 : tensor<4x8x8xf32>
  %48 = arith.mulf %47, %42 : tensor<4x8x8xf32>
  %50 = tpc.use %wdown : tensor<12x8xf32>
  %51 = tpc.contract %48, %50 : [b, s, f], [k, f] -> [b, s, k] : (tensor<4x8x8xf32>, tensor<12x8xf32>) -> tensor<4x8x12xf32>
  %52 = tpc.constrain %51 to <@mesh, [{"dp"}, {"tp"}, {}]> : tensor<4x8x12xf32>
  %54 = arith.addf %30, %52 : tensor<4x8x12xf32>
  %56 = tpc.constrain %54 to <@mesh, [{"dp"}, {"tp"}, {}]> : tensor<4x8x12xf32>
  %57 = tpc.use %norm3 : tensor<12xf32>
  %58 = tpc.rms_norm %56, %57 eps 1.000000e-05 : tensor<4x8x12xf32>, tensor<12xf32>
  %59 = tpc.constrain %58 to <@mesh, [{"dp"}, {"tp"}, {}]> : tensor<4x8x12xf32>
  %61 = tpc.constrain %59 to <@mesh, [{"dp"}, {}, {}]> : tensor<4x8x12xf32>
  %62 = tpc.use %head : tensor<16x12xf32>
  %63 = tpc.contract %61, %62 : [b, s, k], [v, k] -> [b, s, v] : (tensor<4x8x12xf32>, tensor<16x12xf32>) -> tensor<4x8x16xf32>
  %64 = tpc.constrain %63 to <@mesh, [{"dp"}, {}, {"tp"}]> : tensor<4x8x16xf32>
  %target_logit, %log_sum_exp_0 = tpc.cross_entropy %64, %targets : (tensor<4x8x16xf32>, tensor<4x8xi32>) -> tensor<4x8xf32>
  %65 = arith.subf %log_sum_exp_0, %target_logit : tensor<4x8xf32>
  %66 = tpc.broadcast %ignore dims [] : tensor<i32> -> tensor<4x8xi32>
  %67 = arith.cmpi ne, %targets, %66 : tensor<4x8xi32>
  %cst_1 = arith.constant dense<0.000000e+00> : tensor<4x8xf32>
  %68 = arith.select %67, %65, %cst_1 : tensor<4x8xi1>, tensor<4x8xf32>
  %69 = tpc.reduce sum %68 dims [0, 1] : tensor<4x8xf32> -> tensor<f32>
  %70 = arith.uitofp %67 : tensor<4x8xi1> to tensor<4x8xf32>
  %71 = tpc.reduce sum %70 dims [0, 1] : tensor<4x8xf32> -> tensor<f32>
  %cst_2 = arith.constant dense<1.000000e+00> : tensor<f32>
  %72 = arith.maximumf %71, %cst_2 : tensor<f32>
  %73 = arith.divf %69, %72 : tensor<f32>
  return %73, %71 : tensor<f32>, tensor<f32>
}
