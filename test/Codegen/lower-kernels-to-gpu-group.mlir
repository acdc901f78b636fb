// RUN: tpc-opt %s --tpc-lower-kernels-to-gpu | FileCheck %s

// A group: the table of its seven pointers is the parameter. 1024 elements are one block of 256 threads with 4 each, 64
// and 2048 are one and two: blocks begin at 0, 1, 2. Two steps of bisection find the member, whose blocks are counted
// from its first; nothing is left of kernels that only the group launched.
// CHECK-DAG: llvm.mlir.global private constant @group_first_blocks(dense<[0, 1, 2, 9223372036854775807]> : tensor<4xi64>) {addr_space = 4 : i32
// CHECK-DAG: llvm.mlir.global private constant @group_counts(dense<[256, 16, 512]> : tensor<3xi64>) {addr_space = 4 : i32
// CHECK-LABEL: gpu.func @group(
// CHECK-SAME: %[[TABLE:.*]]: !llvm.ptr {llvm.align = 8 : i64, llvm.byval = !llvm.array<7 x ptr<1>>}) kernel
// CHECK-SAME: tpc.grid = {blocks = 4 : i64, threads = 256 : i64}
// CHECK-COUNT-2: arith.select
// CHECK-NOT: arith.select
// CHECK: %[[POINTER:.*]] = llvm.load %{{.*}} {alignment = 8 : i64} : !llvm.ptr -> !llvm.ptr<1>
// CHECK: scf.if
// CHECK: llvm.load %{{.*}} {alignment = 16 : i64} : !llvm.ptr<1> -> vector<4xf32>
// CHECK: llvm.store %{{.*}} {alignment = 16 : i64} : vector<4xf32>, !llvm.ptr<1>
// CHECK-NOT: @scale_
func.func private @scale_1024(%s: tensor<f32>, %x: tensor<1024xf32>) -> tensor<1024xf32> attributes {tpc.kernel = {extent = 1024 : i64}} {
  %0 = tpc.broadcast %s dims [] : tensor<f32> -> tensor<1024xf32>
  %1 = arith.mulf %0, %x : tensor<1024xf32>
  return %1 : tensor<1024xf32>
}
func.func private @scale_64(%s: tensor<f32>, %x: tensor<64xf32>) -> tensor<64xf32> attributes {tpc.kernel = {extent = 64 : i64}} {
  %0 = tpc.broadcast %s dims [] : tensor<f32> -> tensor<64xf32>
  %1 = arith.mulf %0, %x : tensor<64xf32>
  return %1 : tensor<64xf32>
}
func.func private @scale_2x1024(%s: tensor<f32>, %x: tensor<2x1024xf32>) -> tensor<2x1024xf32> attributes {tpc.kernel = {extent = 2048 : i64}} {
  %0 = tpc.broadcast %s dims [] : tensor<f32> -> tensor<2x1024xf32>
  %1 = arith.mulf %0, %x : tensor<2x1024xf32>
  return %1 : tensor<2x1024xf32>
}
func.func private @group(%s: tensor<f32>, %x: tensor<1024xf32>, %y: tensor<64xf32>, %z: tensor<2x1024xf32>)
    -> (tensor<1024xf32>, tensor<64xf32>, tensor<2x1024xf32>) attributes {tpc.kernel} {
  %0 = tpc.launch @scale_1024(%s, %x) : (tensor<f32>, tensor<1024xf32>) -> tensor<1024xf32>
  %1 = tpc.launch @scale_64(%s, %y) : (tensor<f32>, tensor<64xf32>) -> tensor<64xf32>
  %2 = tpc.launch @scale_2x1024(%s, %z) : (tensor<f32>, tensor<2x1024xf32>) -> tensor<2x1024xf32>
  return %0, %1, %2 : tensor<1024xf32>, tensor<64xf32>, tensor<2x1024xf32>
}
