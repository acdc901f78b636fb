// RUN: tpc-opt %s --tpc-plan-memory --tpc-lower-to-cuda --split-input-file --verify-diagnostics

func.func private @double(tensor<4xf32>) -> tensor<4xf32> attributes {tpc.kernel}
func.func @not_lowered(%x: tensor<4xf32>) {
  // expected-error @+1 {{expects 'double' in gpu.module @tpc_kernels with tpc.grid; tpc-lower-kernels-to-gpu makes it}}
  %0 = tpc.launch @double(%x) : (tensor<4xf32>) -> tensor<4xf32>
  return
}

// -----

builtin.module @tpc_kernels {
  llvm.func @double() attributes {tpc.kernel, tpc.grid = {blocks = 1 : i64, threads = 32 : i64}, tpc.finish = @absent}
}
func.func @no_second_stage(%x: tensor<4xf32>) {
  // expected-error @+1 {{expects the second stage 'absent' of 'double'}}
  %0 = tpc.launch @double(%x) : (tensor<4xf32>) -> tensor<4xf32>
  return
}
