// RUN: tpc-interpret %s | FileCheck %s
// Values by hand.

// CHECK-LABEL: @product result 0 [2, 2]
// [1 2; 3 4] times [5 6; 7 8] transposed: 1*5+2*6, 1*7+2*8, 3*5+4*6, 3*7+4*8.
// CHECK-NEXT: 17 23
// CHECK-NEXT: 39 53
func.func @product() -> tensor<2x2xf32> {
  %a = arith.constant dense<[[1.0, 2.0], [3.0, 4.0]]> : tensor<2x2xf32>
  %b = arith.constant dense<[[5.0, 6.0], [7.0, 8.0]]> : tensor<2x2xf32>
  %c = tpc.contract %a, %b : [m, k], [n, k] -> [m, n] : (tensor<2x2xf32>, tensor<2x2xf32>) -> tensor<2x2xf32>
  return %c : tensor<2x2xf32>
}

// CHECK-LABEL: @accumulate result 0 [2]
// [1 2] times [5 6; 7 8] transposed, on [100 200].
// CHECK-NEXT: 117 223
func.func @accumulate() -> tensor<2xf32> {
  %a = arith.constant dense<[1.0, 2.0]> : tensor<2xf32>
  %b = arith.constant dense<[[5.0, 6.0], [7.0, 8.0]]> : tensor<2x2xf32>
  %c = arith.constant dense<[100.0, 200.0]> : tensor<2xf32>
  %d = tpc.contract %a, %b accumulate %c : [k], [n, k] -> [n] : (tensor<2xf32>, tensor<2x2xf32>) -> tensor<2xf32>
  return %d : tensor<2xf32>
}

// CHECK-LABEL: @shapes result 0 [2]
// CHECK-NEXT: 6 15
// CHECK-LABEL: @shapes result 1 [3]
// CHECK-NEXT: 4 5 6
// CHECK-LABEL: @shapes result 2 [3, 2]
// CHECK-NEXT: 1 4
// CHECK-NEXT: 2 5
// CHECK-NEXT: 3 6
// CHECK-LABEL: @shapes result 3 [2, 2]
// CHECK-NEXT: 6 6
// CHECK-NEXT: 15 15
func.func @shapes() -> (tensor<2xf32>, tensor<3xf32>, tensor<3x2xf32>, tensor<2x2xf32>) {
  %a = arith.constant dense<[[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]]> : tensor<2x3xf32>
  %0 = tpc.reduce sum %a dims [1] : tensor<2x3xf32> -> tensor<2xf32>
  %1 = tpc.reduce max %a dims [0] : tensor<2x3xf32> -> tensor<3xf32>
  %2 = tpc.transpose %a permutation [1, 0] : tensor<2x3xf32> -> tensor<3x2xf32>
  %3 = tpc.broadcast %0 dims [0] : tensor<2xf32> -> tensor<2x2xf32>
  return %0, %1, %2, %3 : tensor<2xf32>, tensor<3xf32>, tensor<3x2xf32>, tensor<2x2xf32>
}

// Rows 2 and 0 of the table; id 3 is outside and gives zeros.
// CHECK-LABEL: @embedding result 0 [3, 2]
// CHECK-NEXT: 5 6
// CHECK-NEXT: 1 2
// CHECK-NEXT: 0 0
// CHECK-LABEL: @embedding result 1 [3, 2]
// CHECK-NEXT: 1 2
// CHECK-NEXT: 0 0
// CHECK-NEXT: 5 6
func.func @embedding() -> (tensor<3x2xf32>, tensor<3x2xf32>) {
  %ids = arith.constant dense<[2, 0, 3]> : tensor<3xi32>
  %table = arith.constant dense<[[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]]> : tensor<3x2xf32>
  %0 = tpc.embedding %ids, %table : (tensor<3xi32>, tensor<3x2xf32>) -> tensor<3x2xf32>
  %1 = tpc.embedding_grad %ids, %0 : (tensor<3xi32>, tensor<3x2xf32>) -> tensor<3x2xf32>
  return %0, %1 : tensor<3x2xf32>, tensor<3x2xf32>
}

// Row (3, 4): mean square 12.5, so x / sqrt(12.5) = 0.848528..., 1.131370...
// CHECK-LABEL: @norm result 0 [1, 2]
// CHECK-NEXT: 0.848528137 2.2627417
func.func @norm() -> tensor<1x2xf64> {
  %x = arith.constant dense<[[3.0, 4.0]]> : tensor<1x2xf64>
  %w = arith.constant dense<[1.0, 2.0]> : tensor<2xf64>
  %0 = tpc.rms_norm %x, %w eps 0.0 : tensor<1x2xf64>, tensor<2xf64>
  return %0 : tensor<1x2xf64>
}

