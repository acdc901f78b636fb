// Slices, concatenation, padding, linalg, elementwise functions, calls and loops go through the whole of partitioning and compute on ranks what
// the whole program computes, bit for bit (inputs are multiples of 1/4).
// RUN: tpc-opt %s --tpc-flatten-control-flow --tpc-convert-linalg -o %t.global.mlir
// DEFINE: %{partition} = tpc-opt --tpc-propagate-layouts --tpc-verify-layouts --tpc-insert-reshards --tpc-expand-reshards --tpc-localize --tpc-verify-local
// RUN: %{partition} %t.global.mlir -o %t.local.mlir
// RUN: FileCheck %s < %t.local.mlir
// RUN: tpc-interpret %t.local.mlir --against %t.global.mlir
// RUN: sed 's/"dp"=2, "tp"=2/"dp"=1, "tp"=4/' %t.global.mlir > %t.wide.mlir
// RUN: %{partition} %t.wide.mlir | tpc-interpret --against %t.global.mlir
// RUN: sed 's/"dp"=2, "tp"=2/"dp"=4, "tp"=1/' %t.global.mlir > %t.long.mlir
// RUN: %{partition} %t.long.mlir | tpc-interpret --against %t.global.mlir
// RUN: tpc-opt %t.local.mlir --tpc-form-kernels | tpc-interpret --against %t.global.mlir

tpc.mesh @mesh <["dp"=2, "tp"=2]>

