// RUN: tpc-opt %s --allow-unregistered-dialect --split-input-file --verify-diagnostics --tpc-overlap-collectives
// RUN: echo 'module {}' | not tpc-opt --tpc-overlap-collectives=memory-cap=-1 2>&1 | FileCheck %s --check-prefix=CAP
// CAP: error: memory-cap is a number of bytes, got -1

// expected-error@+1 {{needs a body of one block, got 2}}
func.func @two_blocks(%x: tensor<4xf32>) -> tensor<4xf32> {
  "test.branch"()[^next] : () -> ()
^next:
  return %x : tensor<4xf32>
}

// -----

tpc.mesh @mesh <["tp"=2]>
func.func @twice(%x: tensor<4xf32>) -> tensor<4xf32> {
  %0 = tpc.all_reduce sum %x over @mesh ["tp"] : tensor<4xf32> -> !tpc.pending<tensor<4xf32>>
  // expected-error@+1 {{ends a collective that was started already: collectives are rewritten before tpc-overlap-collectives, which runs once}}
  %1 = tpc.wait %0 : !tpc.pending<tensor<4xf32>>
  return %1 : tensor<4xf32>
}
