// RUN: tpc-opt %s --tpc-plan-memory --tpc-build-manifest=cpu=x86-64-v3 | %python %S/Inputs/print-manifest.py | FileCheck %s
// The manifest of a small program, printed with one member per line.


// CHECK: "target": {"name": "cpu"}
// CHECK: "cpu": "x86-64-v3"
// CHECK: "mesh": {"axes": [{"name": "dp", "size": 2}, {"name": "tp", "size": 2}]}
// CHECK: "batch": 4
// CHECK: "sequence": 8
// CHECK: "vocabulary": 100
// CHECK: "model": "{\"a\": 1}"
// CHECK: "flops_per_step": 3200
// 4 x 8 tokens.
// CHECK: "flops_per_token": 100
// x, the weight, the product; the product and its sum have one place in the communication region.
// CHECK: "arena": {"private": 384, "communication": 128, "packing": 0, "workspace_per_thread": 0, "peak": {"parameters": 192, "gradients": 0, "optimizer_state": 0, "activations": 192, "communication": 128}}

// CHECK: "name": "w"
// CHECK-SAME: "shape": [6, 16], "dtype": "f32", "global_shape": [6, 16], "local_shape": [6, 8]
// CHECK-SAME: "dims": {{\[}}[], [{"axis": "tp", "pre": 1, "size": 2}]]
// CHECK-SAME: "layout": "Shard(1) on tp"
// CHECK-SAME: "value": {"space": "private", "offset": 0}

// CHECK: "forward":
// CHECK-SAME: "inputs": [{"name": "tokens", "dtype": "f32", "global_shape": [8, 8], "local_shape": [4, 8], "dims": {{\[}}[{"axis": "dp", "pre": 1, "size": 2}], []]
// CHECK-SAME: {"name": "arg2", "dtype": "i32"
// CHECK-SAME: "outputs": [{"name": "logits"
// CHECK-SAME: "space": "communication", "offset": 0}]

// CHECK: "index": 0, "op": "all_reduce", "axes": [{"axis": "tp", "pre": 1, "size": 2}], "groups": {{\[}}[0, 1], [2, 3]], "reduction": "sum", "dtype": "f32"
// CHECK-SAME: "operands": [{"input_shape": [4, 6], "output_shape": [4, 6]}], "module": "model.layers.0.mlp", "location": "plan.yaml:9"
// CHECK: "index": 1, "op": "all_gather"
// CHECK-SAME: "groups": {{\[}}[0, 2], [1, 3]], "dim": 1
// CHECK: "index": 2, "op": "all_to_all"
// CHECK-SAME: "split_dim": 0, "concat_dim": 1
// CHECK: "index": 3, "op": "permute"
// CHECK-SAME: "pairs": {{\[}}[0, 1], [1, 0]]
// A started collective has its number where it starts.
// CHECK: "index": 4, "op": "all_gather"
// CHECK-SAME: "operands": [{"input_shape": [2, 2], "output_shape": [4, 2]}]
// CHECK: "index": 5, "op": "all_reduce"
module attributes {tpc.model = {batch = 4 : i64, config = "{\22a\22: 1}", mode = "forward", sequence = 8 : i64, vocabulary = 100 : i64}} {
  tpc.mesh @mesh <["dp"=2, "tp"=2]>
  func.func @forward(%x: tensor<4x8xf32> {tpc.input = "tokens", tpc.global = #tpc.global<[8, 8], <@mesh, [{"dp"}, {}]>>},
                     %w: tensor<6x8xf32> {tpc.param = #tpc.param<"w", shape = [6, 16], kind = linear, fan_in = 16>,
                                          tpc.global = #tpc.global<[6, 16], <@mesh, [{}, {"tp"}]>>},
                     %i: tensor<i32>) -> (tensor<4x6xf32> {tpc.output = "logits"}) attributes {tpc.flops = 3.200000e+03 : f64} {
    %0 = tpc.contract %x, %w : [m, k], [n, k] -> [m, n] : (tensor<4x8xf32>, tensor<6x8xf32>) -> tensor<4x6xf32>
    %1 = tpc.all_reduce sum %0 over @mesh ["tp"] : tensor<4x6xf32> loc(fused["model.layers.0.mlp", "plan.yaml":9:3])
    return %1 : tensor<4x6xf32>
  }
  func.func @other(%x: tensor<2x2xf32>) {
    %0 = tpc.all_gather %x dim 1 over @mesh ["dp"] : tensor<2x2xf32> -> tensor<2x4xf32>
    %1 = tpc.all_to_all %x split 0 concat 1 over @mesh ["dp"] : tensor<2x2xf32> -> tensor<1x4xf32>
    %2 = tpc.permute %x pairs [0, 1, 1, 0] over @mesh ["dp"] : tensor<2x2xf32>
    %p = tpc.all_gather %x dim 0 over @mesh ["dp"] : tensor<2x2xf32> -> !tpc.pending<tensor<4x2xf32>>
    %3 = tpc.all_reduce sum %x over @mesh ["dp"] : tensor<2x2xf32>
    %4 = tpc.wait %p : !tpc.pending<tensor<4x2xf32>>
    return
  }
}
