// RUN: tpc-opt %s --tpc-embed-kernels --split-input-file | FileCheck %s
// Device code becomes constant data, aligned as its loader wants it.

// CHECK-NOT: gpu.binary
// CHECK: llvm.mlir.global internal constant @tpc_device_code("\7FELF\00\01") {addr_space = 0 : i32, alignment = 64 : i64}
gpu.binary @tpc_kernels [#gpu.object<#nvvm.target<chip = "sm_90">, bin = "\7FELF\00\01">]
llvm.mlir.global internal constant @tpc_device_code("") {addr_space = 0 : i32} : !llvm.array<0 x i8>

// -----

// Without kernels there is nothing to do.
// CHECK: llvm.mlir.global internal constant @other("") {addr_space = 0 : i32}
llvm.mlir.global internal constant @other("") {addr_space = 0 : i32} : !llvm.array<0 x i8>
