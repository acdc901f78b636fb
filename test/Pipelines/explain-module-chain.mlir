// A module written as text: every op has a line of its own, and the chain of a collective leads over the ops to the line of
// the annotation.
// RUN: tpc-compile %s --plan none --mesh tp=2 --explain | FileCheck %s

// CHECK: all_reduce over tp of 24 f32
// CHECK: because {{.*}}explain-module-chain.mlir:[[#CONSTRAIN:]]:8
// CHECK: math.exp
// CHECK: arith.negf
// CHECK: math.tanh
// CHECK: explain-module-chain.mlir:[[#CONSTRAIN + 4]]:8
// CHECK-NEXT: tpc.contract
// CHECK-NEXT: explain-module-chain.mlir:[[#CONSTRAIN + 5]]:8
tpc.mesh @mesh <["tp"=2]>
func.func @forward(%x: tensor<4x8xf32>, %w: tensor<8x6xf32>) -> tensor<4x6xf32> {
  %a = tpc.constrain %x to <@mesh, [{}, {"tp"}]> : tensor<4x8xf32>
  %b = math.exp %a : tensor<4x8xf32>
  %c = arith.negf %b : tensor<4x8xf32>
  %d = math.tanh %c : tensor<4x8xf32>
  %m = tpc.contract %d, %w : [m, k], [k, n] -> [m, n] : (tensor<4x8xf32>, tensor<8x6xf32>) -> tensor<4x6xf32>
  %e = math.exp %m : tensor<4x6xf32>
  return %e : tensor<4x6xf32>
}