// What is cut is gathered, what passes through stays split.
// CHECK-LABEL: func.func @slices(
// CHECK-SAME: tensor<2x4x6xf32>
// CHECK: tensor.extract_slice %{{.*}}[0, 0, 1] [2, 4, 3] [1, 1, 1] : tensor<2x4x6xf32> to tensor<2x4x3xf32>
// CHECK: tensor.extract_slice %{{.*}}[0, 0, 2] [2, 4, 1] [1, 1, 1] : tensor<2x4x6xf32> to tensor<2x4xf32>
// CHECK: tpc.all_gather %{{.*}} dim 1 over @mesh ["tp"] : tensor<2x4x6xf32> -> tensor<2x8x6xf32>
// CHECK: tensor.extract_slice %{{.*}}[0, 2, 0] [2, 4, 6] [1, 1, 1] : tensor<2x8x6xf32> to tensor<2x4x6xf32>
// CHECK: tensor.insert_slice %{{.*}} into %{{.*}}[0, 0, 3] [2, 4, 3] [1, 1, 1] : tensor<2x4x3xf32> into tensor<2x4x6xf32>
func.func @slices(%x: tensor<4x8x6xf32> {tpc.layout = #tpc.layout<@mesh, [{"dp"}, {"tp"}, {}]>})
    -> (tensor<4x8xf32>, tensor<4x4x6xf32>, tensor<4x8x6xf32>) {
  %0 = tensor.extract_slice %x[0, 0, 1] [4, 8, 3] [1, 1, 1] : tensor<4x8x6xf32> to tensor<4x8x3xf32>
  %1 = tensor.extract_slice %x[0, 0, 2] [4, 8, 1] [1, 1, 1] : tensor<4x8x6xf32> to tensor<4x8xf32>
  %2 = tensor.extract_slice %x[0, 2, 0] [4, 4, 6] [1, 1, 1] : tensor<4x8x6xf32> to tensor<4x4x6xf32>
  %3 = tensor.insert_slice %0 into %x[0, 0, 3] [4, 8, 3] [1, 1, 1] : tensor<4x8x3xf32> into tensor<4x8x6xf32>
  return %1, %2, %3 : tensor<4x8xf32>, tensor<4x4x6xf32>, tensor<4x8x6xf32>
}

// Joined along a whole dimension, then along a split one.
// CHECK-LABEL: func.func @concat(
// CHECK: tensor.concat dim(1) %{{.*}} : (tensor<2x6xf32>, tensor<2x2xf32>) -> tensor<2x8xf32>
// CHECK: tpc.all_gather
// CHECK: tensor.concat dim(0) %{{.*}} : (tensor<4x8xf32>, tensor<4x8xf32>) -> tensor<8x8xf32>
func.func @concat(%x: tensor<4x6xf32> {tpc.layout = #tpc.layout<@mesh, [{"dp"}, {}]>},
                  %y: tensor<4x2xf32> {tpc.layout = #tpc.layout<@mesh, [{"dp"}, {}]>}) -> (tensor<4x8xf32>, tensor<8x8xf32>) {
  %0 = tensor.concat dim(1) %x, %y : (tensor<4x6xf32>, tensor<4x2xf32>) -> tensor<4x8xf32>
  %1 = tensor.concat dim(0) %0, %0 : (tensor<4x8xf32>, tensor<4x8xf32>) -> tensor<8x8xf32>
  return %0, %1 : tensor<4x8xf32>, tensor<8x8xf32>
}

// CHECK-LABEL: func.func @pad(
// CHECK: tensor.insert_slice %{{.*}} into %{{.*}}[0, 2] [2, 4] [1, 1] : tensor<2x4xf32> into tensor<2x8xf32>
func.func @pad(%x: tensor<4x4xf32> {tpc.layout = #tpc.layout<@mesh, [{"dp"}, {}]>}) -> tensor<4x8xf32> {
  %one = arith.constant 1.0 : f32
  %0 = tensor.pad %x low[0, 2] high[0, 2] {
  ^bb0(%i: index, %j: index):
    tensor.yield %one : f32
  } : tensor<4x4xf32> to tensor<4x8xf32>
  return %0 : tensor<4x8xf32>
}

// A column-parallel and a row-parallel product written in linalg, with a bias.
// CHECK-LABEL: func.func @linalg(
// CHECK: tpc.contract %{{.*}} : (tensor<2x6xf32>, tensor<6x4xf32>) -> tensor<2x4xf32>
// CHECK: tpc.broadcast %{{.*}} dims [1] : tensor<4xf32> -> tensor<2x4xf32>
// CHECK: tpc.contract %{{.*}} : (tensor<2x4xf32>, tensor<4x6xf32>) -> tensor<2x6xf32>
// CHECK: tpc.all_reduce sum %{{.*}} over @mesh ["tp"] : tensor<2x6xf32>
// CHECK: tpc.reduce sum %{{.*}} dims [0] : tensor<2x6xf32> -> tensor<6xf32>
// CHECK: tpc.all_reduce sum %{{.*}} over @mesh ["dp"] : tensor<6xf32>
func.func @linalg(%x: tensor<4x6xf32> {tpc.layout = #tpc.layout<@mesh, [{"dp"}, {}]>},
                  %up: tensor<6x8xf32> {tpc.layout = #tpc.layout<@mesh, [{}, {"tp"}]>},
                  %bias: tensor<8xf32> {tpc.layout = #tpc.layout<@mesh, [{"tp"}]>},
                  %down: tensor<8x6xf32> {tpc.layout = #tpc.layout<@mesh, [{"tp"}, {}]>}) -> (tensor<4x6xf32>, tensor<6xf32>) {
  %zero = arith.constant 0.0 : f32
  %e0 = tensor.empty() : tensor<4x8xf32>
  %e1 = tensor.empty() : tensor<4x6xf32>
  %e2 = tensor.empty() : tensor<6xf32>
  %f0 = linalg.fill ins(%zero : f32) outs(%e0 : tensor<4x8xf32>) -> tensor<4x8xf32>
  %f1 = linalg.fill ins(%zero : f32) outs(%e1 : tensor<4x6xf32>) -> tensor<4x6xf32>
  %f2 = linalg.fill ins(%zero : f32) outs(%e2 : tensor<6xf32>) -> tensor<6xf32>
  %0 = linalg.matmul ins(%x, %up : tensor<4x6xf32>, tensor<6x8xf32>) outs(%f0 : tensor<4x8xf32>) -> tensor<4x8xf32>
  %1 = linalg.generic {indexing_maps = [affine_map<(i, j) -> (i, j)>, affine_map<(i, j) -> (j)>, affine_map<(i, j) -> (i, j)>],
                       iterator_types = ["parallel", "parallel"]}
      ins(%0, %bias : tensor<4x8xf32>, tensor<8xf32>) outs(%e0 : tensor<4x8xf32>) {
  ^bb0(%a: f32, %b: f32, %o: f32):
    %s = arith.addf %a, %b : f32
    linalg.yield %s : f32
  } -> tensor<4x8xf32>
  %2 = linalg.matmul ins(%1, %down : tensor<4x8xf32>, tensor<8x6xf32>) outs(%f1 : tensor<4x6xf32>) -> tensor<4x6xf32>
  %3 = linalg.reduce { arith.addf } ins(%2 : tensor<4x6xf32>) outs(%f2 : tensor<6xf32>) dimensions = [0]
  return %2, %3 : tensor<4x6xf32>, tensor<6xf32>
}

// Of every function the values stay where they are; a sum over ranks passes the linear operands of fma.
// CHECK-LABEL: func.func @functions(
// CHECK-NOT: tpc.all_gather
// CHECK: %[[PART:.*]] = tpc.contract
// CHECK-NEXT: %[[SUM:.*]] = math.fma %[[PART]], %{{.*}}, %[[PART]] : tensor<2x4xf32>
// CHECK: tpc.all_reduce sum %[[SUM]]
func.func @functions(%x: tensor<4x8xf32> {tpc.layout = #tpc.layout<@mesh, [{"dp"}, {"tp"}]>},
                     %y: tensor<4x8xf32> {tpc.layout = #tpc.layout<@mesh, [{"dp"}, {"tp"}]>},
                     %w: tensor<8x4xf32> {tpc.layout = #tpc.layout<@mesh, [{"tp"}, {}]>},
                     %scale: tensor<4x4xf32> {tpc.layout = #tpc.layout<@mesh, [{"dp"}, {}]>}) -> (tensor<4x8xf32>, tensor<4x8xi32>, tensor<4x4xf32>) {
  %one = arith.constant dense<1.0> : tensor<4x8xf32>
  %three = arith.constant dense<3> : tensor<4x8xi32>
  %square = arith.mulf %x, %x : tensor<4x8xf32>
  %positive = arith.addf %square, %one : tensor<4x8xf32>
  %unit = arith.divf %x, %positive : tensor<4x8xf32>
  %above = arith.addf %positive, %one : tensor<4x8xf32>
  %0 = math.erf %x : tensor<4x8xf32>
  %1 = math.erfc %y : tensor<4x8xf32>
  %2 = math.exp2 %x : tensor<4x8xf32>
  %3 = math.expm1 %x : tensor<4x8xf32>
  %4 = math.sinh %x : tensor<4x8xf32>
  %5 = math.cosh %x : tensor<4x8xf32>
  %6 = math.tan %x : tensor<4x8xf32>
  %7 = math.atan %x : tensor<4x8xf32>
  %8 = math.asinh %x : tensor<4x8xf32>
  %9 = math.cbrt %x : tensor<4x8xf32>
  %10 = math.floor %x : tensor<4x8xf32>
  %11 = math.ceil %x : tensor<4x8xf32>
  %12 = math.round %x : tensor<4x8xf32>
  %13 = math.roundeven %x : tensor<4x8xf32>
  %14 = math.trunc %x : tensor<4x8xf32>
  %15 = math.atan2 %x, %y : tensor<4x8xf32>
  %16 = math.copysign %x, %y : tensor<4x8xf32>
  %17 = arith.maxnumf %x, %y : tensor<4x8xf32>
  %18 = arith.minnumf %x, %y : tensor<4x8xf32>
  %19 = arith.remf %x, %positive : tensor<4x8xf32>
  %20 = math.log1p %positive : tensor<4x8xf32>
  %21 = math.log2 %positive : tensor<4x8xf32>
  %22 = math.log10 %positive : tensor<4x8xf32>
  %23 = math.asin %unit : tensor<4x8xf32>
  %24 = math.acos %unit : tensor<4x8xf32>
  %25 = math.atanh %unit : tensor<4x8xf32>
  %26 = math.acosh %above : tensor<4x8xf32>
  %s1 = arith.addf %0, %1 : tensor<4x8xf32>
  %s2 = arith.addf %s1, %2 : tensor<4x8xf32>
  %s3 = arith.addf %s2, %3 : tensor<4x8xf32>
  %s4 = arith.addf %s3, %4 : tensor<4x8xf32>
  %s5 = arith.addf %s4, %5 : tensor<4x8xf32>
  %s6 = arith.addf %s5, %6 : tensor<4x8xf32>
  %s7 = arith.addf %s6, %7 : tensor<4x8xf32>
  %s8 = arith.addf %s7, %8 : tensor<4x8xf32>
  %s9 = arith.addf %s8, %9 : tensor<4x8xf32>
  %s10 = arith.addf %s9, %10 : tensor<4x8xf32>
  %s11 = arith.addf %s10, %11 : tensor<4x8xf32>
  %s12 = arith.addf %s11, %12 : tensor<4x8xf32>
  %s13 = arith.addf %s12, %13 : tensor<4x8xf32>
  %s14 = arith.addf %s13, %14 : tensor<4x8xf32>
  %s15 = arith.addf %s14, %15 : tensor<4x8xf32>
  %s16 = arith.addf %s15, %16 : tensor<4x8xf32>
  %s17 = arith.addf %s16, %17 : tensor<4x8xf32>
  %s18 = arith.addf %s17, %18 : tensor<4x8xf32>
  %s19 = arith.addf %s18, %19 : tensor<4x8xf32>
  %s20 = arith.addf %s19, %20 : tensor<4x8xf32>
  %s21 = arith.addf %s20, %21 : tensor<4x8xf32>
  %s22 = arith.addf %s21, %22 : tensor<4x8xf32>
  %s23 = arith.addf %s22, %23 : tensor<4x8xf32>
  %s24 = arith.addf %s23, %24 : tensor<4x8xf32>
  %s25 = arith.addf %s24, %25 : tensor<4x8xf32>
  %s26 = arith.addf %s25, %26 : tensor<4x8xf32>
  %i = arith.fptosi %x : tensor<4x8xf32> to tensor<4x8xi32>
  %q = arith.floordivsi %i, %three : tensor<4x8xi32>
  %r = arith.ceildivsi %i, %three : tensor<4x8xi32>
  %m = math.absi %i : tensor<4x8xi32>
  %qr = arith.muli %q, %r : tensor<4x8xi32>
  %qrm = arith.addi %qr, %m : tensor<4x8xi32>
  %product = tpc.contract %x, %w : [b, k], [k, n] -> [b, n] : (tensor<4x8xf32>, tensor<8x4xf32>) -> tensor<4x4xf32>
  %scaled = math.fma %product, %scale, %product : tensor<4x4xf32>
  return %s26, %qrm, %scaled : tensor<4x8xf32>, tensor<4x8xi32>, tensor<4x4xf32>
}

// Two layers by a loop that calls a function: each round has collectives of its own.
// CHECK-LABEL: func.func @layers(
// CHECK-COUNT-2: tpc.all_reduce sum %{{.*}} over @mesh ["tp"] : tensor<2x4xf32>
// CHECK-NOT: tpc.all_reduce
func.func @layers(%x: tensor<4x4xf32> {tpc.layout = #tpc.layout<@mesh, [{"dp"}, {}]>},
                  %up: tensor<2x4x8xf32> {tpc.layout = #tpc.layout<@mesh, [{}, {}, {"tp"}]>},
                  %down: tensor<2x8x4xf32> {tpc.layout = #tpc.layout<@mesh, [{}, {"tp"}, {}]>})
    -> (tensor<4x4xf32> {tpc.layout = #tpc.layout<@mesh, [{"dp"}, {}]>}) {
  %zero = arith.constant 0 : index
  %one = arith.constant 1 : index
  %two = arith.constant 2 : index
  %0 = scf.for %i = %zero to %two step %one iter_args(%h = %x) -> tensor<4x4xf32> {
    %u = tensor.extract_slice %up[%i, 0, 0] [1, 4, 8] [1, 1, 1] : tensor<2x4x8xf32> to tensor<4x8xf32>
    %d = tensor.extract_slice %down[%i, 0, 0] [1, 8, 4] [1, 1, 1] : tensor<2x8x4xf32> to tensor<8x4xf32>
    %y = func.call @layer(%h, %u, %d) : (tensor<4x4xf32>, tensor<4x8xf32>, tensor<8x4xf32>) -> tensor<4x4xf32>
    scf.yield %y : tensor<4x4xf32>
  }
  return %0 : tensor<4x4xf32>
}
func.func private @layer(%x: tensor<4x4xf32>, %up: tensor<4x8xf32>, %down: tensor<8x4xf32>) -> tensor<4x4xf32> {
  %0 = tpc.contract %x, %up : [b, k], [k, f] -> [b, f] : (tensor<4x4xf32>, tensor<4x8xf32>) -> tensor<4x8xf32>
  %1 = tpc.contract %0, %down : [b, f], [f, k] -> [b, k] : (tensor<4x8xf32>, tensor<8x4xf32>) -> tensor<4x4xf32>
  %2 = tpc.constrain %1 to <@mesh, [{"dp"}, {}]> : tensor<4x4xf32>
  return %2 : tensor<4x4xf32>
}
