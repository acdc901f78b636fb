// bf16 is loaded, extended, computed with in f32, rounded once and stored.
// RUN: tpc-opt %s --tpc-form-kernels -o %t.mlir
// RUN: FileCheck %s < %t.mlir
// RUN: tpc-interpret %t.mlir --against=%s --tolerance=1e-12
// RUN: tpc-opt %t.mlir "--tpc-lower-kernels=expand-bf16=true" | FileCheck %s --check-prefix=INTEGERS --implicit-check-not=fptrunc --implicit-check-not=fpext
// RUN: tpc-opt %t.mlir --tpc-lower-kernels | FileCheck %s --check-prefix=FLOATS

// INTEGERS: llvm.func internal @
// INTEGERS: llvm.load %{{.*}} -> vector<16xi16>
// INTEGERS: llvm.lshr
// INTEGERS: llvm.store {{.*}} : vector<16xi16>
// FLOATS: llvm.func internal @
// FLOATS: llvm.load %{{.*}} -> vector<16xi16>
// FLOATS: llvm.fpext {{.*}} : vector<16xbf16> to vector<16xf32>
// FLOATS: llvm.fptrunc {{.*}} : vector<16xf32> to vector<16xbf16>
// FLOATS: llvm.store {{.*}} : vector<16xi16>

// A residual and the norm of it are one kernel still; between them the sum is rounded, as it is in memory.
// CHECK-LABEL: func.func @residual(
// CHECK: %[[R:.*]]:2 = tpc.launch @[[NORM:[a-z_0-9]+]](%{{.*}}, %{{.*}}, %{{.*}}) : (tensor<4x32xbf16>, tensor<4x32xbf16>, tensor<32xf32>) -> (tensor<4x32xbf16>, tensor<4x32xbf16>)
// CHECK-NEXT: return %[[R]]#0, %[[R]]#1
func.func @residual(%x: tensor<4x32xbf16>, %y: tensor<4x32xbf16>, %w: tensor<32xf32>)
    -> (tensor<4x32xbf16>, tensor<4x32xbf16>) {
  %0 = arith.addf %x, %y : tensor<4x32xbf16>
  %1 = tpc.rms_norm %0, %w eps 1.0e-5 : tensor<4x32xbf16>, tensor<32xf32>
  return %0, %1 : tensor<4x32xbf16>, tensor<4x32xbf16>
}

// A later kernel reads the rounded sum: what it was rounded from is not kept.
// CHECK-LABEL: func.func @kept(
// CHECK: tpc.launch {{.*}} -> (tensor<4x32xbf16>, tensor<4x32xbf16>)
// CHECK-NEXT: tpc.contract
// CHECK-NEXT: tpc.launch {{.*}} : (tensor<4x32xbf16>, tensor<4x32xbf16>) -> tensor<4x32xbf16>
func.func @kept(%x: tensor<4x32xbf16>, %y: tensor<4x32xbf16>, %w: tensor<32xf32>, %v: tensor<32x32xbf16>) -> tensor<4x32xbf16> {
  %0 = arith.addf %x, %y : tensor<4x32xbf16>
  %1 = tpc.rms_norm %0, %w eps 1.0e-5 : tensor<4x32xbf16>, tensor<32xf32>
  %2 = tpc.contract %1, %v : [s, k], [n, k] -> [s, n] : (tensor<4x32xbf16>, tensor<32x32xbf16>) -> tensor<4x32xbf16>
  %3 = arith.mulf %0, %2 : tensor<4x32xbf16>
  return %3 : tensor<4x32xbf16>
}

// What is selected or moved is not computed with.
// CHECK-LABEL: func.func @select(
// CHECK: tpc.launch @[[SELECT:[a-z_0-9]+]](
func.func @select(%c: tensor<4x8xi1>, %x: tensor<4x8xbf16>, %y: tensor<4x8xbf16>) -> tensor<4x8xbf16> {
  %0 = arith.select %c, %x, %y : tensor<4x8xi1>, tensor<4x8xbf16>
  return %0 : tensor<4x8xbf16>
}

// The gradient replaces the logits; the target's logit is loaded from them before.
// CHECK-LABEL: func.func @loss(
// CHECK: tpc.launch @[[ENTROPY:[a-z_0-9]+]](%{{.*}}, %{{.*}}) : (tensor<2x3x50xbf16>, tensor<2x3xi32>) -> (tensor<2x3xf32>, tensor<2x3xf32>)
func.func @loss(%logits: tensor<2x3x50xbf16>, %targets: tensor<2x3xi32>) -> (tensor<2x3xf32>, tensor<2x3xf32>) {
  %t, %l = tpc.cross_entropy %logits, %targets : (tensor<2x3x50xbf16>, tensor<2x3xi32>) -> tensor<2x3xf32>
  return %t, %l : tensor<2x3xf32>, tensor<2x3xf32>
}

// CHECK: func.func private @[[NORM]](
// CHECK-COUNT-2: arith.extf {{.*}} to tensor<4x32xf32>
// CHECK: %[[SUM:.*]] = arith.addf {{.*}} : tensor<4x32xf32>
// CHECK: %[[ROUNDED:.*]] = arith.truncf %[[SUM]]
// CHECK: arith.extf %[[ROUNDED]]
// CHECK: %[[SCALED:.*]] = arith.mulf {{.*}} : tensor<4x32xf32>
// CHECK: %[[LAST:.*]] = arith.truncf {{.*}} : tensor<4x32xf32> to tensor<4x32xbf16>
// CHECK: return %[[ROUNDED]], %[[LAST]]

// CHECK: func.func private @[[SELECT]](
// CHECK-NOT: extf
// CHECK: arith.select {{.*}} : tensor<4x8xi1>, tensor<4x8xbf16>
// CHECK-NEXT: return

// CHECK: func.func private @[[ENTROPY]](%[[LOGITS:.*]]: tensor<2x3x50xbf16>, %{{.*}}: tensor<2x3xi32>)
// CHECK: arith.extf %[[LOGITS]]
// CHECK: tpc.reduce max {{.*}} : tensor<2x3x50xf32> -> tensor<2x3xf32>
