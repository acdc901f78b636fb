// The sharding rule of every op that has one, sorted by name: those of the dialect, and the upstream ones that programs
// may contain. A new op without a line here fails the test.
// RUN: tpc-opt %s --tpc-print-sharding-rules -o /dev/null | FileCheck %s --implicit-check-not="has a rule, but"

// CHECK:      arith.addf: ([a, b], [a, b]) -> [a, b] linear in {0, 1}
// CHECK-NEXT: arith.addi: ([a, b], [a, b]) -> [a, b] linear in {0, 1}
// CHECK-NEXT: arith.andi: ([a, b], [a, b]) -> [a, b]
// CHECK-NEXT: arith.ceildivsi: ([a, b], [a, b]) -> [a, b]
// CHECK-NEXT: arith.cmpf: ([a, b], [a, b]) -> [a, b]
// CHECK-NEXT: arith.cmpi: ([a, b], [a, b]) -> [a, b]
// CHECK-NEXT: arith.constant: () -> [a, b]
// CHECK-NEXT: arith.divf: ([a, b], [a, b]) -> [a, b] linear in {0}
// CHECK-NEXT: arith.divsi: ([a, b], [a, b]) -> [a, b]
// CHECK-NEXT: arith.extf: ([a, b]) -> [a, b]
// CHECK-NEXT: arith.extsi: ([a, b]) -> [a, b]
// CHECK-NEXT: arith.extui: ([a, b]) -> [a, b]
// CHECK-NEXT: arith.floordivsi: ([a, b], [a, b]) -> [a, b]
// CHECK-NEXT: arith.fptosi: ([a, b]) -> [a, b]
// CHECK-NEXT: arith.maximumf: ([a, b], [a, b]) -> [a, b]
// CHECK-NEXT: arith.maxnumf: ([a, b], [a, b]) -> [a, b]
// CHECK-NEXT: arith.maxsi: ([a, b], [a, b]) -> [a, b]
// CHECK-NEXT: arith.minimumf: ([a, b], [a, b]) -> [a, b]
// CHECK-NEXT: arith.minnumf: ([a, b], [a, b]) -> [a, b]
// CHECK-NEXT: arith.minsi: ([a, b], [a, b]) -> [a, b]
// CHECK-NEXT: arith.mulf: ([a, b], [a, b]) -> [a, b] linear in {0} {1}
// CHECK-NEXT: arith.muli: ([a, b], [a, b]) -> [a, b] linear in {0} {1}
// CHECK-NEXT: arith.negf: ([a, b]) -> [a, b] linear in {0}
// CHECK-NEXT: arith.ori: ([a, b], [a, b]) -> [a, b]
// CHECK-NEXT: arith.remf: ([a, b], [a, b]) -> [a, b]
// CHECK-NEXT: arith.remsi: ([a, b], [a, b]) -> [a, b]
// CHECK-NEXT: arith.select: ([a, b], [a, b], [a, b]) -> [a, b] linear in {1, 2}
// CHECK-NEXT: arith.sitofp: ([a, b]) -> [a, b]
// CHECK-NEXT: arith.subf: ([a, b], [a, b]) -> [a, b] linear in {0, 1}
// CHECK-NEXT: arith.subi: ([a, b], [a, b]) -> [a, b] linear in {0, 1}
// CHECK-NEXT: arith.truncf: ([a, b]) -> [a, b]
// CHECK-NEXT: arith.trunci: ([a, b]) -> [a, b]
// CHECK-NEXT: arith.uitofp: ([a, b]) -> [a, b]
// CHECK-NEXT: arith.xori: ([a, b], [a, b]) -> [a, b]
func.func @arithmetic(%x: tensor<2x4xf32>, %i: tensor<2x4xi32>, %m: tensor<2x4xi1>) {
  %c = arith.constant dense<1.0> : tensor<2x4xf32>
  %0 = arith.addf %x, %x : tensor<2x4xf32>
  %1 = arith.subf %x, %x : tensor<2x4xf32>
  %2 = arith.mulf %x, %x : tensor<2x4xf32>
  %3 = arith.divf %x, %x : tensor<2x4xf32>
  %4 = arith.negf %x : tensor<2x4xf32>
  %5 = arith.maximumf %x, %x : tensor<2x4xf32>
  %6 = arith.minimumf %x, %x : tensor<2x4xf32>
  %7 = arith.addi %i, %i : tensor<2x4xi32>
  %8 = arith.subi %i, %i : tensor<2x4xi32>
  %9 = arith.muli %i, %i : tensor<2x4xi32>
  %10 = arith.divsi %i, %i : tensor<2x4xi32>
  %11 = arith.remsi %i, %i : tensor<2x4xi32>
  %12 = arith.maxsi %i, %i : tensor<2x4xi32>
  %13 = arith.minsi %i, %i : tensor<2x4xi32>
  %14 = arith.andi %i, %i : tensor<2x4xi32>
  %15 = arith.ori %i, %i : tensor<2x4xi32>
  %16 = arith.xori %i, %i : tensor<2x4xi32>
  %17 = arith.cmpi eq, %i, %i : tensor<2x4xi32>
  %18 = arith.cmpf oeq, %x, %x : tensor<2x4xf32>
  %19 = arith.select %m, %x, %x : tensor<2x4xi1>, tensor<2x4xf32>
  %20 = arith.sitofp %i : tensor<2x4xi32> to tensor<2x4xf32>
  %21 = arith.uitofp %i : tensor<2x4xi32> to tensor<2x4xf32>
  %22 = arith.extf %x : tensor<2x4xf32> to tensor<2x4xf64>
  %23 = arith.truncf %22 : tensor<2x4xf64> to tensor<2x4xf32>
  %24 = arith.extui %m : tensor<2x4xi1> to tensor<2x4xi32>
  %25 = arith.extsi %i : tensor<2x4xi32> to tensor<2x4xi64>
  %26 = arith.trunci %25 : tensor<2x4xi64> to tensor<2x4xi32>
  %27 = arith.maxnumf %x, %x : tensor<2x4xf32>
  %28 = arith.minnumf %x, %x : tensor<2x4xf32>
  %29 = arith.remf %x, %x : tensor<2x4xf32>
  %30 = arith.floordivsi %i, %i : tensor<2x4xi32>
  %31 = arith.ceildivsi %i, %i : tensor<2x4xi32>
  %32 = arith.fptosi %x : tensor<2x4xf32> to tensor<2x4xi32>
  return
}

