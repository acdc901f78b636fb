// RUN: tpc-opt %s --tpc-form-kernels | FileCheck %s

tpc.mesh @mesh <["dp"=1, "tp"=2]>

// A residual, the norm of it and the statistics of each row are one kernel; the two norms are one body.
// CHECK-LABEL: func.func @residual
// CHECK-SAME: (%[[X:.*]]: tensor<4x8xf32>, %[[Y:.*]]: tensor<4x8xf32>, %[[W:.*]]: tensor<8xf32>, %[[V:.*]]: tensor<8x8xf32>)
func.func @residual(%x: tensor<4x8xf32>, %y: tensor<4x8xf32>, %w: tensor<8xf32>, %v: tensor<8x8xf32>)
    -> (tensor<4x8xf32>, tensor<4x8xf32>) {
  // CHECK: %[[A:.*]]:2 = tpc.launch @[[NORM:kernel_addf_rms_norm_4x8]](%[[X]], %[[Y]], %[[W]])
  %0 = arith.addf %x, %y : tensor<4x8xf32>
  %1 = tpc.rms_norm %0, %w eps 1.0e-5 : tensor<4x8xf32>, tensor<8xf32>
  // CHECK: %[[C:.*]] = tpc.contract %[[A]]#1, %[[V]]
  %2 = tpc.contract %1, %v : [s, k], [n, k] -> [s, n] : (tensor<4x8xf32>, tensor<8x8xf32>) -> tensor<4x8xf32>
  // CHECK: %[[S:.*]] = tpc.all_reduce sum %[[C]]
  %3 = tpc.all_reduce sum %2 over @mesh ["tp"] : tensor<4x8xf32>
  // CHECK: %[[B:.*]]:2 = tpc.launch @[[NORM]](%[[A]]#0, %[[S]], %[[W]])
  %4 = arith.addf %0, %3 : tensor<4x8xf32>
  %5 = tpc.rms_norm %4, %w eps 1.0e-5 : tensor<4x8xf32>, tensor<8xf32>
  // CHECK: return %[[B]]#0, %[[B]]#1
  return %4, %5 : tensor<4x8xf32>, tensor<4x8xf32>
}

// No kernel may need what depends on itself: the two sums around the contraction stay apart.
// CHECK-LABEL: func.func @no_cycle
func.func @no_cycle(%x: tensor<4x8xf32>, %w: tensor<8x8xf32>) -> tensor<4x8xf32> {
  // CHECK: tpc.launch @[[TWICE:.*]](%{{.*}}) : (tensor<4x8xf32>) -> tensor<4x8xf32>
  // CHECK-NEXT: tpc.contract
  // CHECK-NEXT: tpc.launch
  // CHECK-NEXT: return
  %0 = arith.addf %x, %x : tensor<4x8xf32>
  %1 = tpc.contract %0, %w : [s, k], [n, k] -> [s, n] : (tensor<4x8xf32>, tensor<8x8xf32>) -> tensor<4x8xf32>
  %2 = arith.mulf %0, %1 : tensor<4x8xf32>
  return %2 : tensor<4x8xf32>
}

// The weight's gradient walks down columns, in a kernel of its own that recomputes its products.
// CHECK-LABEL: func.func @norm_grad
func.func @norm_grad(%x: tensor<4x8xf32>, %w: tensor<8xf32>, %d: tensor<4x8xf32>) -> (tensor<4x8xf32>, tensor<8xf32>) {
  // CHECK: %[[ROWS:.*]]:2 = tpc.launch @kernel_rms_norm_grad_4x8({{.*}}) : ({{.*}}) -> (tensor<4xf32>, tensor<4x8xf32>)
  // CHECK: tpc.launch @kernel_rms_norm_weight_grad_4x8(%{{.*}}, %{{.*}}, %[[ROWS]]#0)
  %0:2 = tpc.rms_norm_grad %x, %w, %d eps 1.0e-5 : tensor<4x8xf32>, tensor<8xf32>
  return %0#0, %0#1 : tensor<4x8xf32>, tensor<8xf32>
}

