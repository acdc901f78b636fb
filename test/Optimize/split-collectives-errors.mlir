// RUN: echo 'module {}' | not tpc-opt --tpc-split-collectives=chunks=3 2>&1 | FileCheck %s --check-prefix=CHUNKS
// CHUNKS: error: chunks is 0 (by cost), 2 or 4, got 3
// RUN: echo 'module {}' | not tpc-opt --tpc-split-collectives=machine=abacus 2>&1 | FileCheck %s --check-prefix=MACHINE
// MACHINE: error: unknown machine 'abacus'
// RUN: tpc-opt %s --verify-diagnostics --tpc-split-collectives

tpc.mesh @mesh <["tp"=2]>
func.func @started(%x: tensor<4xf32>) -> tensor<4xf32> {
  %0 = tpc.all_reduce sum %x over @mesh ["tp"] : tensor<4xf32> -> !tpc.pending<tensor<4xf32>>
  // expected-error@+1 {{ends a collective that was started already}}
  %1 = tpc.wait %0 : !tpc.pending<tensor<4xf32>>
  return %1 : tensor<4xf32>
}
