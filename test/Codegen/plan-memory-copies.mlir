// RUN: tpc-opt %s --tpc-plan-memory -o %t.mlir && FileCheck %s < %t.mlir
// RUN: tpc-interpret %t.mlir --against %s --inputs random
// Each result must lie where the other's value is: both move aside first.

// CHECK-LABEL: func.func @swap
// CHECK: tpc.copy
// CHECK: tpc.copy
// CHECK: return
func.func @swap(%a: tensor<4xf32>, %b: tensor<4xf32>) -> (tensor<4xf32> {tpc.alias = 0 : i64}, tensor<4xf32> {tpc.alias = 1 : i64}) {
  return %b, %a : tensor<4xf32>, tensor<4xf32>
}
