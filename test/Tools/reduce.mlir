// RUN: tpc-reduce %s -reduction-tree='traversal-mode=0 test=%S/Inputs/has-contract.sh' | FileCheck %s
// Only what the script asks for is left.

// CHECK-NOT: @other
// CHECK-LABEL: func.func @product
// CHECK: tpc.contract
// CHECK-NOT: @other
func.func @other(%x: tensor<4xf32>) -> tensor<4xf32> {
  %0 = arith.negf %x : tensor<4xf32>
  return %0 : tensor<4xf32>
}
func.func @product(%a: tensor<2x3xf32>, %b: tensor<4x3xf32>) -> tensor<2x4xf32> {
  %0 = tpc.contract %a, %b : [m, k], [n, k] -> [m, n] : (tensor<2x3xf32>, tensor<4x3xf32>) -> tensor<2x4xf32>
  return %0 : tensor<2x4xf32>
}
