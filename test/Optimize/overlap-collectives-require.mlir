// A machine without latency: every collective has something to hide.
// RUN: echo '{name: m, flops: 1, memory_bandwidth: 1, links: [{name: l, latency: 0, bandwidth: 1}], default_link: l}' > %t.yaml
// RUN: tpc-opt %s --split-input-file --verify-diagnostics --tpc-overlap-collectives="require=true memory-cap=200 machine=%t.yaml"
// RUN: not tpc-opt %s --split-input-file --tpc-overlap-collectives=machine=abacus 2>&1 | FileCheck %s --check-prefix=MACHINE
// MACHINE: error: unknown machine 'abacus'

// What can overlap does. Nothing is computed before the gather or behind the last scatter: nothing is asked of them.
tpc.mesh @mesh <["tp"=2]>
func.func @fits(%x: tensor<4xf32>, %y: tensor<4xf32>) -> (tensor<2xf32>, tensor<4xf32>) {
  %0 = tpc.all_gather %x dim 0 over @mesh ["tp"] : tensor<4xf32> -> tensor<8xf32>
  %1 = tensor.extract_slice %0[0] [4] [1] : tensor<8xf32> to tensor<4xf32>
  %2 = tpc.all_reduce sum %1 over @mesh ["tp"] : tensor<4xf32>
  %3 = math.sin %y : tensor<4xf32>
  %4 = arith.addf %2, %3 : tensor<4xf32>
  %5 = tpc.reduce_scatter sum %4 dim 0 over @mesh ["tp"] : tensor<4xf32> -> tensor<2xf32>
  return %5, %3 : tensor<2xf32>, tensor<4xf32>
}

// -----

tpc.mesh @mesh <["tp"=2]>
func.func @chain(%x: tensor<4xf32>) -> tensor<4xf32> {
  %0 = math.sin %x : tensor<4xf32>
  // expected-error@+1 {{'tpc.all_reduce' op cannot overlap with computation: nothing that is independent of it can be computed between its operands and the first use of its result}}
  %1 = tpc.all_reduce sum %0 over @mesh ["tp"] : tensor<4xf32>
  // expected-note@+1 {{used here}}
  %2 = math.cos %1 : tensor<4xf32>
  return %2 : tensor<4xf32>
}

// -----

tpc.mesh @mesh <["tp"=2]>
func.func @memory(%x: tensor<64xf32>) -> (tensor<128xf32>, tensor<64xf32>) {
  %0 = math.sin %x : tensor<64xf32>
  // expected-error@+1 {{cannot overlap with computation: it would add up to 512 bytes to the memory in use, more than what is left of the 200 that --overlap-memory allows}}
  %1 = tpc.all_gather %0 dim 0 over @mesh ["tp"] : tensor<64xf32> -> tensor<128xf32>
  %2 = math.cos %x : tensor<64xf32>
  return %1, %2 : tensor<128xf32>, tensor<64xf32>
}
