// RUN: tpc-opt %s --tpc-pair-contracts -o %t.mlir && FileCheck %s < %t.mlir
// RUN: tpc-interpret %t.mlir --against %s --inputs random --tolerance 1e-12
// RUN: tpc-opt %s --tpc-pair-contracts --mlir-pass-statistics -o /dev/null 2>&1 | FileCheck %s --check-prefix=COUNT
// RUN: sed 's/attributes {tpc.target.*}}/attributes {}/' %s | tpc-opt --tpc-pair-contracts | FileCheck %s --check-prefix=PROCESSOR
// COUNT: 3 pairs
// PROCESSOR-NOT: contract_pair

module attributes {tpc.target = {name = "cuda", arch = "sm_90"}} {
  // One left side; the reshape of the first goes along.
  // CHECK-LABEL: func.func @gate_and_up
  // CHECK-NEXT: %[[P:.*]], %[[Q:.*]] = tpc.contract_pair %arg0, %arg1 and %arg0, %arg2 : [s, k], [n, k] -> [s, n]
  // CHECK-NEXT: %[[G:.*]] = tensor.expand_shape %[[P]]
  // CHECK-NEXT: return %[[G]], %[[Q]]
  func.func @gate_and_up(%x: tensor<4x8xf32>, %g: tensor<6x8xf32>, %u: tensor<6x8xf32>) -> (tensor<1x4x6xf32>, tensor<4x6xf32>) {
    %0 = tpc.contract %x, %g : [s, k], [n, k] -> [s, n] : (tensor<4x8xf32>, tensor<6x8xf32>) -> tensor<4x6xf32>
    %1 = tensor.expand_shape %0 [[0, 1], [2]] output_shape [1, 4, 6] : tensor<4x6xf32> into tensor<1x4x6xf32>
    %2 = tpc.contract %x, %u : [s, k], [n, k] -> [s, n] : (tensor<4x8xf32>, tensor<6x8xf32>) -> tensor<4x6xf32>
    return %1, %2 : tensor<1x4x6xf32>, tensor<4x6xf32>
  }

  // One right side. Of three products two are a pair.
  // CHECK-LABEL: func.func @gradients
  // CHECK-NEXT: tpc.contract_pair %arg0, %arg3 and %arg1, %arg3 : [s, n], [s, k] -> [n, k]
  // CHECK-NEXT: tpc.contract %arg2, %arg3
  func.func @gradients(%a: tensor<4x6xf32>, %b: tensor<4x6xf32>, %c: tensor<4x6xf32>, %x: tensor<4x8xf32>) -> (tensor<6x8xf32>, tensor<6x8xf32>, tensor<6x8xf32>) {
    %0 = tpc.contract %a, %x : [s, n], [s, k] -> [n, k] : (tensor<4x6xf32>, tensor<4x8xf32>) -> tensor<6x8xf32>
    %1 = tpc.contract %b, %x : [s, n], [s, k] -> [n, k] : (tensor<4x6xf32>, tensor<4x8xf32>) -> tensor<6x8xf32>
    %2 = tpc.contract %c, %x : [s, n], [s, k] -> [n, k] : (tensor<4x6xf32>, tensor<4x8xf32>) -> tensor<6x8xf32>
    return %0, %1, %2 : tensor<6x8xf32>, tensor<6x8xf32>, tensor<6x8xf32>
  }

  // The second needs the first; other shapes; other sides; one that accumulates.
  // CHECK-LABEL: func.func @alone
  // CHECK-NOT: contract_pair
  // CHECK: return
  func.func @alone(%x: tensor<4x4xf32>, %y: tensor<4x4xf32>, %z: tensor<4x4xf32>, %w: tensor<6x4xf32>) -> (tensor<4x4xf32>, tensor<4x6xf32>, tensor<4x4xf32>, tensor<4x4xf32>) {
    %0 = tpc.contract %x, %y : [s, k], [n, k] -> [s, n] : (tensor<4x4xf32>, tensor<4x4xf32>) -> tensor<4x4xf32>
    %1 = tpc.contract %x, %w : [s, k], [n, k] -> [s, n] : (tensor<4x4xf32>, tensor<6x4xf32>) -> tensor<4x6xf32>
    %2 = tpc.contract %x, %0 : [s, k], [n, k] -> [s, n] : (tensor<4x4xf32>, tensor<4x4xf32>) -> tensor<4x4xf32>
    %3 = tpc.contract %x, %z accumulate %2 : [s, k], [n, k] -> [s, n] : (tensor<4x4xf32>, tensor<4x4xf32>) -> tensor<4x4xf32>
    %4 = tpc.contract %z, %x : [k, s], [n, k] -> [s, n] : (tensor<4x4xf32>, tensor<4x4xf32>) -> tensor<4x4xf32>
    return %0, %1, %3, %4 : tensor<4x4xf32>, tensor<4x6xf32>, tensor<4x4xf32>, tensor<4x4xf32>
  }

  // A reshape of the first that is used before the second keeps it there.
  // CHECK-LABEL: func.func @used_before
  // CHECK-NOT: contract_pair
  // CHECK-LABEL: func.func @later
  func.func @used_before(%x: tensor<4x4xf32>, %y: tensor<4x4xf32>) -> tensor<4x4xf32> {
    %0 = tpc.contract %x, %y : [s, k], [n, k] -> [s, n] : (tensor<4x4xf32>, tensor<4x4xf32>) -> tensor<4x4xf32>
    %1 = tensor.expand_shape %0 [[0, 1], [2]] output_shape [1, 4, 4] : tensor<4x4xf32> into tensor<1x4x4xf32>
    %2 = tpc.contract %1, %y : [b, s, k], [n, k] -> [b, s, n] : (tensor<1x4x4xf32>, tensor<4x4xf32>) -> tensor<1x4x4xf32>
    %3 = tensor.collapse_shape %2 [[0, 1], [2]] : tensor<1x4x4xf32> into tensor<4x4xf32>
    %4 = tpc.contract %x, %3 : [s, k], [n, k] -> [s, n] : (tensor<4x4xf32>, tensor<4x4xf32>) -> tensor<4x4xf32>
    return %4 : tensor<4x4xf32>
  }

  // The nearest that can wait is taken.
  // CHECK: tpc.contract %arg0, %arg1
  // CHECK-NEXT: tpc.contract %
  // CHECK-NEXT: tpc.contract_pair %arg0, %arg2 and %arg0, %arg1
  func.func @later(%x: tensor<4x4xf32>, %y: tensor<4x4xf32>, %z: tensor<4x4xf32>) -> (tensor<4x4xf32>, tensor<4x4xf32>, tensor<4x4xf32>) {
    %0 = tpc.contract %x, %y : [s, k], [n, k] -> [s, n] : (tensor<4x4xf32>, tensor<4x4xf32>) -> tensor<4x4xf32>
    %1 = tpc.contract %0, %0 : [s, k], [k, n] -> [s, n] : (tensor<4x4xf32>, tensor<4x4xf32>) -> tensor<4x4xf32>
    %2 = tpc.contract %x, %z : [s, k], [n, k] -> [s, n] : (tensor<4x4xf32>, tensor<4x4xf32>) -> tensor<4x4xf32>
    %3 = tpc.contract %x, %y : [s, k], [n, k] -> [s, n] : (tensor<4x4xf32>, tensor<4x4xf32>) -> tensor<4x4xf32>
    return %1, %2, %3 : tensor<4x4xf32>, tensor<4x4xf32>, tensor<4x4xf32>
  }
}