// CHECK-NEXT: math.absf: ([a, b]) -> [a, b]
// CHECK-NEXT: math.absi: ([a, b]) -> [a, b]
// CHECK-NEXT: math.acos: ([a, b]) -> [a, b]
// CHECK-NEXT: math.acosh: ([a, b]) -> [a, b]
// CHECK-NEXT: math.asin: ([a, b]) -> [a, b]
// CHECK-NEXT: math.asinh: ([a, b]) -> [a, b]
// CHECK-NEXT: math.atan: ([a, b]) -> [a, b]
// CHECK-NEXT: math.atan2: ([a, b], [a, b]) -> [a, b]
// CHECK-NEXT: math.atanh: ([a, b]) -> [a, b]
// CHECK-NEXT: math.cbrt: ([a, b]) -> [a, b]
// CHECK-NEXT: math.ceil: ([a, b]) -> [a, b]
// CHECK-NEXT: math.copysign: ([a, b], [a, b]) -> [a, b]
// CHECK-NEXT: math.cos: ([a, b]) -> [a, b]
// CHECK-NEXT: math.cosh: ([a, b]) -> [a, b]
// CHECK-NEXT: math.erf: ([a, b]) -> [a, b]
// CHECK-NEXT: math.erfc: ([a, b]) -> [a, b]
// CHECK-NEXT: math.exp: ([a, b]) -> [a, b]
// CHECK-NEXT: math.exp2: ([a, b]) -> [a, b]
// CHECK-NEXT: math.expm1: ([a, b]) -> [a, b]
// CHECK-NEXT: math.floor: ([a, b]) -> [a, b]
// CHECK-NEXT: math.fma: ([a, b], [a, b], [a, b]) -> [a, b] linear in {0, 2} {1, 2}
// CHECK-NEXT: math.log: ([a, b]) -> [a, b]
// CHECK-NEXT: math.log10: ([a, b]) -> [a, b]
// CHECK-NEXT: math.log1p: ([a, b]) -> [a, b]
// CHECK-NEXT: math.log2: ([a, b]) -> [a, b]
// CHECK-NEXT: math.powf: ([a, b], [a, b]) -> [a, b]
// CHECK-NEXT: math.round: ([a, b]) -> [a, b]
// CHECK-NEXT: math.roundeven: ([a, b]) -> [a, b]
// CHECK-NEXT: math.rsqrt: ([a, b]) -> [a, b]
// CHECK-NEXT: math.sin: ([a, b]) -> [a, b]
// CHECK-NEXT: math.sinh: ([a, b]) -> [a, b]
// CHECK-NEXT: math.sqrt: ([a, b]) -> [a, b]
// CHECK-NEXT: math.tan: ([a, b]) -> [a, b]
// CHECK-NEXT: math.tanh: ([a, b]) -> [a, b]
// CHECK-NEXT: math.trunc: ([a, b]) -> [a, b]
func.func @functions(%x: tensor<2x4xf32>, %i: tensor<2x4xi32>) {
  %0 = math.absf %x : tensor<2x4xf32>
  %1 = math.cos %x : tensor<2x4xf32>
  %2 = math.exp %x : tensor<2x4xf32>
  %3 = math.log %x : tensor<2x4xf32>
  %4 = math.powf %x, %x : tensor<2x4xf32>
  %5 = math.rsqrt %x : tensor<2x4xf32>
  %6 = math.sin %x : tensor<2x4xf32>
  %7 = math.sqrt %x : tensor<2x4xf32>
  %8 = math.tanh %x : tensor<2x4xf32>
  %9 = math.exp2 %x : tensor<2x4xf32>
  %10 = math.expm1 %x : tensor<2x4xf32>
  %11 = math.log2 %x : tensor<2x4xf32>
  %12 = math.log10 %x : tensor<2x4xf32>
  %13 = math.log1p %x : tensor<2x4xf32>
  %14 = math.cbrt %x : tensor<2x4xf32>
  %15 = math.erf %x : tensor<2x4xf32>
  %16 = math.erfc %x : tensor<2x4xf32>
  %17 = math.tan %x : tensor<2x4xf32>
  %18 = math.asin %x : tensor<2x4xf32>
  %19 = math.acos %x : tensor<2x4xf32>
  %20 = math.atan %x : tensor<2x4xf32>
  %21 = math.sinh %x : tensor<2x4xf32>
  %22 = math.cosh %x : tensor<2x4xf32>
  %23 = math.asinh %x : tensor<2x4xf32>
  %24 = math.acosh %x : tensor<2x4xf32>
  %25 = math.atanh %x : tensor<2x4xf32>
  %26 = math.floor %x : tensor<2x4xf32>
  %27 = math.ceil %x : tensor<2x4xf32>
  %28 = math.round %x : tensor<2x4xf32>
  %29 = math.roundeven %x : tensor<2x4xf32>
  %30 = math.trunc %x : tensor<2x4xf32>
  %31 = math.absi %i : tensor<2x4xi32>
  %32 = math.atan2 %x, %x : tensor<2x4xf32>
  %33 = math.copysign %x, %x : tensor<2x4xf32>
  %34 = math.fma %x, %x, %x : tensor<2x4xf32>
  return
}

