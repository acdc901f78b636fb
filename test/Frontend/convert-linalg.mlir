// RUN: tpc-opt %s --tpc-convert-linalg | FileCheck %s
// Values by hand: what the converted program computes.
// RUN: tpc-opt %s --tpc-convert-linalg | tpc-interpret | FileCheck %s --check-prefix=VALUES

// CHECK-NOT: linalg
// CHECK-NOT: tensor.empty

// The example of the pass documentation.
// CHECK-LABEL: func.func @matmul(
// CHECK: tpc.contract %{{.*}}, %{{.*}} : [a, c], [c, b] -> [a, b] : (tensor<2x2xf32>, tensor<2x3xf32>) -> tensor<2x3xf32>
// CHECK-NEXT: return
// [1 2; 3 4] times [1 0 1; 0 1 1].
// VALUES-LABEL: @matmul result 0
// VALUES-NEXT: 1 2 3
// VALUES-NEXT: 3 4 7
func.func @matmul() -> tensor<2x3xf32> {
  %x = arith.constant dense<[[1.0, 2.0], [3.0, 4.0]]> : tensor<2x2xf32>
  %w = arith.constant dense<[[1.0, 0.0, 1.0], [0.0, 1.0, 1.0]]> : tensor<2x3xf32>
  %zero = arith.constant 0.0 : f32
  %empty = tensor.empty() : tensor<2x3xf32>
  %0 = linalg.fill ins(%zero : f32) outs(%empty : tensor<2x3xf32>) -> tensor<2x3xf32>
  %1 = linalg.matmul ins(%x, %w : tensor<2x2xf32>, tensor<2x3xf32>) outs(%0 : tensor<2x3xf32>) -> tensor<2x3xf32>
  return %1 : tensor<2x3xf32>
}

// An output that is not zero is added.
// CHECK-LABEL: func.func @accumulate(
// CHECK: %[[P:.*]] = tpc.contract %{{.*}} : [a, b, d], [a, d, c] -> [a, b, c]
// CHECK: arith.addf %{{.*}}, %[[P]]
// VALUES-LABEL: @accumulate result 0
// VALUES-NEXT: 7
func.func @accumulate() -> tensor<1x1x1xf32> {
  %x = arith.constant dense<2.0> : tensor<1x1x1xf32>
  %y = arith.constant dense<3.0> : tensor<1x1x1xf32>
  %one = arith.constant dense<1.0> : tensor<1x1x1xf32>
  %0 = linalg.batch_matmul ins(%x, %y : tensor<1x1x1xf32>, tensor<1x1x1xf32>) outs(%one : tensor<1x1x1xf32>) -> tensor<1x1x1xf32>
  return %0 : tensor<1x1x1xf32>
}

// CHECK-LABEL: func.func @shapes(
// CHECK: tpc.transpose %{{.*}} permutation [1, 0] : tensor<2x3xf32> -> tensor<3x2xf32>
// CHECK: tpc.reduce sum %{{.*}} dims [1] : tensor<2x3xf32> -> tensor<2xf32>
// CHECK: tpc.broadcast %{{.*}} dims [0] : tensor<2xf32> -> tensor<2x2xf32>
// VALUES-LABEL: @shapes result 0
// VALUES-NEXT: 1 4
// VALUES-NEXT: 2 5
// VALUES-NEXT: 3 6
// VALUES-LABEL: @shapes result 1
// VALUES-NEXT: 6 6
// VALUES-NEXT: 15 15
func.func @shapes() -> (tensor<3x2xf32>, tensor<2x2xf32>) {
  %x = arith.constant dense<[[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]]> : tensor<2x3xf32>
  %e0 = tensor.empty() : tensor<3x2xf32>
  %0 = linalg.transpose ins(%x : tensor<2x3xf32>) outs(%e0 : tensor<3x2xf32>) permutation = [1, 0]
  %zeros = arith.constant dense<0.0> : tensor<2xf32>
  %1 = linalg.reduce { arith.addf } ins(%x : tensor<2x3xf32>) outs(%zeros : tensor<2xf32>) dimensions = [1]
  %e1 = tensor.empty() : tensor<2x2xf32>
  %2 = linalg.broadcast ins(%1 : tensor<2xf32>) outs(%e1 : tensor<2x2xf32>) dimensions = [1]
  return %0, %2 : tensor<3x2xf32>, tensor<2x2xf32>
}

