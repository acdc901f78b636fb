// RUN: tpc-opt %s --tpc-flatten-control-flow | FileCheck %s

// The example of the pass documentation.
// CHECK-LABEL: func.func @example(
// CHECK-SAME: %[[X:.*]]: tensor<4xf32>
// CHECK-NEXT: arith.constant
// CHECK: %[[A:.*]] = arith.negf %[[X]] : tensor<4xf32>
// CHECK: %[[B:.*]] = arith.negf %[[A]] : tensor<4xf32>
// CHECK-NEXT: return %[[B]]
func.func @example(%0: tensor<4xf32>) -> tensor<4xf32> {
  %zero = arith.constant 0 : index
  %one = arith.constant 1 : index
  %two = arith.constant 2 : index
  %1 = scf.for %i = %zero to %two step %one iter_args(%x = %0) -> tensor<4xf32> {
    %2 = func.call @layer(%x) : (tensor<4xf32>) -> tensor<4xf32>
    scf.yield %2 : tensor<4xf32>
  }
  return %1 : tensor<4xf32>
}

// Two carried values that change places, and offsets that depend on the round: 0 and 2.
// CHECK-LABEL: func.func @rounds(
// CHECK-SAME: %[[X:[a-z0-9]+]]: tensor<4xf32>, %[[A:[a-z0-9]+]]: tensor<2xf32>, %[[B:[a-z0-9]+]]: tensor<2xf32>
// CHECK-NOT: arith.muli
// CHECK: %[[S0:.*]] = tensor.extract_slice %[[X]][%{{.*}}] [2] [1]
// CHECK: %[[A1:.*]] = arith.addf %[[A]], %[[S0]]
// CHECK: %[[S1:.*]] = tensor.extract_slice %[[X]][%{{.*}}] [2] [1]
// CHECK: %[[B1:.*]] = arith.addf %[[B]], %[[S1]]
// CHECK: return %[[A1]], %[[B1]]
func.func @rounds(%x: tensor<4xf32>, %a: tensor<2xf32>, %b: tensor<2xf32>) -> (tensor<2xf32>, tensor<2xf32>) {
  %zero = arith.constant 0 : index
  %one = arith.constant 1 : index
  %two = arith.constant 2 : index
  %0:2 = scf.for %i = %zero to %two step %one iter_args(%p = %a, %q = %b) -> (tensor<2xf32>, tensor<2xf32>) {
    %offset = arith.muli %i, %two : index
    %part = tensor.extract_slice %x[%offset] [2] [1] : tensor<4xf32> to tensor<2xf32>
    %sum = arith.addf %p, %part : tensor<2xf32>
    scf.yield %q, %sum : tensor<2xf32>, tensor<2xf32>
  }
  return %0#0, %0#1 : tensor<2xf32>, tensor<2xf32>
}

// A loop without a round hands on what it got.
// CHECK-LABEL: func.func @never(
// CHECK: return %arg0
func.func @never(%x: tensor<4xf32>) -> tensor<4xf32> {
  %one = arith.constant 1 : index
  %0 = scf.for %i = %one to %one step %one iter_args(%y = %x) -> tensor<4xf32> {
    %1 = arith.negf %y : tensor<4xf32>
    scf.yield %1 : tensor<4xf32>
  }
  return %0 : tensor<4xf32>
}

// CHECK-NOT: func.func private
func.func private @layer(%x: tensor<4xf32>) -> tensor<4xf32> {
  %0 = func.call @inner(%x) : (tensor<4xf32>) -> tensor<4xf32>
  return %0 : tensor<4xf32>
}
func.func private @inner(%x: tensor<4xf32>) -> tensor<4xf32> {
  %0 = arith.negf %x : tensor<4xf32>
  return %0 : tensor<4xf32>
}
