// RUN: tpc-opt %s --tpc-lower-kernels-to-gpu | FileCheck %s
// What the kernels compute is tested by running them: test/Python/test_kernels.py.

// CHECK: gpu.module @tpc_kernels

// 1028 elements are 257 vectors of 16 bytes: two blocks, the second with one thread at work. The
// result may lie in the operand's place, so the pointers may be equal.
// CHECK-LABEL: gpu.func @double(
// CHECK-SAME: %[[X:.*]]: !llvm.ptr<1> {llvm.align = 16 : i64}, %[[Y:.*]]: !llvm.ptr<1> {llvm.align = 16 : i64})
// CHECK-SAME: tpc.grid = {blocks = 2 : i64, threads = 256 : i64}
// CHECK: %[[INSIDE:.*]] = arith.cmpi slt, %{{.*}}, %c257_i64
// CHECK: scf.if %[[INSIDE]]
// CHECK: llvm.load %{{.*}} {alignment = 16 : i64} : !llvm.ptr<1> -> vector<4xf32>
// CHECK: arith.addf %{{.*}} fastmath<contract> : vector<4xf32>
// CHECK: llvm.store %{{.*}} {alignment = 16 : i64} : vector<4xf32>, !llvm.ptr<1>
func.func private @double(%x: tensor<1028xf32>) -> tensor<1028xf32> attributes {tpc.kernel} {
  %0 = arith.addf %x, %x : tensor<1028xf32>
  return %0 : tensor<1028xf32>
}

// bfloat16 is the narrowest: 8 lanes; 17 elements have no vectors.
// CHECK-LABEL: gpu.func @widen(
// CHECK-SAME: llvm.noalias, llvm.readonly
// CHECK: llvm.load %{{.*}} {alignment = 16 : i64} : !llvm.ptr<1> -> vector<8xi16>
// CHECK: llvm.store %{{.*}} {alignment = 16 : i64} : vector<8xf32>
func.func private @widen(%x: tensor<2048xbf16>) -> tensor<2048xf32> attributes {tpc.kernel} {
  %0 = arith.extf %x : tensor<2048xbf16> to tensor<2048xf32>
  return %0 : tensor<2048xf32>
}
// CHECK-LABEL: gpu.func @odd(
// CHECK: llvm.load %{{.*}} {alignment = 4 : i64} : !llvm.ptr<1> -> vector<1xf32>
func.func private @odd(%x: tensor<17xf32>) -> tensor<17xf32> attributes {tpc.kernel} {
  %0 = arith.addf %x, %x : tensor<17xf32>
  return %0 : tensor<17xf32>
}

// A row of 192 vectors: a thread for each, six warps. The row is read once for both uses.
// CHECK-LABEL: gpu.func @normalize(
// CHECK-SAME: tpc.grid = {blocks = 8 : i64, threads = 192 : i64}
// CHECK: llvm.load %{{.*}} -> vector<4xf32>
// CHECK-COUNT-5: gpu.shuffle xor
// CHECK: gpu.barrier
// CHECK-COUNT-3: gpu.shuffle xor
// CHECK-NOT: llvm.load %{{.*}} -> vector
// CHECK: llvm.store %{{.*}} : vector<4xf32>, !llvm.ptr<1>
func.func private @normalize(%x: tensor<8x768xf32>) -> tensor<8x768xf32> attributes {tpc.kernel} {
  %0 = tpc.reduce sum %x dims [1] : tensor<8x768xf32> -> tensor<8xf32>
  %1 = tpc.broadcast %0 dims [0] : tensor<8xf32> -> tensor<8x768xf32>
  %2 = arith.divf %x, %1 : tensor<8x768xf32>
  return %2 : tensor<8x768xf32>
}

// 16 vectors: half a warp per row, no barrier. 12 rows are not whole blocks of 8.
// CHECK-LABEL: gpu.func @short_rows(
// CHECK-SAME: tpc.grid = {blocks = 2 : i64, threads = 128 : i64}
// CHECK-COUNT-4: gpu.shuffle xor
// CHECK-NOT: gpu.shuffle
// CHECK: gpu.return
func.func private @short_rows(%x: tensor<12x64xf32>) -> tensor<12x64xf32> attributes {tpc.kernel} {
  %0 = tpc.reduce max %x dims [1] : tensor<12x64xf32> -> tensor<12xf32>
  %1 = tpc.broadcast %0 dims [0] : tensor<12xf32> -> tensor<12x64xf32>
  %2 = arith.subf %x, %1 : tensor<12x64xf32>
  return %2 : tensor<12x64xf32>
}

// A vocabulary does not fit in registers.
// CHECK-LABEL: gpu.func @long_rows(
// CHECK-SAME: tpc.grid = {blocks = 2 : i64, threads = 512 : i64}
// CHECK: scf.for
// CHECK-COUNT-4: llvm.load %{{.*}} {alignment = 16 : i64} : !llvm.ptr<1> -> vector<4xf32>
// CHECK: scf.yield
func.func private @long_rows(%x: tensor<2x128256xf32>) -> tensor<2xf32> attributes {tpc.kernel} {
  %0 = tpc.reduce sum %x dims [1] : tensor<2x128256xf32> -> tensor<2xf32>
  return %0 : tensor<2xf32>
}

// 4096 rows: partial sums of 64 rows each in the workspace, added by a second kernel.
// CHECK-LABEL: gpu.func @columns(
// CHECK-SAME: !llvm.ptr<1>{{.*}}, %{{.*}}: !llvm.ptr<1>{{.*}}, %[[WORKSPACE:.*]]: !llvm.ptr<1>
// CHECK-SAME: tpc.finish = @columns_finish, tpc.grid = {blocks = 384 : i64, threads = 256 : i64}
// CHECK-SAME: tpc.workspace = 196608 : i64
// CHECK-LABEL: gpu.func @columns_finish(
// CHECK-SAME: tpc.grid = {blocks = 6 : i64, threads = 256 : i64}
func.func private @columns(%x: tensor<4096x768xf32>) -> tensor<768xf32> attributes {tpc.kernel} {
  %0 = tpc.reduce sum %x dims [0] : tensor<4096x768xf32> -> tensor<768xf32>
  return %0 : tensor<768xf32>
}

// An index comes by value.
// CHECK-LABEL: gpu.func @slice(
// CHECK-SAME: !llvm.ptr<1>{{.*}}, %[[FIRST:.*]]: i64, %{{.*}}: !llvm.ptr<1>
func.func private @slice(%x: tensor<8x16xf32>, %first: index) -> tensor<2x16xf32> attributes {tpc.kernel} {
  %0 = tensor.extract_slice %x[%first, 0] [2, 16] [1, 1] : tensor<8x16xf32> to tensor<2x16xf32>
  return %0 : tensor<2x16xf32>
}

// CHECK-LABEL: gpu.func @transpose(
// CHECK-SAME: tpc.grid = {blocks = 8 : i64, threads = 256 : i64}
// CHECK: llvm.mlir.addressof @transpose_shared_0 : !llvm.ptr<3>
// CHECK: gpu.barrier
func.func private @transpose(%x: tensor<64x100xf32>) -> tensor<100x64xf32> attributes {tpc.kernel} {
  %0 = tpc.transpose %x permutation [1, 0] : tensor<64x100xf32> -> tensor<100x64xf32>
  return %0 : tensor<100x64xf32>
}
