// RUN: tpc-opt %s --tpc-pad-uneven -o %t.padded.mlir 2> %t.warnings
// RUN: FileCheck %s < %t.padded.mlir
// RUN: tpc-opt %t.padded.mlir --tpc-verify-layouts -o /dev/null
// RUN: tpc-interpret %t.padded.mlir --against=%s --ids=6
// RUN: tpc-opt %t.padded.mlir --tpc-insert-reshards --tpc-expand-reshards --tpc-localize --tpc-verify-local -o %t.local.mlir
// RUN: tpc-interpret %t.local.mlir --against=%s --tolerance=1e-12 --ids=6

// What these ops compute depends on a size that a layout pads: the padding is cut off in front of them, and zeros take its
// place behind them. Inputs hold NaN there.
tpc.mesh @mesh <["dp"=2, "tp"=3]>

// A norm divides by its width. Of the rows, which it does not look at, none is cut.
// CHECK-LABEL: @norm(
// CHECK-SAME: tensor<4x12xf32>
// CHECK: %[[X:.*]] = tensor.extract_slice %arg0[0, 0] [4, 10] [1, 1] {tpc.layouts = [#tpc.layout<@mesh, [{"dp"}, {}]>]} : tensor<4x12xf32> to tensor<4x10xf32>
// CHECK: %[[N:.*]] = tpc.rms_norm %[[X]], %arg1 {{.*}} : tensor<4x10xf32>, tensor<10xf32>
// CHECK: %[[Y:.*]] = tensor.insert_slice %[[N]] into %{{.*}}[0, 0] [4, 10] [1, 1] {tpc.layouts = [#tpc.layout<@mesh, [{"dp"}, {}]>]} : tensor<4x10xf32> into tensor<4x12xf32>
// CHECK: arith.addf %[[Y]], %arg0
func.func @norm(%x: tensor<3x10xf32> {tpc.layout = #tpc.layout<@mesh, [{"dp"}, {"tp"}]>},
                %w: tensor<10xf32> {tpc.layout = #tpc.layout<@mesh, [{}]>})
    -> (tensor<3x10xf32> {tpc.layout = #tpc.layout<@mesh, [{"dp"}, {"tp"}]>}) {
  %0 = tpc.rms_norm %x, %w eps 1.0e-5 {tpc.layouts = [#tpc.layout<@mesh, [{"dp"}, {}]>]} : tensor<3x10xf32>, tensor<10xf32>
  %1 = arith.addf %0, %x {tpc.layouts = [#tpc.layout<@mesh, [{"dp"}, {"tp"}]>]} : tensor<3x10xf32>
  return %1 : tensor<3x10xf32>
}

// What is put back is zero, so a sum over it needs no select.
// CHECK-LABEL: @normAndSum(
// CHECK-NOT: tpc.within
// CHECK: return
func.func @normAndSum(%x: tensor<4x10xf32> {tpc.layout = #tpc.layout<@mesh, [{}, {}]>},
                      %w: tensor<10xf32> {tpc.layout = #tpc.layout<@mesh, [{}]>},
                      %p: tensor<10x2xf32> {tpc.layout = #tpc.layout<@mesh, [{"tp"}, {}]>, tpc.param = #tpc.param<"p", shape = [10, 2], kind = linear, fan_in = 10>})
    -> (tensor<4x2xf32> {tpc.layout = #tpc.layout<@mesh, [{}, {}]>}) {
  %0 = tpc.rms_norm %x, %w eps 1.0e-5 {tpc.layouts = [#tpc.layout<@mesh, [{}, {}]>]} : tensor<4x10xf32>, tensor<10xf32>
  %1 = tpc.contract %0, %p : [m, k], [k, n] -> [m, n] {tpc.layouts = [#tpc.layout<@mesh, [{}, {}]>]} : (tensor<4x10xf32>, tensor<10x2xf32>) -> tensor<4x2xf32>
  return %1 : tensor<4x2xf32>
}

// A rotation pairs the halves of a head.
// CHECK-LABEL: @rotation(
// CHECK: tpc.rope {{.*}} : tensor<1x2x1x4xf32>, tensor<2x2xf32>
func.func @rotation(%x: tensor<1x2x1x4xf32> {tpc.layout = #tpc.layout<@mesh, [{}, {}, {}, {"tp"}]>},
                    %cos: tensor<2x2xf32> {tpc.layout = #tpc.layout<@mesh, [{}, {}]>},
                    %sin: tensor<2x2xf32> {tpc.layout = #tpc.layout<@mesh, [{}, {"tp"}]>})
    -> (tensor<1x2x1x4xf32> {tpc.layout = #tpc.layout<@mesh, [{}, {}, {}, {}]>}) {
  %0 = tpc.rope %x, %cos, %sin {tpc.layouts = [#tpc.layout<@mesh, [{}, {}, {}, {}]>]} : tensor<1x2x1x4xf32>, tensor<2x2xf32>
  return %0 : tensor<1x2x1x4xf32>
}

// Padding would lie between the elements of the collapsed dimension.
// CHECK-LABEL: @reshape(
// CHECK: tensor.collapse_shape {{.*}} : tensor<4x5xf32> into tensor<20xf32>
func.func @reshape(%x: tensor<4x5xf32> {tpc.layout = #tpc.layout<@mesh, [{"dp"}, {"tp"}]>})
    -> (tensor<20xf32> {tpc.layout = #tpc.layout<@mesh, [{"tp"}]>}) {
  %0 = tensor.collapse_shape %x [[0, 1]] {tpc.layouts = [#tpc.layout<@mesh, [{"dp"}]>]} : tensor<4x5xf32> into tensor<20xf32>
  return %0 : tensor<20xf32>
}

// Without a causal mask every query sees the keys, so these are cut, as are heads; queries are rows like any others.
// CHECK-LABEL: @attention(
// CHECK: tpc.attention {{.*}} : tensor<1x9x1x1x5xf32>, tensor<1x7x1x5xf32>
// CHECK: tpc.attention_grad {{.*}} : tensor<1x9x1x1x5xf32>, tensor<1x7x1x5xf32>, tensor<1x9x1x1xf32>
func.func @attention(%q: tensor<1x8x1x1x5xf32> {tpc.layout = #tpc.layout<@mesh, [{}, {"tp"}, {}, {}, {}]>},
                     %k: tensor<1x7x1x5xf32> {tpc.layout = #tpc.layout<@mesh, [{}, {"tp"}, {}, {}]>},
                     %v: tensor<1x7x1x5xf32> {tpc.layout = #tpc.layout<@mesh, [{}, {}, {}, {"tp"}]>})
    -> (tensor<1x8x1x1x5xf32> {tpc.layout = #tpc.layout<@mesh, [{}, {}, {}, {}, {}]>},
        tensor<1x8x1x1x5xf32> {tpc.layout = #tpc.layout<@mesh, [{}, {}, {}, {}, {"dp"}]>},
        tensor<1x7x1x5xf32> {tpc.layout = #tpc.layout<@mesh, [{}, {"dp"}, {}, {}]>},
        tensor<1x7x1x5xf32> {tpc.layout = #tpc.layout<@mesh, [{}, {}, {}, {}]>}) {
  %o, %lse = tpc.attention %q, %k, %v scale 0.5 {tpc.layouts = [#tpc.layout<@mesh, [{}, {}, {}, {}, {}]>, #tpc.layout<@mesh, [{}, {}, {}, {}]>]} : tensor<1x8x1x1x5xf32>, tensor<1x7x1x5xf32> -> tensor<1x8x1x1xf32>
  %dq, %dk, %dv = tpc.attention_grad %q, %k, %v, %o, %lse, %q scale 0.5 {tpc.layouts = [#tpc.layout<@mesh, [{}, {}, {}, {}, {}]>, #tpc.layout<@mesh, [{}, {}, {}, {}]>, #tpc.layout<@mesh, [{}, {}, {}, {}]>]} : tensor<1x8x1x1x5xf32>, tensor<1x7x1x5xf32>, tensor<1x8x1x1xf32>
  return %o, %dq, %dk, %dv : tensor<1x8x1x1x5xf32>, tensor<1x8x1x1x5xf32>, tensor<1x7x1x5xf32>, tensor<1x7x1x5xf32>
}

// Some of a dimension is taken: a part of what is there, not of its padding; and joined to something.
// CHECK-LABEL: @parts(
// CHECK: tensor.extract_slice {{.*}}[0, 0] [2, 5] [1, 1] {{.*}} : tensor<2x6xf32> to tensor<2x5xf32>
// CHECK: tensor.extract_slice {{.*}}[0, 1] [2, 4] [1, 1] {{.*}} : tensor<2x5xf32> to tensor<2x4xf32>
// CHECK: tensor.insert_slice {{.*}} : tensor<2x4xf32> into tensor<2x6xf32>
// CHECK: tensor.concat dim(1) {{.*}} : (tensor<2x5xf32>, tensor<2x4xf32>) -> tensor<2x9xf32>
func.func @parts(%x: tensor<2x5xf32> {tpc.layout = #tpc.layout<@mesh, [{}, {"tp"}]>})
    -> (tensor<2x4xf32> {tpc.layout = #tpc.layout<@mesh, [{}, {"tp"}]>}, tensor<2x9xf32> {tpc.layout = #tpc.layout<@mesh, [{}, {"dp"}]>}) {
  %0 = tensor.extract_slice %x[0, 1] [2, 4] [1, 1] {tpc.layouts = [#tpc.layout<@mesh, [{}, {}]>]} : tensor<2x5xf32> to tensor<2x4xf32>
  %1 = tensor.concat dim(1) %x, %0 {tpc.layouts = [#tpc.layout<@mesh, [{}, {}]>]} : (tensor<2x5xf32>, tensor<2x4xf32>) -> tensor<2x9xf32>
  return %0, %1 : tensor<2x4xf32>, tensor<2x9xf32>
}

// Of three dimensions of size one the outermost is dropped, the next is split: one element and padding.
// CHECK-LABEL: @droppedDims(
// CHECK: tensor.extract_slice %arg0[0, 0, 2, 0] [1, 2, 1, 4] [1, 1, 1, 1] {{.*}} : tensor<1x2x3x4xf32> to tensor<2x1x4xf32>
func.func @droppedDims(%x: tensor<1x1x3x4xf32> {tpc.layout = #tpc.layout<@mesh, [{}, {"dp"}, {}, {}]>})
    -> (tensor<1x1x4xf32> {tpc.layout = #tpc.layout<@mesh, [{"dp"}, {}, {}]>}) {
  %0 = tensor.extract_slice %x[0, 0, 2, 0] [1, 1, 1, 4] [1, 1, 1, 1] {tpc.layouts = [#tpc.layout<@mesh, [{"dp"}, {}, {}]>]} : tensor<1x1x3x4xf32> to tensor<1x1x4xf32>
  return %0 : tensor<1x1x4xf32>
}

// Elements of a constant that differ have no place but their own.
// CHECK-LABEL: @constant(
// CHECK: %[[C:.*]] = arith.constant {{.*}} dense<[1.000000e+00, 2.000000e+00, 3.000000e+00, 4.000000e+00]>
// CHECK: tensor.insert_slice %[[C]] into {{.*}} : tensor<4xf32> into tensor<6xf32>
func.func @constant() -> (tensor<4xf32> {tpc.layout = #tpc.layout<@mesh, [{"tp"}]>}) {
  %0 = arith.constant {tpc.layouts = [#tpc.layout<@mesh, [{"tp"}]>]} dense<[1.0, 2.0, 3.0, 4.0]> : tensor<4xf32>
  return %0 : tensor<4xf32>
}

// An id past the end of the vocabulary finds nothing, so it must not find padding.
// CHECK-LABEL: @targets(
// CHECK: %[[IN:.*]] = arith.cmpi slt, %arg1, %{{.*}} : tensor<4xi32>
// CHECK: %[[T:.*]] = arith.select %[[IN]], %arg1, %{{.*}} : tensor<4xi1>, tensor<4xi32>
// CHECK: tpc.cross_entropy %{{.*}}, %[[T]]
func.func @targets(%x: tensor<4x5xf32> {tpc.layout = #tpc.layout<@mesh, [{}, {"tp"}]>},
                   %t: tensor<4xi32> {tpc.layout = #tpc.layout<@mesh, [{}]>})
    -> (tensor<4xf32> {tpc.layout = #tpc.layout<@mesh, [{}]>}) {
  %0, %1 = tpc.cross_entropy %x, %t {tpc.layouts = [#tpc.layout<@mesh, [{}]>, #tpc.layout<@mesh, [{}]>]} : (tensor<4x5xf32>, tensor<4xi32>) -> tensor<4xf32>
  return %0 : tensor<4xf32>
}
