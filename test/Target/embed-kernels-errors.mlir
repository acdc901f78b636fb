// RUN: tpc-opt %s --tpc-embed-kernels --split-input-file --verify-diagnostics

// expected-error @+1 {{expects the constant 'tpc_device_code'; tpc-lower-to-cuda makes it}}
gpu.binary @tpc_kernels [#gpu.object<#nvvm.target<chip = "sm_90">, bin = "x">]

// -----

// expected-error @+1 {{expects code for one architecture, got 2}}
gpu.binary @tpc_kernels [#gpu.object<#nvvm.target<chip = "sm_80">, bin = "x">, #gpu.object<#nvvm.target<chip = "sm_90">, bin = "y">]
llvm.mlir.global internal constant @tpc_device_code("") {addr_space = 0 : i32} : !llvm.array<0 x i8>