// A dimension of which a part is taken, or to which something is appended, is whole on both sides.
// CHECK-NEXT: tensor.collapse_shape: ([a, b]) -> [(a b)] linear in {0}
// CHECK-NEXT: tensor.concat: ([a, A], [a, B]) -> [a, b] replicate {A, B, b} linear in {0, 1}
// CHECK-NEXT: tensor.expand_shape: ([(a b)]) -> [a, b] linear in {0}
// CHECK-NEXT: tensor.extract_slice: ([a, b]) -> [a, B] replicate {b, B} linear in {0}
// CHECK-NEXT: tensor.insert_slice: ([a, B], [a, b]) -> [a, b] replicate {B, b} linear in {0, 1}
func.func @shapes(%x: tensor<2x4xf32>, %y: tensor<8xf32>) {
  %0 = tensor.collapse_shape %x [[0, 1]] : tensor<2x4xf32> into tensor<8xf32>
  %1 = tensor.expand_shape %y [[0, 1]] output_shape [2, 4] : tensor<8xf32> into tensor<2x4xf32>
  %2 = tensor.extract_slice %x[0, 1] [2, 3] [1, 1] : tensor<2x4xf32> to tensor<2x3xf32>
  %3 = tensor.insert_slice %2 into %x[0, 1] [2, 3] [1, 1] : tensor<2x3xf32> into tensor<2x4xf32>
  %4 = tensor.concat dim(1) %x, %2 : (tensor<2x4xf32>, tensor<2x3xf32>) -> tensor<2x7xf32>
  return
}

