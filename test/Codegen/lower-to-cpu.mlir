// RUN: tpc-opt %s --split-input-file --tpc-plan-memory --tpc-lower-to-cpu | FileCheck %s

// One column-parallel product whose summands are joined, then a kernel that needs to know the rank.
// CHECK-NOT: tpc.mesh
// CHECK-DAG: llvm.mlir.constant(dense<[1, 4, 6, 8, 0, 8, 1, 0, 1, 8, 0, 6, 1, 0]> : tensor<14xi64>)
// CHECK-DAG: llvm.func @tpc_launch(!llvm.ptr, !llvm.ptr, !llvm.ptr, i64, i64)
// CHECK-LABEL: llvm.func @tpc_entry_forward(
// CHECK-SAME: %[[CONTEXT:.*]]: !llvm.ptr, %[[PRIVATE:.*]]: !llvm.ptr, %[[COMMUNICATION:.*]]: !llvm.ptr)
// CHECK-SAME: no_inline, optimize_none
tpc.mesh @mesh <["dp"=2, "tp"=2]>
llvm.func @bias(!llvm.ptr, i64, i64) attributes {tpc.kernel = {extent = 8 : i64, grain = 2 : i64}}
func.func @forward(%x: tensor<4x8xf32>, %w: tensor<6x8xf32> {tpc.param = #tpc.param<"w", shape = [6, 16], kind = linear, fan_in = 16>}) -> tensor<4x6xf32> {
  // CHECK-DAG: %[[ARRAY:.*]] = llvm.alloca %{{.*}} x !llvm.ptr
  // CHECK-DAG: %[[MEMORY:.*]] = llvm.alloca %{{.*}} x i64
  // CHECK: %[[AXIS:.*]] = llvm.mlir.constant(1 : i64)
  // CHECK-NEXT: %[[TP:.*]] = llvm.call @tpc_axis_index(%[[CONTEXT]], %[[AXIS]])
  // CHECK: %[[FIRST:.*]] = llvm.mul
  %i = tpc.axis_index over @mesh ["tp"]
  %c = arith.constant 3 : index
  %f = arith.muli %i, %c : index
  // CHECK: %[[DESC:.*]] = llvm.mlir.addressof @tpc_contract_desc
  // CHECK: %[[OFFSET:.*]] = llvm.mlir.constant(192 : i64)
  // CHECK-NEXT: %[[X:.*]] = llvm.getelementptr %[[PRIVATE]][%[[OFFSET]]]
  // CHECK: %[[Y:.*]] = llvm.getelementptr %[[COMMUNICATION]]
  // CHECK-NEXT: llvm.call @tpc_contract(%[[CONTEXT]], %[[DESC]], %[[X]], %{{.*}}, %[[Y]])
  %0 = tpc.contract %x, %w : [m, k], [n, k] -> [m, n] : (tensor<4x8xf32>, tensor<6x8xf32>) -> tensor<4x6xf32>
  // CHECK: llvm.call @tpc_collective_start(%[[CONTEXT]], %[[NUMBER:.*]], %{{.*}}, %{{.*}}) :
  // CHECK-NEXT: llvm.call @tpc_collective_wait(%[[CONTEXT]], %[[NUMBER]])
  // CHECK-NEXT: llvm.call @tpc_failed(%[[CONTEXT]])
  // CHECK: llvm.cond_br %{{.*}}, ^[[EXIT:.*]], ^[[NEXT:.*]]
  // CHECK-NEXT: ^[[NEXT]]:
  %1 = tpc.all_reduce sum %0 over @mesh ["tp"] : tensor<4x6xf32>
  // CHECK: llvm.store %[[FIRST]], %[[MEMORY]]
  // CHECK: llvm.store %[[MEMORY]]
  // CHECK: %[[KERNEL:.*]] = llvm.mlir.addressof @bias
  // CHECK-NEXT: %[[EXTENT:.*]] = llvm.mlir.constant(8 : i64)
  // CHECK-NEXT: %[[GRAIN:.*]] = llvm.mlir.constant(2 : i64)
  // CHECK-NEXT: llvm.call @tpc_launch(%[[CONTEXT]], %[[KERNEL]], %[[ARRAY]], %[[EXTENT]], %[[GRAIN]])
  %2 = tpc.launch @bias(%1, %f) : (tensor<4x6xf32>, index) -> tensor<4x6xf32>
  // CHECK: ^[[EXIT]]:
  // CHECK-NEXT: llvm.return
  return %2 : tensor<4x6xf32>
}

// -----

// Strides of every kind of product that a Llama needs. Descriptors: batch m n k, A: batch m k, B: batch k n, C: batch m
// n, accumulate; equal ones are one global.
// q: m = bs, n = hgd.
// CHECK-DAG: dense<[1, 16, 24, 4, 0, 4, 1, 0, 1, 4, 0, 24, 1, 0]>
// dW of q: m = hgd, n = k, summed over bs; A is [bs, hgd], so its rows have stride 1.
// CHECK-DAG: dense<[1, 24, 4, 16, 0, 1, 24, 0, 4, 1, 0, 4, 1, 0]>
// o: [b, s, h, g, d], [n, h, g, d].
// CHECK-DAG: dense<[1, 16, 4, 24, 0, 24, 1, 0, 1, 24, 0, 4, 1, 0]>
// A batch: [b, m, k], [b, n, k].
// CHECK-DAG: dense<[2, 8, 6, 4, 32, 4, 1, 24, 1, 4, 48, 6, 1, 0]>
// The result is [s, b, n]: b becomes the batch, the weight is the same for all of it.
// CHECK-DAG: dense<[2, 8, 6, 4, 32, 4, 1, 0, 1, 4, 6, 12, 1, 0]>
// CHECK-LABEL: llvm.func @tpc_entry_products
func.func @products(%x: tensor<2x8x4xf32>, %wq: tensor<3x2x4x4xf32>, %wo: tensor<4x3x2x4xf32>, %y: tensor<2x6x4xf32>,
                    %w: tensor<6x4xf32>) {
  // CHECK-COUNT-6: llvm.call @tpc_contract(
  %q = tpc.contract %x, %wq : [b, s, k], [h, g, d, k] -> [b, s, h, g, d] : (tensor<2x8x4xf32>, tensor<3x2x4x4xf32>) -> tensor<2x8x3x2x4xf32>
  %dw = tpc.contract %q, %x : [b, s, h, g, d], [b, s, k] -> [h, g, d, k] : (tensor<2x8x3x2x4xf32>, tensor<2x8x4xf32>) -> tensor<3x2x4x4xf32>
  %o = tpc.contract %q, %wo : [b, s, h, g, d], [n, h, g, d] -> [b, s, n] : (tensor<2x8x3x2x4xf32>, tensor<4x3x2x4xf32>) -> tensor<2x8x4xf32>
  %p = tpc.contract %o, %wq : [b, s, k], [h, g, d, k] -> [b, s, h, g, d] : (tensor<2x8x4xf32>, tensor<3x2x4x4xf32>) -> tensor<2x8x3x2x4xf32>
  %e = tpc.contract %x, %y : [b, m, k], [b, n, k] -> [b, m, n] : (tensor<2x8x4xf32>, tensor<2x6x4xf32>) -> tensor<2x8x6xf32>
  %t = tpc.contract %x, %w : [b, s, k], [n, k] -> [s, b, n] : (tensor<2x8x4xf32>, tensor<6x4xf32>) -> tensor<8x2x6xf32>
  return
}

// -----

// What is added may lie elsewhere than the sum: here in an argument, which stays.
// CHECK-DAG: dense<[1, 4, 4, 4, 0, 4, 1, 0, 1, 4, 0, 4, 1, 1]>
// CHECK-LABEL: llvm.func @tpc_entry_accumulate
// CHECK-SAME: (%[[CONTEXT:.*]]: !llvm.ptr, %[[PRIVATE:.*]]: !llvm.ptr, %{{.*}}: !llvm.ptr)
func.func @accumulate(%y: tensor<4x4xf32>, %x: tensor<4x4xf32>, %w: tensor<4x4xf32>) -> tensor<4x4xf32> {
  // CHECK: llvm.mlir.constant(0 : i64)
  // CHECK-NEXT: %[[ADDEND:.*]] = llvm.getelementptr %[[PRIVATE]]
  // CHECK-NEXT: llvm.mlir.constant(192 : i64)
  // CHECK-NEXT: %[[SUM:.*]] = llvm.getelementptr %[[PRIVATE]]
  // CHECK-NEXT: llvm.call @tpc_contract_add(%[[CONTEXT]], %{{.*}}, %{{.*}}, %{{.*}}, %[[ADDEND]], %[[SUM]])
  %0 = tpc.contract %x, %w accumulate %y : [s, k], [n, k] -> [s, n] : (tensor<4x4xf32>, tensor<4x4xf32>) -> tensor<4x4xf32>
  return %0 : tensor<4x4xf32>
}

// -----

// Calls of the other library kernels; the shard's first row comes from a sub-axis: (c / 1) % 2 of tp = 4.
tpc.mesh @mesh <["tp"=4]>
// CHECK-LABEL: llvm.func @tpc_entry_library
func.func @library(%ids: tensor<1x8xi32>, %table: tensor<5x4xf32>, %seed: tensor<i64>, %scheme: tensor<i32>,
                   %q: tensor<1x8x1x2x4xf32>, %k: tensor<1x8x1x4xf32>) {
  // CHECK: llvm.call @tpc_axis_index
  // CHECK-NOT: llvm.udiv
  // CHECK: llvm.urem
  %i = tpc.axis_index over @mesh ["tp":(2)2]
  // CHECK: llvm.call @tpc_embedding(
  %0 = tpc.embedding %ids, %table first(%i) : (tensor<1x8xi32>, tensor<5x4xf32>) -> tensor<1x8x4xf32>
  // CHECK: %[[NONE:.*]] = llvm.mlir.zero : !llvm.ptr
  // CHECK: %[[PLACE:.*]] = llvm.mlir.constant({{.*}}) : i64
  // CHECK: %[[SUM:.*]] = llvm.getelementptr %{{.*}}[%[[PLACE]]]
  // CHECK: llvm.call @tpc_embedding_grad({{.*}}, %[[NONE]], %[[SUM]]) : (!llvm.ptr, i32, i32, i64,
  %1 = tpc.embedding_grad %ids, %0 : (tensor<1x8xi32>, tensor<1x8x4xf32>) -> tensor<5x4xf32>
  // Where the sum lies.
  // CHECK-COUNT-2: llvm.getelementptr
  // CHECK: %[[ADDEND_AT:.*]] = llvm.mlir.constant([[OFFSET:[0-9]+]] : i64) : i64
  // CHECK-NEXT: %[[ADDEND:.*]] = llvm.getelementptr %{{.*}}[%[[ADDEND_AT]]]
  // CHECK-NEXT: %[[SUM_AT:.*]] = llvm.mlir.constant([[OFFSET]] : i64) : i64
  // CHECK-NEXT: %[[BOTH:.*]] = llvm.getelementptr %{{.*}}[%[[SUM_AT]]]
  // CHECK-NEXT: llvm.call @tpc_embedding_grad({{.*}}, %[[ADDEND]], %[[BOTH]])
  %more = tpc.embedding_grad %ids, %0 accumulate(%1 : tensor<5x4xf32>) : (tensor<1x8xi32>, tensor<1x8x4xf32>) -> tensor<5x4xf32>
  // Seed and scheme by address: they may lie in a GPU's memory.
  // CHECK: llvm.call @tpc_init_tensor({{.*}}) : (!llvm.ptr, !llvm.ptr, !llvm.ptr, !llvm.ptr, !llvm.ptr, !llvm.ptr) -> ()
  %2 = tpc.init seed(%seed) scheme(%scheme) <"w", shape = [8, 4], kind = linear, fan_in = 4> range 0.02 global [8, 4]
         offsets(%i, %i) : (tensor<i64>, tensor<i32>) -> tensor<2x4xf32>
  // CHECK: llvm.call @tpc_dropout(
  %d = tpc.dropout %2 seed(%seed) probability 0.5 stream "d" global [8, 4] offsets(%i, %i) : tensor<2x4xf32>, tensor<i64>
  // CHECK: llvm.call @tpc_attention(
  %o, %l = tpc.attention causal %q, %k, %k scale 0.5 : tensor<1x8x1x2x4xf32>, tensor<1x8x1x4xf32> -> tensor<1x8x1x2xf32>
  // CHECK: llvm.call @tpc_attention_grad(
  %dq, %dk, %dv = tpc.attention_grad causal %q, %k, %k, %o, %l, %o scale 0.5 : tensor<1x8x1x2x4xf32>, tensor<1x8x1x4xf32>, tensor<1x8x1x2xf32>
  // CHECK: "llvm.intr.memcpy"
  %c = tpc.copy %o : tensor<1x8x1x2x4xf32>
  return
}

// -----

// The manifest makes a program: name, entry points and the text.
// CHECK: llvm.mlir.global external constant @tpc_compiled_program()
// CHECK: llvm.mlir.constant(15 : i64)
// CHECK: llvm.mlir.addressof @tpc_entry_points
// CHECK: llvm.mlir.constant(2 : i64)
// CHECK: llvm.mlir.addressof @tpc_cpu_backend
// CHECK: llvm.mlir.global external constant @tpc_cpu_backend()
// CHECK-LABEL: llvm.func @tpc_entry_a
// CHECK-LABEL: llvm.func @tpc_entry_b
module attributes {tpc.manifest = "{\22manifest\22: 1}"} {
  func.func @a() { return }
  func.func @b() { return }
}

// -----

// Started here, waited for there; both tensors of the reduction are handed over at the start.
tpc.mesh @mesh <["tp"=2]>
llvm.func @sine(!llvm.ptr, i64, i64) attributes {tpc.kernel = {extent = 8 : i64, grain = 2 : i64}}
// CHECK-LABEL: llvm.func @tpc_entry_started(
func.func @started(%x: tensor<8xf32>, %s: tensor<f32>) -> (tensor<8xf32>, tensor<f32>, tensor<8xf32>) {
  // CHECK: llvm.mlir.constant(5 : i64)
  // CHECK: llvm.alloca %{{.*}} x !llvm.ptr
  // CHECK-COUNT-4: llvm.store
  // CHECK: llvm.call @tpc_collective_start(
  // CHECK-NOT: llvm.call @tpc_collective_wait
  %p = tpc.all_reduce sum %x, %s over @mesh ["tp"] : tensor<8xf32>, tensor<f32> -> !tpc.pending<tensor<8xf32>, tensor<f32>>
  // CHECK: llvm.call @tpc_launch(
  %z = tpc.launch @sine(%x) : (tensor<8xf32>) -> tensor<8xf32>
  // CHECK: llvm.call @tpc_collective_wait(
  // CHECK-NEXT: llvm.call @tpc_failed(
  %y:2 = tpc.wait %p : !tpc.pending<tensor<8xf32>, tensor<f32>>
  return %y#0, %y#1, %z : tensor<8xf32>, tensor<f32>, tensor<8xf32>
}
