// RUN: tpc-opt %s --tpc-form-kernels -o %t.mlir && FileCheck %s < %t.mlir
// RUN: tpc-interpret %t.mlir --against %s --inputs random --tolerance 1e-12
// Sums of a product and a tensor in memory: the product accumulates.

// The residual is needed again: it is read where it lies.
// CHECK-LABEL: func.func @residual
// CHECK-NEXT: %[[H:.*]] = tpc.contract %arg0, %arg1 accumulate %arg2
// CHECK-NEXT: %[[N:.*]] = tpc.launch @kernel_rms_norm_4x6(%[[H]], %arg3)
// CHECK-NEXT: return %[[H]], %[[N]]
func.func @residual(%x: tensor<4x8xf32>, %w: tensor<6x8xf32>, %r: tensor<4x6xf32>, %g: tensor<6xf32>)
    -> (tensor<4x6xf32>, tensor<4x6xf32>) {
  %0 = tpc.contract %x, %w : [s, k], [n, k] -> [s, n] : (tensor<4x8xf32>, tensor<6x8xf32>) -> tensor<4x6xf32>
  %1 = arith.addf %r, %0 : tensor<4x6xf32>
  %2 = tpc.rms_norm %1, %g eps 1.0e-5 : tensor<4x6xf32>, tensor<6xf32>
  return %1, %2 : tensor<4x6xf32>, tensor<4x6xf32>
}

// The cotangents of three projections of one tensor: each product takes in what is there, on either side of the sum.
// CHECK-LABEL: func.func @chain
// CHECK-NEXT: %[[A:.*]] = tpc.contract %arg0, %arg1 : [s, n]
// CHECK-NEXT: %[[B:.*]] = tpc.contract %arg0, %arg2 accumulate %[[A]]
// CHECK-NEXT: %[[C:.*]] = tpc.contract %arg0, %arg3 accumulate %[[B]]
// CHECK-NEXT: return %[[C]]
func.func @chain(%d: tensor<4x6xf32>, %q: tensor<6x8xf32>, %k: tensor<6x8xf32>, %v: tensor<6x8xf32>) -> tensor<4x8xf32> {
  %0 = tpc.contract %d, %q : [s, n], [n, k] -> [s, k] : (tensor<4x6xf32>, tensor<6x8xf32>) -> tensor<4x8xf32>
  %1 = tpc.contract %d, %k : [s, n], [n, k] -> [s, k] : (tensor<4x6xf32>, tensor<6x8xf32>) -> tensor<4x8xf32>
  %2 = tpc.contract %d, %v : [s, n], [n, k] -> [s, k] : (tensor<4x6xf32>, tensor<6x8xf32>) -> tensor<4x8xf32>
  %3 = arith.addf %1, %0 : tensor<4x8xf32>
  %4 = arith.addf %3, %2 : tensor<4x8xf32>
  return %4 : tensor<4x8xf32>
}

// The gradient of a table that is the last layer's weight as well: its tokens' rows are added where that product lies.
// CHECK-LABEL: func.func @tied
// CHECK-NEXT: %[[P:.*]] = tpc.contract %arg1, %arg2
// CHECK-NEXT: %[[G:.*]] = tpc.embedding_grad %arg0, %arg3 accumulate(%[[P]] : tensor<6x8xf32>)
// CHECK-NEXT: return %[[G]]
func.func @tied(%ids: tensor<4xi32>, %d: tensor<4x6xf32>, %x: tensor<4x8xf32>, %dx: tensor<4x8xf32>) -> tensor<6x8xf32> {
  %0 = tpc.contract %d, %x : [s, n], [s, k] -> [n, k] : (tensor<4x6xf32>, tensor<4x8xf32>) -> tensor<6x8xf32>
  %1 = tpc.embedding_grad %ids, %dx : (tensor<4xi32>, tensor<4x8xf32>) -> tensor<6x8xf32>
  %2 = arith.addf %1, %0 : tensor<6x8xf32>
  return %2 : tensor<6x8xf32>
}