// CHECK-NEXT: tpc.adamw: ([a], [a], [a], [a], [], [], [], [], [], [], []) -> ([a], [a], [a])
// Heads and batch may be split; head dimension and positions may not.
// CHECK-NEXT: tpc.attention: ([b, s, h, g, d], [b, t, h, d], [b, t, h, d]) -> ([b, s, h, g, d], [b, s, h, g]) replicate {s, d, t}
// CHECK-NEXT: tpc.attention_grad: ([b, s, h, g, d], [b, t, h, d], [b, t, h, d], [b, s, h, g, d], [b, s, h, g], [b, s, h, g, d]) -> ([b, s, h, g, d], [b, t, h, d], [b, t, h, d]) replicate {s, d, t}
// CHECK-NEXT: tpc.barrier: ([a, b]) -> [a, b] linear in {0}
// CHECK-NEXT: tpc.boundary: ([a, b]) -> [a, b] linear in {0}
// CHECK-NEXT: tpc.broadcast: ([b]) -> [a, b] linear in {0}
// CHECK-NEXT: tpc.constrain: ([a, b]) -> [a, b] linear in {0}
// CHECK-NEXT: tpc.contract: ([b, s, k], [n, k]) -> [b, s, n] reduce {k} linear in {0} {1}
// CHECK-NEXT: tpc.contract: ([b, s, k], [n, k], [b, s, n]) -> [b, s, n] replicate {k} linear in {0, 2} {1, 2}
// CHECK-NEXT: tpc.cross_entropy: ([a, b, v], [a, b]) -> ([a, b], [a, b]) join {v}
// CHECK-NEXT: tpc.cross_entropy_grad: ([a, b, v], [a, b], [a, b], [a, b], [a, b]) -> [a, b, v] linear in {3, 4}
// CHECK-NEXT: tpc.dropout: ([a, b], []) -> [a, b] linear in {0}
// CHECK-NEXT: tpc.embedding: ([a, b], [v, k]) -> [a, b, k] reduce {v} linear in {1}
// CHECK-NEXT: tpc.embedding_grad: ([a, b], [a, b, k]) -> [v, k] reduce {a, b} linear in {1}
// CHECK-NEXT: tpc.embedding_grad: ([a, b], [a, b, k], [v, k]) -> [v, k] replicate {a, b} linear in {1, 2}
// CHECK-NEXT: tpc.init: ([], []) -> [a, b]
// CHECK-NEXT: tpc.layer_norm: ([a, b], [b], [b]) -> [a, b] replicate {b} linear in {1, 2}
// The rows are factors that the gradients of weight and bias lack: Partial where they are split.
// CHECK-NEXT: tpc.layer_norm_grad: ([a, b], [b], [a, b]) -> ([a, b], [b], [b]) replicate {b} linear in {2}
// CHECK-NEXT: tpc.reduce: ([a, b]) -> [b] reduce {a} linear in {0}
// CHECK-NEXT: tpc.reduce: ([a, b]) -> [a] reduce max {b}
// CHECK-NEXT: tpc.reshard: ([a, b]) -> [a, b] linear in {0}
// CHECK-NEXT: tpc.rms_norm: ([a, b], [b]) -> [a, b] replicate {b} linear in {1}
// CHECK-NEXT: tpc.rms_norm_grad: ([a, b], [b], [a, b]) -> ([a, b], [b]) replicate {b} linear in {2}
// CHECK-NEXT: tpc.rope: ([a, b, c, d, e], [b, z], [b, z]) -> [a, b, c, d, e] replicate {e, z} linear in {0}
// CHECK-NEXT: tpc.rope_table: () -> ([s, p], [s, p]) replicate {p}
// CHECK-NEXT: tpc.sum_squares: ([a, b]) -> [] reduce {a, b}
// CHECK-NEXT: tpc.transpose: ([a, b]) -> [b, a] linear in {0}
// CHECK-NEXT: tpc.use: ([a, b]) -> [a, b] linear in {0}
// CHECK-NEXT: tpc.within: () -> [a, b]
tpc.mesh @mesh <["tp"=2]>
func.func @annotations(%x: tensor<2x4xf32>) {
  %0 = tpc.boundary %x output 0 of linear "m" dims [[0], [1]] : tensor<2x4xf32>
  %1 = tpc.constrain %x to <@mesh, [{}, {}]> : tensor<2x4xf32>
  %2 = tpc.reshard %x to <@mesh, [{}, {}]> : tensor<2x4xf32>
  %3 = tpc.use %x : tensor<2x4xf32>
  %within = tpc.within 3 dim 1 : tensor<2x4xi1>
  %4 = tpc.barrier %x : tensor<2x4xf32>
  return
}
func.func @compute(%h: tensor<2x8x4xf32>, %w: tensor<6x4xf32>, %x: tensor<2x4xf32>, %n: tensor<4xf32>, %ids: tensor<2x8xi32>,
                   %q: tensor<2x8x3x2x4xf32>, %k: tensor<2x8x3x4xf32>, %s: tensor<f32>, %t: tensor<i32>, %seed: tensor<i64>) {
  %0 = tpc.contract %h, %w : [b, s, k], [n, k] -> [b, s, n] : (tensor<2x8x4xf32>, tensor<6x4xf32>) -> tensor<2x8x6xf32>
  %sum = tpc.contract %h, %w accumulate %0 : [b, s, k], [n, k] -> [b, s, n] : (tensor<2x8x4xf32>, tensor<6x4xf32>) -> tensor<2x8x6xf32>
  %1 = tpc.reduce sum %x dims [0] : tensor<2x4xf32> -> tensor<4xf32>
  %2 = tpc.reduce max %x dims [1] : tensor<2x4xf32> -> tensor<2xf32>
  %3 = tpc.broadcast %n dims [1] : tensor<4xf32> -> tensor<2x4xf32>
  %4 = tpc.transpose %x permutation [1, 0] : tensor<2x4xf32> -> tensor<4x2xf32>
  %5 = tpc.embedding %ids, %w : (tensor<2x8xi32>, tensor<6x4xf32>) -> tensor<2x8x4xf32>
  %6 = tpc.embedding_grad %ids, %h : (tensor<2x8xi32>, tensor<2x8x4xf32>) -> tensor<6x4xf32>
  %grads = tpc.embedding_grad %ids, %h accumulate(%6 : tensor<6x4xf32>) : (tensor<2x8xi32>, tensor<2x8x4xf32>) -> tensor<6x4xf32>
  %7 = tpc.rms_norm %x, %n eps 1.0e-5 : tensor<2x4xf32>, tensor<4xf32>
  %8:2 = tpc.rms_norm_grad %x, %n, %x eps 1.0e-5 : tensor<2x4xf32>, tensor<4xf32>
  %9 = tpc.layer_norm %x, %n, %n eps 1.0e-5 : tensor<2x4xf32>, tensor<4xf32>
  %10:3 = tpc.layer_norm_grad %x, %n, %x eps 1.0e-5 : tensor<2x4xf32>, tensor<4xf32>
  %11 = tpc.dropout %x seed(%seed) probability 0.5 stream "s" global [2, 4] : tensor<2x4xf32>, tensor<i64>
  %cos, %sin = tpc.rope_table frequencies [1.0, 0.1] scale 1.0 : tensor<8x2xf32>, tensor<8x2xf32>
  %12 = tpc.rope %q, %cos, %sin : tensor<2x8x3x2x4xf32>, tensor<8x2xf32>
  %o, %lse = tpc.attention causal %q, %k, %k scale 0.5 : tensor<2x8x3x2x4xf32>, tensor<2x8x3x4xf32> -> tensor<2x8x3x2xf32>
  %dq, %dk, %dv = tpc.attention_grad causal %q, %k, %k, %o, %lse, %o scale 0.5 : tensor<2x8x3x2x4xf32>, tensor<2x8x3x4xf32>, tensor<2x8x3x2xf32>
  %13, %14 = tpc.cross_entropy %0, %ids : (tensor<2x8x6xf32>, tensor<2x8xi32>) -> tensor<2x8xf32>
  %15 = tpc.cross_entropy_grad %0, %ids, %13, %13, %13 : tensor<2x8x6xf32>, tensor<2x8xi32>, tensor<2x8xf32>
  %16 = tpc.sum_squares %x : tensor<2x4xf32> -> tensor<f32>
  %17:3 = tpc.adamw %n, %n, %n, %n scale(%s) lr(%s) betas(%s, %s) eps(%s) weight_decay(%s) step(%t) : tensor<4xf32>, tensor<f32>, tensor<f32>, tensor<f32>, tensor<f32>, tensor<f32>, tensor<f32>, tensor<i32>
  %18 = tpc.init seed(%seed) scheme(%t) <"w", shape = [2, 4], kind = linear, fan_in = 4> range 0.02 global [2, 4] : (tensor<i64>, tensor<i32>) -> tensor<2x4xf32>
  return
}
