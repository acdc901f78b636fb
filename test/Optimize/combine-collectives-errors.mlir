// RUN: tpc-opt %s --allow-unregistered-dialect --split-input-file --verify-diagnostics --tpc-combine-collectives
// RUN: not tpc-opt %s --split-input-file --allow-unregistered-dialect --tpc-combine-collectives=machine=abacus 2>&1 | FileCheck %s --check-prefix=MACHINE
// MACHINE: error: unknown machine 'abacus'

// expected-error@+1 {{needs a body of one block, got 2}}
func.func @two_blocks(%x: tensor<4xf32>) -> tensor<4xf32> {
  "test.branch"()[^next] : () -> ()
^next:
  return %x : tensor<4xf32>
}

// -----

// Of a started reduction and one that is not, neither can travel with the other.
tpc.mesh @mesh <["tp"=2]>
func.func @started(%x: tensor<4xf32>, %y: tensor<4xf32>) -> (tensor<4xf32>, tensor<4xf32>) {
  %0 = tpc.all_reduce sum %x over @mesh ["tp"] : tensor<4xf32> -> !tpc.pending<tensor<4xf32>>
  %1 = tpc.all_reduce sum %y over @mesh ["tp"] : tensor<4xf32>
  // expected-error@+1 {{ends a collective that was started already: collectives are rewritten before tpc-overlap-collectives, which runs once}}
  %2 = tpc.wait %0 : !tpc.pending<tensor<4xf32>>
  return %1, %2 : tensor<4xf32>, tensor<4xf32>
}

// -----

tpc.mesh @mesh <["tp"=2]>
func.func @started_gather(%x: tensor<4xf32>, %y: tensor<4xf32>) -> (tensor<8xf32>, tensor<8xf32>) {
  %0 = tpc.all_gather %x dim 0 over @mesh ["tp"] : tensor<4xf32> -> !tpc.pending<tensor<8xf32>>
  %1 = tpc.all_gather %y dim 0 over @mesh ["tp"] : tensor<4xf32> -> tensor<8xf32>
  // expected-error@+1 {{ends a collective that was started already: collectives are rewritten before tpc-overlap-collectives, which runs once}}
  %2 = tpc.wait %0 : !tpc.pending<tensor<8xf32>>
  return %1, %2 : tensor<8xf32>, tensor<8xf32>
}