// As for rms_norm: one kernel of rows, which hands on their means and scales, and columns for weight and bias.
// CHECK-LABEL: func.func @layer_norm_grad
func.func @layer_norm_grad(%x: tensor<4x8xf32>, %w: tensor<8xf32>, %d: tensor<4x8xf32>) -> (tensor<4x8xf32>, tensor<8xf32>, tensor<8xf32>) {
  // CHECK: %[[ROWS:.*]]:3 = tpc.launch @kernel_layer_norm_grad_4x8({{.*}}) : ({{.*}}) -> (tensor<4xf32>, tensor<4xf32>, tensor<4x8xf32>)
  // CHECK: tpc.launch @kernel_layer_norm_weight_grad_4x8(%{{.*}}, %[[ROWS]]#0, %[[ROWS]]#1, %{{.*}})
  // CHECK: tpc.launch @kernel_layer_norm_bias_grad_4x8(%arg2)
  %0:3 = tpc.layer_norm_grad %x, %w, %d eps 1.0e-5 : tensor<4x8xf32>, tensor<8xf32>
  return %0#0, %0#1, %0#2 : tensor<4x8xf32>, tensor<8xf32>, tensor<8xf32>
}

// The runtime draws the mask; the op stays in the entry. A slice of lower rank is a slice and a reshape.
// CHECK-LABEL: func.func @dropout
func.func @dropout(%x: tensor<4x8xf32>, %seed: tensor<i64>) -> (tensor<4x8xf32>, tensor<4xf32>) {
  // CHECK: %[[Y:.*]] = tpc.launch @kernel_negf_4x8(
  // CHECK: tpc.dropout %[[Y]] seed(%arg1)
  %0 = arith.negf %x : tensor<4x8xf32>
  %1 = tpc.dropout %0 seed(%seed) probability 0.5 stream "s" global [4, 8] : tensor<4x8xf32>, tensor<i64>
  // CHECK: %[[S:.*]] = tpc.launch @kernel_extract_slice_4x8(%arg0) : (tensor<4x8xf32>) -> tensor<4x1xf32>
  // CHECK: tensor.collapse_shape %[[S]]
  %2 = tensor.extract_slice %x[0, 3] [4, 1] [1, 1] : tensor<4x8xf32> to tensor<4xf32>
  return %1, %2 : tensor<4x8xf32>, tensor<4xf32>
}

// Large sums have two stages, split by the shape alone: 300 * 512 = 15 * 10240.
// CHECK-LABEL: func.func @sum_squares
func.func @sum_squares(%x: tensor<300x512xf32>) -> tensor<f32> {
  // CHECK: %[[FLAT:.*]] = tensor.collapse_shape
  // CHECK: %[[CHUNKS:.*]] = tensor.expand_shape %[[FLAT]] {{.*}} into tensor<10x15360xf32>
  // CHECK: %[[PARTIAL:.*]] = tpc.launch @{{.*}}(%[[CHUNKS]]) : (tensor<10x15360xf32>) -> tensor<10xf32>
  // CHECK: tpc.launch @{{.*}}(%[[PARTIAL]]) : (tensor<10xf32>) -> tensor<f32>
  %0 = tpc.sum_squares %x : tensor<300x512xf32> -> tensor<f32>
  return %0 : tensor<f32>
}