// Row (1, 3): mean 2, variance 1, so (-1, 1) times (1, 2) plus (10, 20). With d = (1, 0): w d = (1, 0), its mean 1/2, its
// projection on (-1, 1) -1/2, so d_x = 1 - 1/2 - (-1)(-1/2) = 0 and 0 - 1/2 - (1)(-1/2) = 0 (a row of two is always +-1).
// CHECK-LABEL: @layer_norm result 0 [1, 2]
// CHECK-NEXT: 9 22
// CHECK-LABEL: @layer_norm result 1 [1, 2]
// CHECK-NEXT: 0 0
// CHECK-LABEL: @layer_norm result 2 [2]
// CHECK-NEXT: -1 0
// CHECK-LABEL: @layer_norm result 3 [2]
// CHECK-NEXT: 1 0
func.func @layer_norm() -> (tensor<1x2xf64>, tensor<1x2xf64>, tensor<2xf64>, tensor<2xf64>) {
  %x = arith.constant dense<[[1.0, 3.0]]> : tensor<1x2xf64>
  %w = arith.constant dense<[1.0, 2.0]> : tensor<2xf64>
  %b = arith.constant dense<[10.0, 20.0]> : tensor<2xf64>
  %d = arith.constant dense<[[1.0, 0.0]]> : tensor<1x2xf64>
  %0 = tpc.layer_norm %x, %w, %b eps 0.0 : tensor<1x2xf64>, tensor<2xf64>
  %1:3 = tpc.layer_norm_grad %x, %w, %d eps 0.0 : tensor<1x2xf64>, tensor<2xf64>
  return %0, %1#0, %1#1, %1#2 : tensor<1x2xf64>, tensor<1x2xf64>, tensor<2xf64>, tensor<2xf64>
}

// Draws 0..7 of seed 42, stream "mlp" (test/reference/random_numpy.py): 0.506 0.709 0.207 0.816 0.653 0.631 0.178 0.623. The
// box is column 2 of [2, 4]: elements 2 and 6.
// CHECK-LABEL: @dropout result 0 [8]
// CHECK-NEXT: 2 2 0 2 2 2 0 2
// CHECK-LABEL: @dropout result 1 [2, 1]
// CHECK-NEXT: 0
// CHECK-NEXT: 0
func.func @dropout() -> (tensor<8xf64>, tensor<2x1xf64>) {
  %seed = arith.constant dense<42> : tensor<i64>
  %x = arith.constant dense<1.0> : tensor<8xf64>
  %y = arith.constant dense<1.0> : tensor<2x1xf64>
  %zero = arith.constant 0 : index
  %two = arith.constant 2 : index
  %0 = tpc.dropout %x seed(%seed) probability 0.5 stream "mlp" global [8] : tensor<8xf64>, tensor<i64>
  %1 = tpc.dropout %y seed(%seed) probability 0.5 stream "mlp" global [2, 4] offsets(%zero, %two) : tensor<2x1xf64>, tensor<i64>
  return %0, %1 : tensor<8xf64>, tensor<2x1xf64>
}

// Two queries of one head with zero scores: the first sees one key, the second averages two. The third
// program's query sees no key (more queries than keys): zeros, not NaN.
// CHECK-LABEL: @attention result 0 [1, 2, 1, 1, 2]
// CHECK-NEXT: 1 2
// CHECK-NEXT: 2 3
// CHECK-LABEL: @attention result 1 [1, 2, 1, 1]
// CHECK-NEXT: 0
// CHECK-NEXT: 0.693147181
// CHECK-LABEL: @attention result 2 [1, 2, 1, 1, 2]
// CHECK-NEXT: 0 0
// CHECK-NEXT: 7 8
func.func @attention() -> (tensor<1x2x1x1x2xf64>, tensor<1x2x1x1xf64>, tensor<1x2x1x1x2xf64>) {
  %q = arith.constant dense<0.0> : tensor<1x2x1x1x2xf64>
  %kv = arith.constant dense<[[[[1.0, 2.0]], [[3.0, 4.0]]]]> : tensor<1x2x1x2xf64>
  %one = arith.constant dense<[[[[7.0, 8.0]]]]> : tensor<1x1x1x2xf64>
  %o, %lse = tpc.attention causal %q, %kv, %kv scale 0.5 : tensor<1x2x1x1x2xf64>, tensor<1x2x1x2xf64> -> tensor<1x2x1x1xf64>
  %p, %lse2 = tpc.attention causal %q, %one, %one scale 0.5 : tensor<1x2x1x1x2xf64>, tensor<1x1x1x2xf64> -> tensor<1x2x1x1xf64>
  return %o, %lse, %p : tensor<1x2x1x1x2xf64>, tensor<1x2x1x1xf64>, tensor<1x2x1x1x2xf64>
}

