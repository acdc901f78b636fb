// RUN: tpc-opt %s --tpc-group-launches -o %t.mlir && FileCheck %s < %t.mlir
// RUN: tpc-interpret %t.mlir --against %s --inputs random --tolerance 1e-12

func.func private @kernel_scale_64(%s: tensor<f32>, %x: tensor<64xf32>) -> tensor<64xf32>
    attributes {tpc.kernel = {extent = 64 : i64, grain = 4096 : i64, in_place = [[1]]}} {
  %0 = tpc.broadcast %s dims [] : tensor<f32> -> tensor<64xf32>
  %1 = arith.mulf %0, %x : tensor<64xf32>
  return %1 : tensor<64xf32>
}
func.func private @kernel_scale_4x32(%s: tensor<f32>, %x: tensor<4x32xf32>) -> tensor<4x32xf32>
    attributes {tpc.kernel = {extent = 128 : i64, grain = 4096 : i64, in_place = [[1]]}} {
  %0 = tpc.broadcast %s dims [] : tensor<f32> -> tensor<4x32xf32>
  %1 = arith.mulf %0, %x : tensor<4x32xf32>
  return %1 : tensor<4x32xf32>
}
func.func private @kernel_scale_24(%s: tensor<f32>, %x: tensor<24xf32>) -> tensor<24xf32>
    attributes {tpc.kernel = {extent = 24 : i64, grain = 4096 : i64, in_place = [[1]]}} {
  %0 = tpc.broadcast %s dims [] : tensor<f32> -> tensor<24xf32>
  %1 = arith.mulf %0, %x : tensor<24xf32>
  return %1 : tensor<24xf32>
}

// The scalar comes first, as all share it; a result may lie over its own tensor. Both run where the first stood. 24
// elements are no whole vectors on every target.
// CHECK-LABEL: func.func @scale
// CHECK-SAME: (%[[S:.*]]: tensor<f32>, %[[X:.*]]: tensor<64xf32>, %[[Y:.*]]: tensor<4x32xf32>, %[[Z:.*]]: tensor<24xf32>)
// CHECK-NEXT: %[[G:.*]]:2 = tpc.launch @kernel_scale_2_launches(%[[S]], %[[X]], %[[Y]])
// CHECK-NEXT: %[[L:.*]] = tpc.launch @kernel_scale_24(%[[S]], %[[Z]])
// CHECK-NEXT: return %[[G]]#0, %[[G]]#1, %[[L]]
func.func @scale(%s: tensor<f32>, %x: tensor<64xf32>, %y: tensor<4x32xf32>, %z: tensor<24xf32>)
    -> (tensor<64xf32>, tensor<4x32xf32>, tensor<24xf32>) {
  %0 = tpc.launch @kernel_scale_64(%s, %x) : (tensor<f32>, tensor<64xf32>) -> tensor<64xf32>
  %1 = tpc.launch @kernel_scale_24(%s, %z) : (tensor<f32>, tensor<24xf32>) -> tensor<24xf32>
  %2 = tpc.launch @kernel_scale_4x32(%s, %y) : (tensor<f32>, tensor<4x32xf32>) -> tensor<4x32xf32>
  return %0, %2, %1 : tensor<64xf32>, tensor<4x32xf32>, tensor<24xf32>
}

// Each has a scalar of its own. The second launch of the first kernel needs its result: it comes after.
// CHECK-LABEL: func.func @chain
// CHECK-NEXT: %[[G:.*]]:2 = tpc.launch @kernel_scale_2_launches_0(%arg0, %arg2, %arg1, %arg3)
// CHECK-NEXT: %[[L:.*]] = tpc.launch @kernel_scale_64(%arg0, %[[G]]#0)
// CHECK-NEXT: return %[[L]], %[[G]]#0, %[[G]]#1
func.func @chain(%s: tensor<f32>, %t: tensor<f32>, %x: tensor<64xf32>, %y: tensor<4x32xf32>)
    -> (tensor<64xf32>, tensor<64xf32>, tensor<4x32xf32>) {
  %0 = tpc.launch @kernel_scale_64(%s, %x) : (tensor<f32>, tensor<64xf32>) -> tensor<64xf32>
  %1 = tpc.launch @kernel_scale_4x32(%t, %y) : (tensor<f32>, tensor<4x32xf32>) -> tensor<4x32xf32>
  %2 = tpc.launch @kernel_scale_64(%s, %0) : (tensor<f32>, tensor<64xf32>) -> tensor<64xf32>
  return %2, %0, %1 : tensor<64xf32>, tensor<64xf32>, tensor<4x32xf32>
}

// The first result is dead where the second is made: to make both at once would keep it to no end.
// CHECK-LABEL: func.func @dead
// CHECK-NEXT: tpc.launch @kernel_scale_64
// CHECK-NEXT: tpc.contract
// CHECK-NEXT: tpc.launch @kernel_scale_4x32
func.func @dead(%s: tensor<f32>, %x: tensor<64xf32>, %y: tensor<4x32xf32>) -> (tensor<f32>, tensor<4x32xf32>) {
  %0 = tpc.launch @kernel_scale_64(%s, %x) : (tensor<f32>, tensor<64xf32>) -> tensor<64xf32>
  %1 = tpc.contract %0, %0 : [k], [k] -> [] : (tensor<64xf32>, tensor<64xf32>) -> tensor<f32>
  %2 = tpc.launch @kernel_scale_4x32(%s, %y) : (tensor<f32>, tensor<4x32xf32>) -> tensor<4x32xf32>
  return %1, %2 : tensor<f32>, tensor<4x32xf32>
}

