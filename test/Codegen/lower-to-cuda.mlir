// RUN: tpc-opt %s --tpc-plan-memory --tpc-lower-to-cuda --split-input-file | FileCheck %s
// Entries for a GPU: as for a processor, but that launches name functions of the device code.

// Two tensors and a result, an index by value, a workspace: name, parameters, blocks, threads, shared memory.
// CHECK-DAG: llvm.mlir.global internal constant @[[BIAS:tpc_device_kernel_desc_[0-9]+]]()
// CHECK-DAG: llvm.mlir.global internal constant @{{.*}}("bias\00")
// CHECK-DAG: llvm.mlir.global internal constant @{{.*}}("bias_finish\00")
// CHECK-LABEL: llvm.func @tpc_entry_step
// CHECK-SAME: %[[CONTEXT:[a-z0-9]+]]: !llvm.ptr, %[[PRIVATE:[a-z0-9]+]]: !llvm.ptr, %[[SHARED:[a-z0-9]+]]: !llvm.ptr
module attributes {tpc.target = {name = "cuda", arch = "sm_90"}} {
  builtin.module @tpc_kernels {
    llvm.func @bias() attributes {tpc.kernel, tpc.grid = {blocks = 3 : i64, threads = 128 : i64, shared_bytes = 64 : i64}, tpc.workspace = 256 : i64, tpc.finish = @bias_finish}
    llvm.func @bias_finish() attributes {tpc.kernel, tpc.grid = {blocks = 1 : i64, threads = 32 : i64}}
    llvm.func @nothing() attributes {tpc.kernel, tpc.grid = {blocks = 0 : i64, threads = 32 : i64}}
  }
  tpc.mesh @mesh <["tp"=2]>
  func.func @step(%x: tensor<4x6xf32> {tpc.slot = #tpc.slot<private, offset = 0, bytes = 96, activations>}, %q: tensor<1x8x1x2x4xf32>, %k: tensor<1x8x1x4xf32>) {
    // CHECK: %[[ARRAY:.*]] = llvm.alloca
    %i = tpc.axis_index over @mesh ["tp"]
    // CHECK: %[[INDEX:.*]] = llvm.call @tpc_axis_index
    %0 = tpc.launch @bias(%x, %i) : (tensor<4x6xf32>, index) -> tensor<4x6xf32>
    // CHECK: llvm.store %[[INDEX]], %{{.*}} : i64, !llvm.ptr
    // CHECK: %[[FIRST:.*]] = llvm.mlir.addressof @tpc_device_kernel_desc
    // CHECK: llvm.call @tpc_launch_device(%[[CONTEXT]], %[[FIRST]], %[[ARRAY]])
    // CHECK: %[[SECOND:.*]] = llvm.mlir.addressof @tpc_device_kernel_desc
    // CHECK-NEXT: llvm.call @tpc_launch_device(%[[CONTEXT]], %[[SECOND]], %[[ARRAY]])
    // CHECK-NOT: llvm.call @tpc_launch_device
    %1 = tpc.launch @nothing(%0) : (tensor<4x6xf32>) -> tensor<4x6xf32>
    // No memcpy of the host's.
    // CHECK: llvm.call @tpc_copy(%[[CONTEXT]], %{{.*}}, %{{.*}}, %{{.*}}) : (!llvm.ptr, !llvm.ptr, !llvm.ptr, i64) -> ()
    %2 = tpc.copy %1 : tensor<4x6xf32>
    // Forward attention has no workspace here.
    // CHECK: %[[NULL:.*]] = llvm.mlir.zero : !llvm.ptr
    // CHECK-NEXT: llvm.call @tpc_attention({{.*}}, %[[NULL]])
    %o, %l = tpc.attention causal %q, %k, %k scale 0.5 : tensor<1x8x1x2x4xf32>, tensor<1x8x1x4xf32> -> tensor<1x8x1x2xf32>
    return
  }
}

// -----

// The program names its backend and where its kernels will be.
// CHECK-LABEL: llvm.mlir.global external constant @tpc_compiled_program()
// CHECK: llvm.mlir.addressof @tpc_cuda_backend
// CHECK: llvm.mlir.addressof @tpc_device_code
// CHECK: llvm.mlir.global internal constant @tpc_device_code("")
// CHECK: llvm.mlir.global external constant @tpc_cuda_backend() {{.*}} : !llvm.array<0 x i8>
module attributes {tpc.manifest = "{}", tpc.target = {name = "cuda", arch = "sm_90"}} {
  builtin.module @tpc_kernels {}
  func.func @a() { return }
}
