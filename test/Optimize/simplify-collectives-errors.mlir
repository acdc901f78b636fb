// RUN: tpc-opt %s --allow-unregistered-dialect --split-input-file --verify-diagnostics --tpc-simplify-collectives

// expected-error@+1 {{needs a body of one block, got 2}}
func.func @two_blocks(%x: tensor<4xf32>) -> tensor<4xf32> {
  "test.branch"()[^next] : () -> ()
^next:
  return %x : tensor<4xf32>
}
