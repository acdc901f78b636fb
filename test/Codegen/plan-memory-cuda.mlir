// RUN: tpc-opt %s --tpc-plan-memory --tpc-verify-memory --split-input-file | FileCheck %s
// Workspaces of a GPU: 32 MiB for the library's products, 8 * rows * head_dim + 4 * rows + 256 bytes for the gradient of attention.

// CHECK: workspace_per_thread = 33554432 : i64
module attributes {tpc.target = {name = "cuda", arch = "sm_90"}} {
  func.func @product(%x: tensor<4x8xf32>, %w: tensor<6x8xf32>) -> tensor<4x6xf32> {
    // CHECK: tpc.contract {{.*}}tpc.slots = [{{.*}}, #tpc.slot<private, offset = 448, bytes = 33554432, workspace>]
    %0 = tpc.contract %x, %w : [m, k], [n, k] -> [m, n] : (tensor<4x8xf32>, tensor<6x8xf32>) -> tensor<4x6xf32>
    return %0 : tensor<4x6xf32>
  }
}
