// RUN: tpc-opt %s --tpc-plan-memory --tpc-verify-memory --split-input-file | FileCheck %s
// Workspaces of a GPU: 32 MiB for the library's products; for attention what cuDNN takes, of 16 rows of 8 elements
// on sm_90: 4 * 16 * 8 + 4 * 16 + 256 for dQ and sums, and 4 * 16 * 8 where two heads share keys (16 keys of 2 heads); on sm_80 as much again for dQ.

// CHECK: workspace_per_thread = 33554432 : i64
module attributes {tpc.target = {name = "cuda", arch = "sm_90"}} {
  func.func @product(%x: tensor<4x8xf32>, %w: tensor<6x8xf32>) -> tensor<4x6xf32> {
    // CHECK: tpc.contract {{.*}}tpc.slots = [{{.*}}, #tpc.slot<private, offset = 448, bytes = 33554432, workspace>]
    %0 = tpc.contract %x, %w : [m, k], [n, k] -> [m, n] : (tensor<4x8xf32>, tensor<6x8xf32>) -> tensor<4x6xf32>
    return %0 : tensor<4x6xf32>
  }
}

// -----

// CHECK: workspace_per_thread = 1344 : i64
module attributes {tpc.target = {name = "cuda", arch = "sm_90"}} {
  func.func @attention(%q: tensor<1x8x1x2x8xbf16>, %k: tensor<1x8x1x8xbf16>) -> tensor<1x8x1x2x8xbf16> {
    // CHECK: tpc.attention {{.*}}bytes = 256, workspace>]
    %o, %l = tpc.attention causal %q, %k, %k scale 0.5 : tensor<1x8x1x2x8xbf16>, tensor<1x8x1x8xbf16> -> tensor<1x8x1x2xf32>
    // CHECK: tpc.attention_grad {{.*}}bytes = 1344, workspace>]
    %dq, %dk, %dv = tpc.attention_grad causal %q, %k, %k, %o, %l, %o scale 0.5 : tensor<1x8x1x2x8xbf16>, tensor<1x8x1x8xbf16>, tensor<1x8x1x2xf32>
    return %dq : tensor<1x8x1x2x8xbf16>
  }
}

// -----

// CHECK: workspace_per_thread = 1856 : i64
module attributes {tpc.target = {name = "cuda", arch = "sm_80"}} {
  func.func @attention(%q: tensor<1x8x1x2x8xbf16>, %k: tensor<1x8x1x8xbf16>) -> tensor<1x8x1x2x8xbf16> {
    // CHECK: tpc.attention {{.*}}bytes = 256, workspace>]
    %o, %l = tpc.attention causal %q, %k, %k scale 0.5 : tensor<1x8x1x2x8xbf16>, tensor<1x8x1x8xbf16> -> tensor<1x8x1x2xf32>
    // CHECK: tpc.attention_grad {{.*}}bytes = 1856, workspace>]
    %dq, %dk, %dv = tpc.attention_grad causal %q, %k, %k, %o, %l, %o scale 0.5 : tensor<1x8x1x2x8xbf16>, tensor<1x8x1x8xbf16>, tensor<1x8x1x2xf32>
    return %dq : tensor<1x8x1x2x8xbf16>
  }
}

// -----

// Our own kernels keep a number for each row of queries.
// CHECK: workspace_per_thread = 64 : i64
module attributes {tpc.target = {name = "cuda", arch = "sm_90"}} {
  func.func @in_f32(%q: tensor<1x8x1x2x8xf32>, %k: tensor<1x8x1x8xf32>, %l: tensor<1x8x1x2xf32>) -> tensor<1x8x1x2x8xf32> {
    // CHECK: tpc.attention_grad {{.*}}bytes = 64, workspace>]
    %dq, %dk, %dv = tpc.attention_grad causal %q, %k, %k, %q, %l, %q scale 0.5 : tensor<1x8x1x2x8xf32>, tensor<1x8x1x8xf32>, tensor<1x8x1x2xf32>
    return %dq : tensor<1x8x1x2x8xf32>
  }
}

// -----

// What NCCL cannot gather, scatter or exchange in place is copied through the end of the communication region, one
// collective after the other: [5, 40, 3] and [5, 4, 3] of the first, 2400 and 240 bytes in multiples of 256. Of [1, 4, 3] a
// slice along dim 1 is one block. Values end at 2432 + 1216 bytes, from 3840 on it is scratch memory.
// CHECK: packing = 2816 : i64
// CHECK-SAME: shared = 6656 : i64
module attributes {tpc.target = {name = "cuda", arch = "sm_90"}} {
  tpc.mesh @mesh <["tp"=2]>
  func.func @packed(%x: tensor<5x20x3xf32>, %y: tensor<5x2x3xf32>, %z: tensor<1x2x3xf32>) -> (tensor<5x20x3xf32>, tensor<1x4x3xf32>) {
    %g, %h = tpc.all_gather %x, %y dim 1 over @mesh ["tp"] : tensor<5x20x3xf32>, tensor<5x2x3xf32> -> tensor<5x40x3xf32>, tensor<5x4x3xf32>
    %s = tpc.reduce_scatter sum %g dim 1 over @mesh ["tp"] : tensor<5x40x3xf32> -> tensor<5x20x3xf32>
    %i = tpc.all_gather %z dim 1 over @mesh ["tp"] : tensor<1x2x3xf32> -> tensor<1x4x3xf32>
    return %s, %i : tensor<5x20x3xf32>, tensor<1x4x3xf32>
  }
}

// -----

// The gradients of two weights, from %b and %a: their places are in the order of those, so that they are one batch.
// CHECK-LABEL: func.func @pair
// CHECK-SAME: %arg0: tensor<4x6xf32> {tpc.slot = #tpc.slot<private, offset = [[#%u,A:]],
// CHECK-SAME: %arg1: tensor<4x6xf32> {tpc.slot = #tpc.slot<private, offset = [[#A+128]],
// CHECK: tpc.contract_pair %arg1, %arg2 and %arg0, %arg2 {{.*}}tpc.slots = [#tpc.slot<private, offset = [[#%u,B:]], bytes = 192, activations>
// CHECK-SAME: , #tpc.slot<private, offset = [[#B-192]], bytes = 192, activations>
// CHECK: tpc.contract_pair %arg0, %arg2 and %arg1, %arg2 {{.*}}tpc.slots = [#tpc.slot<private, offset = [[#%u,C:]], bytes = 192, activations>
// CHECK-SAME: , #tpc.slot<private, offset = [[#C+192]], bytes = 192, activations>
module attributes {tpc.target = {name = "cuda", arch = "sm_90"}} {
  func.func @pair(%a: tensor<4x6xf32>, %b: tensor<4x6xf32>, %x: tensor<4x8xf32>) -> (tensor<6x8xf32>, tensor<6x8xf32>, tensor<6x8xf32>, tensor<6x8xf32>) {
    %0, %1 = tpc.contract_pair %b, %x and %a, %x : [s, n], [s, k] -> [n, k] : (tensor<4x6xf32>, tensor<4x8xf32>) -> tensor<6x8xf32>
    %2, %3 = tpc.contract_pair %a, %x and %b, %x : [s, n], [s, k] -> [n, k] : (tensor<4x6xf32>, tensor<4x8xf32>) -> tensor<6x8xf32>
    return %0, %1, %2, %3 : tensor<6x8xf32>, tensor<6x8xf32>, tensor<6x8xf32>, tensor<6x8xf32>
  }
}