func.func private @kernel_squares_4x512(%x: tensor<4x512xf32>) -> tensor<4xf32>
    attributes {tpc.kernel = {extent = 4 : i64, grain = 32 : i64, in_place = [[]]}} {
  %0 = arith.mulf %x, %x : tensor<4x512xf32>
  %1 = tpc.reduce sum %0 dims [1] : tensor<4x512xf32> -> tensor<4xf32>
  return %1 : tensor<4xf32>
}
func.func private @kernel_squares_6x512(%x: tensor<6x512xf32>) -> tensor<6xf32>
    attributes {tpc.kernel = {extent = 6 : i64, grain = 32 : i64, in_place = [[]]}} {
  %0 = arith.mulf %x, %x : tensor<6x512xf32>
  %1 = tpc.reduce sum %0 dims [1] : tensor<6x512xf32> -> tensor<6xf32>
  return %1 : tensor<6xf32>
}
func.func private @kernel_squares_6x256(%x: tensor<6x256xf32>) -> tensor<6xf32>
    attributes {tpc.kernel = {extent = 6 : i64, grain = 64 : i64, in_place = [[]]}} {
  %0 = arith.mulf %x, %x : tensor<6x256xf32>
  %1 = tpc.reduce sum %0 dims [1] : tensor<6x256xf32> -> tensor<6xf32>
  return %1 : tensor<6xf32>
}
func.func private @kernel_max_6x512(%x: tensor<6x512xf32>) -> tensor<6xf32>
    attributes {tpc.kernel = {extent = 6 : i64, grain = 32 : i64, in_place = [[]]}} {
  %0 = arith.mulf %x, %x : tensor<6x512xf32>
  %1 = tpc.reduce max %0 dims [1] : tensor<6x512xf32> -> tensor<6xf32>
  return %1 : tensor<6xf32>
}

// A reshape costs nothing: it goes along.
// CHECK-LABEL: func.func @reshape
// CHECK-NEXT: %[[R:.*]] = tensor.collapse_shape %arg2
// CHECK-NEXT: %[[G:.*]]:2 = tpc.launch @kernel_scale_2_launches_{{[0-9]}}(%arg0, %arg1, %[[R]])
// CHECK-NEXT: return %[[G]]#0, %[[G]]#1
func.func @reshape(%s: tensor<f32>, %x: tensor<64xf32>, %y: tensor<4x16xf32>) -> (tensor<64xf32>, tensor<64xf32>) {
  %0 = tpc.launch @kernel_scale_64(%s, %x) : (tensor<f32>, tensor<64xf32>) -> tensor<64xf32>
  %1 = tensor.collapse_shape %y [[0, 1]] : tensor<4x16xf32> into tensor<64xf32>
  %2 = tpc.launch @kernel_scale_64(%s, %1) : (tensor<f32>, tensor<64xf32>) -> tensor<64xf32>
  return %0, %2 : tensor<64xf32>, tensor<64xf32>
}

// Rows of one length, as many as there are. Their sums may be kept, small as they are; maxima are no sums.
// CHECK-LABEL: func.func @rows
// CHECK-NEXT: %[[G:.*]]:2 = tpc.launch @kernel_squares_2_launches(%arg0, %arg1)
// CHECK-NEXT: tpc.contract %[[G]]#0, %[[G]]#0
// CHECK-NEXT: tpc.contract %[[G]]#1, %[[G]]#1
// CHECK-NEXT: tpc.launch @kernel_squares_6x256
// CHECK-NEXT: tpc.launch @kernel_max_2_launches(%arg1, %arg3)
func.func @rows(%x: tensor<4x512xf32>, %y: tensor<6x512xf32>, %z: tensor<6x256xf32>, %v: tensor<6x512xf32>)
    -> (tensor<f32>, tensor<f32>, tensor<6xf32>, tensor<6xf32>, tensor<6xf32>) {
  %0 = tpc.launch @kernel_squares_4x512(%x) : (tensor<4x512xf32>) -> tensor<4xf32>
  %1 = tpc.contract %0, %0 : [k], [k] -> [] : (tensor<4xf32>, tensor<4xf32>) -> tensor<f32>
  %2 = tpc.launch @kernel_squares_6x512(%y) : (tensor<6x512xf32>) -> tensor<6xf32>
  %3 = tpc.contract %2, %2 : [k], [k] -> [] : (tensor<6xf32>, tensor<6xf32>) -> tensor<f32>
  %4 = tpc.launch @kernel_squares_6x256(%z) : (tensor<6x256xf32>) -> tensor<6xf32>
  %5 = tpc.launch @kernel_max_6x512(%y) : (tensor<6x512xf32>) -> tensor<6xf32>
  %6 = tpc.launch @kernel_max_6x512(%v) : (tensor<6x512xf32>) -> tensor<6xf32>
  return %1, %3, %4, %5, %6 : tensor<f32>, tensor<f32>, tensor<6xf32>, tensor<6xf32>, tensor<6xf32>
}

// CHECK: func.func private @kernel_scale_2_launches(%arg0: tensor<f32>, %arg1: tensor<64xf32>, %arg2: tensor<4x32xf32>) -> (tensor<64xf32>, tensor<4x32xf32>)
// CHECK-SAME: tpc.kernel = {extent = 192 : i64, grain = 4096 : i64, in_place = {{\[}}[1], [2]]}
// CHECK-NEXT: %[[A:.*]] = tpc.launch @kernel_scale_64(%arg0, %arg1)
// CHECK-NEXT: %[[B:.*]] = tpc.launch @kernel_scale_4x32(%arg0, %arg2)
// CHECK-NEXT: return %[[A]], %[[B]]