// logits (0, ln 3): softmax (1/4, 3/4); target 1.
// CHECK-LABEL: @loss result 0 [1]
// CHECK-NEXT: 1.09861229
// CHECK-LABEL: @loss result 1 [1]
// CHECK-NEXT: 1.38629436
// CHECK-LABEL: @loss result 2 [1, 2]
// CHECK-NEXT: 0.25 -0.25
func.func @loss() -> (tensor<1xf64>, tensor<1xf64>, tensor<1x2xf64>) {
  %x = arith.constant dense<[[0.0, 1.0986122886681098]]> : tensor<1x2xf64>
  %t = arith.constant dense<[1]> : tensor<1xi32>
  %one = arith.constant dense<1.0> : tensor<1xf64>
  %minus = arith.constant dense<-1.0> : tensor<1xf64>
  %0, %1 = tpc.cross_entropy %x, %t : (tensor<1x2xf64>, tensor<1xi32>) -> tensor<1xf64>
  %2 = tpc.cross_entropy_grad %x, %t, %1, %minus, %one : tensor<1x2xf64>, tensor<1xi32>, tensor<1xf64>
  return %0, %1, %2 : tensor<1xf64>, tensor<1xf64>, tensor<1x2xf64>
}

// A quarter turn (frequency pi/2) at position 1 sends (1, 2) to (-2, 1); the inverse sends it back.
// CHECK-LABEL: @rope result 0 [1, 2, 2]
// CHECK-NEXT: 1 2
// CHECK-NEXT: -2 1
// CHECK-LABEL: @rope result 1 [1, 2, 2]
// CHECK-NEXT: 1 2
// CHECK-NEXT: 1 2
func.func @rope() -> (tensor<1x2x2xf64>, tensor<1x2x2xf64>) {
  %x = arith.constant dense<[[[1.0, 2.0], [1.0, 2.0]]]> : tensor<1x2x2xf64>
  %c, %s = tpc.rope_table frequencies [1.5707963267948966] scale 1.0 : tensor<2x1xf64>, tensor<2x1xf64>
  %0 = tpc.rope %x, %c, %s : tensor<1x2x2xf64>, tensor<2x1xf64>
  %1 = tpc.rope inverse %0, %c, %s : tensor<1x2x2xf64>, tensor<2x1xf64>
  return %0, %1 : tensor<1x2x2xf64>, tensor<1x2x2xf64>
}

// First step of AdamW from zero state: m = 0.1 g, v = 0.01 g^2, both corrections cancel, so the step is
// lr * sign(g): 1 - 1*0.5*0.1 ... = 1*(1 - 0.1*0.5) - 0.1*2/(2 + 0) = 0.85.
// CHECK-LABEL: @adamw result 0 []
// CHECK-NEXT: 0.85
// CHECK-LABEL: @adamw result 1 []
// CHECK-NEXT: 0.2
// CHECK-LABEL: @adamw result 2 []
// CHECK-NEXT: 0.04
func.func @adamw() -> (tensor<f64>, tensor<f64>, tensor<f64>) {
  %one = arith.constant dense<1.0> : tensor<f64>
  %two = arith.constant dense<2.0> : tensor<f64>
  %zero = arith.constant dense<0.0> : tensor<f64>
  %lr = arith.constant dense<0.1> : tensor<f64>
  %b1 = arith.constant dense<0.9> : tensor<f64>
  %b2 = arith.constant dense<0.99> : tensor<f64>
  %wd = arith.constant dense<0.5> : tensor<f64>
  %t = arith.constant dense<1> : tensor<i32>
  %0:3 = tpc.adamw %one, %two, %zero, %zero scale(%one) lr(%lr) betas(%b1, %b2) eps(%zero) weight_decay(%wd) step(%t) : tensor<f64>, tensor<f64>, tensor<f64>, tensor<f64>, tensor<f64>, tensor<f64>, tensor<f64>, tensor<i32>
  return %0#0, %0#1, %0#2 : tensor<f64>, tensor<f64>, tensor<f64>
}
