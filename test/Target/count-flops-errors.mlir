// RUN: tpc-opt %s --split-input-file --verify-diagnostics --tpc-count-flops
// What would be counted wrongly, or not at all, is refused.

func.func private @helper(%x: tensor<4x8xf32>) -> tensor<4x4xf32> {
  %0 = tpc.contract %x, %x : [m, k], [n, k] -> [m, n] : (tensor<4x8xf32>, tensor<4x8xf32>) -> tensor<4x4xf32>
  return %0 : tensor<4x4xf32>
}
func.func @caller(%x: tensor<4x8xf32>) -> tensor<4x4xf32> {
  // expected-error@+1 {{'func.call' op has operations inside that would not be counted: run tpc-flatten-control-flow and tpc-convert-linalg first}}
  %0 = func.call @helper(%x) : (tensor<4x8xf32>) -> tensor<4x4xf32>
  return %0 : tensor<4x4xf32>
}

// -----

// Ten products, not one.
func.func @loop(%x: tensor<8x8xf32>) -> tensor<8x8xf32> {
  %first = arith.constant 0 : index
  %last = arith.constant 10 : index
  %step = arith.constant 1 : index
  // expected-error@+1 {{'scf.for' op has operations inside that would not be counted}}
  %0 = scf.for %i = %first to %last step %step iter_args(%y = %x) -> (tensor<8x8xf32>) {
    %1 = tpc.contract %y, %x : [m, k], [n, k] -> [m, n] : (tensor<8x8xf32>, tensor<8x8xf32>) -> tensor<8x8xf32>
    scf.yield %1 : tensor<8x8xf32>
  }
  return %0 : tensor<8x8xf32>
}

// -----

func.func @linalg(%x: tensor<8x8xf32>) -> tensor<8x8xf32> {
  // expected-error@+1 {{'linalg.matmul' op has operations inside that would not be counted}}
  %0 = linalg.matmul ins(%x, %x : tensor<8x8xf32>, tensor<8x8xf32>) outs(%x : tensor<8x8xf32>) -> tensor<8x8xf32>
  return %0 : tensor<8x8xf32>
}

// -----

tpc.mesh @mesh <["tp"=2]>
// expected-error@+1 {{is one rank's program: operations are counted before tpc-localize, argument 1 is a shard}}
func.func @local(%s: f32, %x: tensor<4x8xf32> {tpc.global = #tpc.global<[8, 8], <@mesh, [{"tp"}, {}]>>}) -> tensor<4x4xf32> {
  %0 = tpc.contract %x, %x : [m, k], [n, k] -> [m, n] : (tensor<4x8xf32>, tensor<4x8xf32>) -> tensor<4x4xf32>
  return %0 : tensor<4x4xf32>
}