// An elementwise body with a constant; one operand lacks a loop, the output has the loops in another order.
// CHECK-LABEL: func.func @elementwise(
// CHECK: %[[B:.*]] = tpc.broadcast %{{.*}} dims [1] : tensor<3xf32> -> tensor<2x3xf32>
// CHECK: %[[S:.*]] = arith.addf %{{.*}}, %[[B]] : tensor<2x3xf32>
// CHECK: %[[C:.*]] = arith.constant dense<2.000000e+00> : tensor<2x3xf32>
// CHECK: %[[M:.*]] = arith.mulf %[[S]], %[[C]] : tensor<2x3xf32>
// CHECK: tpc.transpose %[[M]] permutation [1, 0]
// VALUES-LABEL: @elementwise result 0
// VALUES-NEXT: 22 28
// VALUES-NEXT: 44 50
// VALUES-NEXT: 66 72
func.func @elementwise() -> tensor<3x2xf32> {
  %x = arith.constant dense<[[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]]> : tensor<2x3xf32>
  %b = arith.constant dense<[10.0, 20.0, 30.0]> : tensor<3xf32>
  %two = arith.constant 2.0 : f32
  %e = tensor.empty() : tensor<3x2xf32>
  %0 = linalg.generic {indexing_maps = [affine_map<(i, j) -> (i, j)>, affine_map<(i, j) -> (j)>, affine_map<(i, j) -> (j, i)>],
                       iterator_types = ["parallel", "parallel"]}
      ins(%x, %b : tensor<2x3xf32>, tensor<3xf32>) outs(%e : tensor<3x2xf32>) {
  ^bb0(%a: f32, %c: f32, %o: f32):
    %s = arith.addf %a, %c : f32
    %m = arith.mulf %s, %two : f32
    linalg.yield %m : f32
  } -> tensor<3x2xf32>
  return %0 : tensor<3x2xf32>
}

// The largest absolute value of each column, over a start of 2.
// CHECK-LABEL: func.func @maximum(
// CHECK: %[[T:.*]] = tpc.transpose %{{.*}} permutation [1, 0] : tensor<2x3xf32> -> tensor<3x2xf32>
// CHECK: %[[A:.*]] = math.absf %[[T]]
// CHECK: %[[R:.*]] = tpc.reduce max %[[A]] dims [1] : tensor<3x2xf32> -> tensor<3xf32>
// CHECK: arith.maximumf %{{.*}}, %[[R]]
// VALUES-LABEL: @maximum result 0
// VALUES-NEXT: 4 2 3
func.func @maximum() -> tensor<3xf32> {
  %x = arith.constant dense<[[1.0, 0.5, -3.0], [-4.0, -1.0, 2.0]]> : tensor<2x3xf32>
  %start = arith.constant dense<2.0> : tensor<3xf32>
  %0 = linalg.generic {indexing_maps = [affine_map<(i, j) -> (j, i)>, affine_map<(i, j) -> (i)>],
                       iterator_types = ["parallel", "reduction"]}
      ins(%x : tensor<2x3xf32>) outs(%start : tensor<3xf32>) {
  ^bb0(%a: f32, %o: f32):
    %p = math.absf %a : f32
    %m = arith.maximumf %p, %o : f32
    linalg.yield %m : f32
  } -> tensor<3xf32>
  return %0 : tensor<3xf32>
}

// CHECK-LABEL: func.func @pad(
// CHECK: %[[C:.*]] = arith.constant dense<9.000000e+00> : tensor<2x4xf32>
// CHECK: tensor.insert_slice %{{.*}} into %[[C]][1, 1] [1, 2] [1, 1]
// VALUES-LABEL: @pad result 0
// VALUES-NEXT: 9 9 9 9
// VALUES-NEXT: 9 1 2 9
func.func @pad() -> tensor<2x4xf32> {
  %x = arith.constant dense<[[1.0, 2.0]]> : tensor<1x2xf32>
  %nine = arith.constant 9.0 : f32
  %0 = tensor.pad %x low[1, 1] high[0, 1] {
  ^bb0(%i: index, %j: index):
    tensor.yield %nine : f32
  } : tensor<1x2xf32> to tensor<2x4xf32>
  return %0 : tensor<2x4xf32>
}
