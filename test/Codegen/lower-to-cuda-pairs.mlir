// RUN: tpc-opt %s --tpc-lower-to-cuda | FileCheck %s
// Two products of one left side: a batch of two, 0 elements apart in what they share. What else they read lies 64 elements
// apart, the results 32. The second pair's weights lie the other way round: two calls. So do those of the third, in other
// regions.
// CHECK: llvm.mlir.global internal constant @[[ONE:tpc_contract_desc[_0-9]*]]()
// CHECK: dense<[1, 4, 6, 8, 0, 8, 1, 0, 1, 8, 0, 6, 1, 0]>
// CHECK: llvm.mlir.global internal constant @[[BOTH:tpc_contract_desc[_0-9]*]]()
// CHECK: dense<[2, 4, 6, 8, 0, 8, 1, 64, 1, 8, 32, 6, 1, 0]>
// CHECK-LABEL: llvm.func @tpc_entry_pairs
// CHECK: llvm.mlir.addressof @[[BOTH]]
// CHECK: llvm.call @tpc_contract(
// CHECK: llvm.mlir.addressof @[[ONE]]
// CHECK: llvm.call @tpc_contract(
// CHECK: llvm.mlir.addressof @[[ONE]]
// CHECK: llvm.call @tpc_contract(
// CHECK: llvm.mlir.addressof @[[ONE]]
// CHECK: llvm.call @tpc_contract(
// CHECK: llvm.mlir.addressof @[[ONE]]
// CHECK: llvm.call @tpc_contract(
// CHECK-NOT: llvm.call @tpc_contract(
module attributes {tpc.arena = {private = 896 : i64, shared = 192 : i64, workspace_per_thread = 0 : i64}, tpc.manifest = "{}", tpc.target = {name = "cuda", arch = "sm_90"}} {
  builtin.module @tpc_kernels {}
  func.func @pairs(%x: tensor<4x8xf32> {tpc.slot = #tpc.slot<private, offset = 0, bytes = 128, activations>},
                   %w: tensor<6x8xf32> {tpc.slot = #tpc.slot<private, offset = 128, bytes = 192, activations>},
                   %v: tensor<6x8xf32> {tpc.slot = #tpc.slot<private, offset = 384, bytes = 192, activations>},
                   %u: tensor<6x8xf32> {tpc.slot = #tpc.slot<communication, offset = 0, bytes = 192, communication>}) {
    %0, %1 = tpc.contract_pair %x, %w and %x, %v : [s, k], [n, k] -> [s, n] {tpc.slots = [#tpc.slot<private, offset = 640, bytes = 96, activations>, #tpc.slot<private, offset = 768, bytes = 96, activations>]} : (tensor<4x8xf32>, tensor<6x8xf32>) -> tensor<4x6xf32>
    %2, %3 = tpc.contract_pair %x, %v and %x, %w : [s, k], [n, k] -> [s, n] {tpc.slots = [#tpc.slot<private, offset = 640, bytes = 96, activations>, #tpc.slot<private, offset = 768, bytes = 96, activations>]} : (tensor<4x8xf32>, tensor<6x8xf32>) -> tensor<4x6xf32>
    %4, %5 = tpc.contract_pair %x, %w and %x, %u : [s, k], [n, k] -> [s, n] {tpc.slots = [#tpc.slot<private, offset = 640, bytes = 96, activations>, #tpc.slot<private, offset = 768, bytes = 96, activations>]} : (tensor<4x8xf32>, tensor<6x8xf32>) -> tensor<4x6xf32>
    return
  }
}