// A gradient of a rounded weight is f32, and so is the sum; what is rounded first is not added to in f32.
// CHECK-LABEL: func.func @narrow
// CHECK-NEXT: %[[G:.*]] = tpc.contract %arg0, %arg1 accumulate %arg2 : [s, n], [s, k] -> [n, k] : {{.*}} -> tensor<6x8xf32>
// CHECK-NEXT: %[[P:.*]] = tpc.contract %arg0, %arg1 : [s, n], [s, k] -> [n, k] : {{.*}} -> tensor<6x8xbf16>
// CHECK-NEXT: tpc.launch @kernel_{{.*}}addf_6x8
func.func @narrow(%d: tensor<4x6xbf16>, %x: tensor<4x8xbf16>, %g: tensor<6x8xf32>) -> (tensor<6x8xf32>, tensor<6x8xf32>) {
  %0 = tpc.contract %d, %x : [s, n], [s, k] -> [n, k] : (tensor<4x6xbf16>, tensor<4x8xbf16>) -> tensor<6x8xf32>
  %1 = arith.addf %0, %g : tensor<6x8xf32>
  %2 = tpc.contract %d, %x : [s, n], [s, k] -> [n, k] : (tensor<4x6xbf16>, tensor<4x8xbf16>) -> tensor<6x8xbf16>
  %3 = arith.extf %2 : tensor<6x8xbf16> to tensor<6x8xf32>
  %4 = arith.addf %3, %g : tensor<6x8xf32>
  return %1, %4 : tensor<6x8xf32>, tensor<6x8xf32>
}

// Products that do not accumulate: the addend comes later; another op needs the product; the addend is a bias, which a
// kernel repeats as it adds; the addend is computed by the kernel that adds.
// CHECK-LABEL: func.func @others
// CHECK-NOT: accumulate
// CHECK: return
func.func @others(%x: tensor<4x8xf32>, %w: tensor<6x8xf32>, %b: tensor<6xf32>, %u: tensor<4x6xf32>, %ids: tensor<4xi32>, %table: tensor<9x6xf32>)
    -> (tensor<4x6xf32>, tensor<4x6xf32>, tensor<4x6xf32>, tensor<4x6xf32>, tensor<4x6xf32>) {
  %0 = tpc.contract %x, %w : [s, k], [n, k] -> [s, n] : (tensor<4x8xf32>, tensor<6x8xf32>) -> tensor<4x6xf32>
  %late = tpc.embedding %ids, %table : (tensor<4xi32>, tensor<9x6xf32>) -> tensor<4x6xf32>
  %1 = arith.addf %0, %late : tensor<4x6xf32>
  %2 = tpc.contract %x, %w : [s, k], [n, k] -> [s, n] : (tensor<4x8xf32>, tensor<6x8xf32>) -> tensor<4x6xf32>
  %3 = arith.addf %2, %u : tensor<4x6xf32>
  %4 = tpc.broadcast %b dims [1] : tensor<6xf32> -> tensor<4x6xf32>
  %5 = tpc.contract %x, %w : [s, k], [n, k] -> [s, n] : (tensor<4x8xf32>, tensor<6x8xf32>) -> tensor<4x6xf32>
  %6 = arith.addf %5, %4 : tensor<4x6xf32>
  %7 = arith.mulf %u, %u : tensor<4x6xf32>
  %8 = tpc.contract %x, %w : [s, k], [n, k] -> [s, n] : (tensor<4x8xf32>, tensor<6x8xf32>) -> tensor<4x6xf32>
  %9 = arith.addf %7, %8 : tensor<4x6xf32>
  return %1, %2, %3, %6, %9 : tensor<4x6xf32>, tensor<4x6xf32>, tensor<4x6xf32>, tensor<4x6xf32>, tensor<4x6xf32>
}