// Every parameter's update shares the scalars of the step; the offset of a shard is an operand.
// CHECK-LABEL: func.func @update
func.func @update(%p: tensor<8x4xf32>, %q: tensor<6x4xf32>, %s: tensor<f32>, %t: tensor<i32>) -> (tensor<8x4xf32>, tensor<6x4xf32>, tensor<4x4xf32>) {
  // CHECK-COUNT-1: tpc.launch @kernel_adamw_scalars
  // CHECK-DAG: tpc.launch @kernel_adamw_8x4
  // CHECK-DAG: tpc.launch @kernel_adamw_6x4
  %0:3 = tpc.adamw %p, %p, %p, %p scale(%s) lr(%s) betas(%s, %s) eps(%s) weight_decay(%s) step(%t)
    : tensor<8x4xf32>, tensor<f32>, tensor<f32>, tensor<f32>, tensor<f32>, tensor<f32>, tensor<f32>, tensor<i32>
  %1:3 = tpc.adamw %q, %q, %q, %q scale(%s) lr(%s) betas(%s, %s) eps(%s) weight_decay(%s) step(%t)
    : tensor<6x4xf32>, tensor<f32>, tensor<f32>, tensor<f32>, tensor<f32>, tensor<f32>, tensor<f32>, tensor<i32>
  // CHECK: %[[I:.*]] = tpc.axis_index over @mesh ["tp"]
  // CHECK: %[[O:.*]] = arith.muli %[[I]]
  // CHECK: tpc.launch @kernel_shard_slice_8x4(%{{.*}}, %[[O]]) : (tensor<8x4xf32>, index) -> tensor<4x4xf32>
  %2 = tpc.shard_slice %0#0 dim 0 over @mesh ["tp"] : tensor<8x4xf32> -> tensor<4x4xf32>
  return %0#0, %1#0, %2 : tensor<8x4xf32>, tensor<6x4xf32>, tensor<4x4xf32>
}

// exp(-gate) serves backward too, but is a function of the gate alone: computed again, not kept.
// CHECK-LABEL: func.func @swiglu
// CHECK-SAME: (%[[GATE:.*]]: tensor<4x8xf32>, %[[UP:.*]]: tensor<4x8xf32>, %[[V:.*]]: tensor<8x8xf32>)
func.func @swiglu(%gate: tensor<4x8xf32>, %up: tensor<4x8xf32>, %v: tensor<8x8xf32>) -> (tensor<4x8xf32>, tensor<4x8xf32>) {
  // CHECK: %[[ACT:.*]] = tpc.launch @{{.*}}(%[[GATE]], %[[UP]]) : (tensor<4x8xf32>, tensor<4x8xf32>) -> tensor<4x8xf32>
  %one = arith.constant dense<1.0> : tensor<4x8xf32>
  %0 = arith.negf %gate : tensor<4x8xf32>
  %1 = math.exp %0 : tensor<4x8xf32>
  %2 = arith.addf %1, %one : tensor<4x8xf32>
  %3 = arith.divf %gate, %2 : tensor<4x8xf32>
  %4 = arith.mulf %3, %up : tensor<4x8xf32>
  // CHECK: %[[D:.*]] = tpc.contract %[[ACT]], %[[V]]
  %5 = tpc.contract %4, %v : [s, k], [n, k] -> [s, n] : (tensor<4x8xf32>, tensor<8x8xf32>) -> tensor<4x8xf32>
  // CHECK: tpc.launch @{{.*}}(%[[GATE]], %[[D]], %[[UP]]) : ({{.*}}) -> (tensor<4x8xf32>, tensor<4x8xf32>)
  %6 = arith.mulf %5, %3 : tensor<4x8xf32>
  %7 = arith.mulf %5, %up : tensor<4x8xf32>
  %8 = arith.divf %7, %2 : tensor<4x8xf32>
  return %6, %8 : tensor<4x8xf32>, tensor<4x8xf32>
}

// Kernels follow the entries. Rows are the unit of the norm's parallel loop; both results may replace either summand.
// CHECK: func.func private @[[NORM]]({{.*}} attributes {tpc.kernel = {extent = 4 : i64, grain = 2048 : i64, in_place = {{\[}}[0, 1], [0, 1]]}}
// CHECK-NOT: @[[NORM]]_1
// CHECK: func.func private @kernel_rms_norm_weight_grad_4x8({{.*}} {extent = 8 : i64
