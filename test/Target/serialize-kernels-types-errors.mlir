// RUN: tpc-opt %s --tpc-serialize-kernels=format=nvvm --verify-diagnostics

// What libdevice lacks is named with its type.
gpu.module @tpc_kernels {
  gpu.func @wide(%p: !llvm.ptr<1>) kernel {
    %0 = llvm.load %p : !llvm.ptr<1> -> f128
    // expected-error @below {{'math.erf' op has no code for a GPU, got 'f128'}}
    %1 = math.erf %0 : f128
    llvm.store %1, %p : f128, !llvm.ptr<1>
    gpu.return
  }
}
