// Slices, insertions and concatenations have the gradients that differences say.
// RUN: tpc-opt %s --tpc-differentiate -o %t.mlir
// RUN: tpc-interpret %t.mlir --check-gradients --inputs=random | FileCheck %s --check-prefix=GRADIENTS
// GRADIENTS: a: gradient
// GRADIENTS: b: gradient
// RUN: FileCheck %s < %t.mlir
// CHECK-LABEL: func.func @step(
// CHECK-DAG: tensor.extract_slice %{{.*}}[0, 4] [2, 3] [1, 1] {tpc.backward}
// CHECK-DAG: tensor.insert_slice %{{.*}} into %{{.*}}[0, 1] [2, 2] [1, 1] {tpc.backward}
func.func @loss(%a: tensor<2x4xf32> {tpc.param = #tpc.param<"a", shape = [2, 4], kind = linear, fan_in = 4>},
                %b: tensor<2x3xf32> {tpc.param = #tpc.param<"b", shape = [2, 3], kind = linear, fan_in = 3>})
    -> (tensor<f32> {tpc.output = "loss"}) {
  %0 = tensor.concat dim(1) %a, %b : (tensor<2x4xf32>, tensor<2x3xf32>) -> tensor<2x7xf32>
  %1 = arith.mulf %0, %0 : tensor<2x7xf32>
  %2 = tensor.extract_slice %a[0, 1] [2, 2] [1, 1] : tensor<2x4xf32> to tensor<2x2xf32>
  %3 = math.exp %2 : tensor<2x2xf32>
  %4 = tensor.insert_slice %3 into %1[0, 3] [2, 2] [1, 1] : tensor<2x2xf32> into tensor<2x7xf32>
  %5 = arith.mulf %4, %0 : tensor<2x7xf32>
  %6 = tpc.reduce sum %5 dims [0, 1] : tensor<2x7xf32> -> tensor<f32>
  return %6 : tensor<f32>
}
