// RUN: tpc-opt %s --tpc-localize --tpc-verify-local -o %t.mlir
// RUN: FileCheck %s < %t.mlir
// RUN: tpc-interpret %t.mlir --against=%s --tolerance=1e-12

tpc.mesh @mesh <["dp"=2, "tp"=2]>

// Smaller shapes, splats resized, reshapes rebuilt; what the arguments were is kept.
// CHECK-LABEL: @shapes(
// CHECK-SAME: tensor<2x6xf32> {tpc.global = #tpc.global<[4, 12], <@mesh, [{"dp"}, {"tp"}]>>}
// CHECK-SAME: -> (tensor<2x2x3xf32> {tpc.global = #tpc.global<[4, 4, 3], <@mesh, [{"dp"}, {"tp"}, {}]>>})
// CHECK: arith.constant dense<2.000000e+00> : tensor<2x6xf32>
// CHECK: arith.mulf %{{.*}} {tpc.backward} : tensor<2x6xf32>
// CHECK: tensor.expand_shape %{{.*}} {{\[}}[0], [1, 2]] output_shape [2, 2, 3] : tensor<2x6xf32> into tensor<2x2x3xf32>
// CHECK-NOT: tpc.layout
func.func @shapes(%x: tensor<4x12xf32> {tpc.layout = #tpc.layout<@mesh, [{"dp"}, {"tp"}]>})
    -> (tensor<4x4x3xf32> {tpc.layout = #tpc.layout<@mesh, [{"dp"}, {"tp"}, {}]>}) {
  %c = arith.constant {tpc.layouts = [#tpc.layout<@mesh, [{"dp"}, {"tp"}]>]} dense<2.0> : tensor<4x12xf32>
  %0 = arith.mulf %x, %c {tpc.backward, tpc.layouts = [#tpc.layout<@mesh, [{"dp"}, {"tp"}]>]} : tensor<4x12xf32>
  %1 = tensor.expand_shape %0 [[0], [1, 2]] output_shape [4, 4, 3] {tpc.layouts = [#tpc.layout<@mesh, [{"dp"}, {"tp"}, {}]>]} : tensor<4x12xf32> into tensor<4x4x3xf32>
  return %1 : tensor<4x4x3xf32>
}

// A vocabulary shard starts at axis_index * 4 and its rows are summands; so is its gradient's place.
// CHECK-LABEL: @vocabulary(
// CHECK: %[[I:.*]] = tpc.axis_index over @mesh ["tp"]
// CHECK: %[[C:.*]] = arith.constant 4 : index
// CHECK: %[[F:.*]] = arith.muli %[[I]], %[[C]] : index
// CHECK: tpc.embedding %{{.*}}, %{{.*}} first(%[[F]]) : (tensor<2x3xi32>, tensor<4x2xf32>) -> tensor<2x3x2xf32>
// CHECK: tpc.all_reduce sum
// CHECK: tpc.embedding_grad %{{.*}}, %{{.*}} first(%{{.*}}) : (tensor<2x3xi32>, tensor<2x3x2xf32>) -> tensor<4x2xf32>
func.func @vocabulary(%ids: tensor<2x3xi32> {tpc.input = "tokens", tpc.layout = #tpc.layout<@mesh, [{}, {}]>},
                      %table: tensor<8x2xf32> {tpc.layout = #tpc.layout<@mesh, [{"tp"}, {}]>})
    -> (tensor<2x3x2xf32> {tpc.layout = #tpc.layout<@mesh, [{}, {}, {}]>},
        tensor<8x2xf32> {tpc.layout = #tpc.layout<@mesh, [{"tp"}, {}]>}) {
  %0 = tpc.embedding %ids, %table {tpc.layouts = [#tpc.layout<@mesh, [{}, {}, {}], partial = sum {"tp"}>]} : (tensor<2x3xi32>, tensor<8x2xf32>) -> tensor<2x3x2xf32>
  %1 = tpc.all_reduce sum %0 over @mesh ["tp"] {tpc.layouts = [#tpc.layout<@mesh, [{}, {}, {}]>]} : tensor<2x3x2xf32>
  %2 = tpc.embedding_grad %ids, %1 {tpc.layouts = [#tpc.layout<@mesh, [{"tp"}, {}]>]} : (tensor<2x3xi32>, tensor<2x3x2xf32>) -> tensor<8x2xf32>
  return %1, %2 : tensor<2x3x2xf32>, tensor<8x2xf32>
}

// Loss parallelism: maximum, then one reduction of the target's logit and the sum of exponentials.
// CHECK-LABEL: @loss_parallel(
// CHECK: %[[T:.*]], %[[L:.*]] = tpc.cross_entropy %{{.*}}, %{{.*}} first(%{{.*}}) : (tensor<1x3x4xf32>, tensor<1x3xi32>) -> tensor<1x3xf32>
// CHECK: %[[M:.*]] = tpc.all_reduce max %[[L]] over @mesh ["tp"]
// CHECK: %[[D:.*]] = arith.subf %[[L]], %[[M]]
// CHECK: %[[E:.*]] = math.exp %[[D]]
// CHECK: %[[S:.*]]:2 = tpc.all_reduce sum %[[T]], %[[E]] over @mesh ["tp"]
// CHECK: %[[G:.*]] = math.log %[[S]]#1
// CHECK: %[[J:.*]] = arith.addf %[[M]], %[[G]]
// CHECK: tpc.cross_entropy_grad %{{.*}}, %{{.*}}, %[[J]], %[[S]]#0, %[[J]] first(%{{.*}})
func.func @loss_parallel(%logits: tensor<2x3x8xf32> {tpc.layout = #tpc.layout<@mesh, [{"dp"}, {}, {"tp"}]>},
                         %targets: tensor<2x3xi32> {tpc.input = "targets", tpc.layout = #tpc.layout<@mesh, [{"dp"}, {}]>})
    -> (tensor<2x3xf32> {tpc.layout = #tpc.layout<@mesh, [{"dp"}, {}]>}, tensor<2x3xf32> {tpc.layout = #tpc.layout<@mesh, [{"dp"}, {}]>},
        tensor<2x3x8xf32> {tpc.layout = #tpc.layout<@mesh, [{"dp"}, {}, {"tp"}]>}) {
  %t, %l = tpc.cross_entropy %logits, %targets {tpc.layouts = [#tpc.layout<@mesh, [{"dp"}, {}]>, #tpc.layout<@mesh, [{"dp"}, {}]>]} : (tensor<2x3x8xf32>, tensor<2x3xi32>) -> tensor<2x3xf32>
  %g = tpc.cross_entropy_grad %logits, %targets, %l, %t, %l {tpc.layouts = [#tpc.layout<@mesh, [{"dp"}, {}, {"tp"}]>]} : tensor<2x3x8xf32>, tensor<2x3xi32>, tensor<2x3xf32>
  return %t, %l, %g : tensor<2x3xf32>, tensor<2x3xf32>, tensor<2x3x8xf32>
}

// Positions of a sequence shard start at axis_index * 4.
// CHECK-LABEL: @positions(
// CHECK: tpc.rope_table frequencies [1.000000e+00, 1.000000e-01] scale 1.000000e+00 first(%{{.*}}) : tensor<4x2xf32>, tensor<4x2xf32>
// CHECK: tpc.rope %{{.*}} : tensor<2x4x1x4xf32>, tensor<4x2xf32>
func.func @positions(%x: tensor<2x8x1x4xf32> {tpc.layout = #tpc.layout<@mesh, [{}, {"tp"}, {}, {}]>})
    -> (tensor<2x8x1x4xf32> {tpc.layout = #tpc.layout<@mesh, [{}, {"tp"}, {}, {}]>}) {
  %cos, %sin = tpc.rope_table frequencies [1.0, 0.1] scale 1.0 {tpc.layouts = [#tpc.layout<@mesh, [{"tp"}, {}]>, #tpc.layout<@mesh, [{"tp"}, {}]>]} : tensor<8x2xf32>, tensor<8x2xf32>
  %0 = tpc.rope %x, %cos, %sin {tpc.layouts = [#tpc.layout<@mesh, [{}, {"tp"}, {}, {}]>]} : tensor<2x8x1x4xf32>, tensor<8x2xf32>
  return %0 : tensor<2x8x1x4xf32>
}

// Initial values depend on the global index.
// CHECK-LABEL: @initial(
// CHECK: tpc.init {{.*}} global [8, 6] offsets(%{{.*}}, %{{.*}}) : (tensor<i64>, tensor<i32>) -> tensor<2x6xf32>
// CHECK: tpc.init {{.*}} global [4] : (tensor<i64>, tensor<i32>) -> tensor<4xf32>
func.func @initial(%seed: tensor<i64> {tpc.input = "seed", tpc.layout = #tpc.layout<@mesh, []>},
                   %scheme: tensor<i32> {tpc.input = "init_scheme", tpc.layout = #tpc.layout<@mesh, []>})
    -> (tensor<8x6xf32> {tpc.layout = #tpc.layout<@mesh, [{"tp", "dp"}, {}]>}, tensor<4xf32> {tpc.layout = #tpc.layout<@mesh, [{}]>}) {
  %0 = tpc.init seed(%seed) scheme(%scheme) <"w", shape = [8, 6], kind = linear, fan_in = 6> range 0.02 global [8, 6] {tpc.layouts = [#tpc.layout<@mesh, [{"tp", "dp"}, {}]>]} : (tensor<i64>, tensor<i32>) -> tensor<8x6xf32>
  %1 = tpc.init seed(%seed) scheme(%scheme) <"n", shape = [4], kind = norm, fan_in = 4> range 0.02 global [4] {tpc.layouts = [#tpc.layout<@mesh, [{}]>]} : (tensor<i64>, tensor<i32>) -> tensor<4xf32>
  return %0, %1 : tensor<8x6xf32>, tensor<4xf32>
}

// A parameter's use is the parameter.
// CHECK-LABEL: @use(
// CHECK-NEXT: return %arg0 : tensor<4xf32>
func.func @use(%w: tensor<8xf32> {tpc.layout = #tpc.layout<@mesh, [{"tp"}]>}) -> (tensor<8xf32> {tpc.layout = #tpc.layout<@mesh, [{"tp"}]>}) {
  %0 = tpc.use %w {tpc.layouts = [#tpc.layout<@mesh, [{"tp"}]>]} : tensor<8xf32>
  return %0 : tensor<8xf32>
}

// Whether an element is dropped depends on its global index; a whole value needs no offsets.
// CHECK-LABEL: @dropout(
// CHECK: %[[I:.*]] = tpc.axis_index over @mesh ["tp"]
// CHECK: %[[N:.*]] = arith.constant 3 : index
// CHECK: %[[F:.*]] = arith.muli %[[I]], %[[N]] : index
// CHECK: tpc.dropout {{.*}} global [8, 6] offsets(%{{.*}}, %[[F]]) : tensor<4x3xf32>, tensor<i64>
// CHECK: tpc.dropout {{.*}} global [4] : tensor<4xf32>, tensor<i64>
func.func @dropout(%seed: tensor<i64> {tpc.layout = #tpc.layout<@mesh, []>},
                   %x: tensor<8x6xf32> {tpc.layout = #tpc.layout<@mesh, [{"dp"}, {"tp"}]>},
                   %y: tensor<4xf32> {tpc.layout = #tpc.layout<@mesh, [{}]>})
    -> (tensor<8x6xf32> {tpc.layout = #tpc.layout<@mesh, [{"dp"}, {"tp"}]>}, tensor<4xf32> {tpc.layout = #tpc.layout<@mesh, [{}]>}) {
  %0 = tpc.dropout %x seed(%seed) probability 0.5 stream "a" global [8, 6] {tpc.layouts = [#tpc.layout<@mesh, [{"dp"}, {"tp"}]>]} : tensor<8x6xf32>, tensor<i64>
  %1 = tpc.dropout %y seed(%seed) probability 0.5 stream "a" global [4] {tpc.layouts = [#tpc.layout<@mesh, [{}]>]} : tensor<4xf32>, tensor<i64>
  return %0, %1 : tensor<8x6xf32>, tensor<4xf32>
}

// Rows are split: the gradients of weight and bias are summands. All are linear in the cotangent.
// CHECK-LABEL: @layer_norm(
// CHECK: tpc.layer_norm %{{.*}} : tensor<2x3xf32>, tensor<3xf32>
// CHECK: %[[DX:.*]], %[[DW:.*]], %[[DB:.*]] = tpc.layer_norm_grad %{{.*}} : tensor<2x3xf32>, tensor<3xf32>
// CHECK: tpc.all_reduce sum %[[DW]] over @mesh ["dp"]
// CHECK: tpc.all_reduce sum %[[DB]] over @mesh ["dp"]
func.func @layer_norm(%x: tensor<4x3xf32> {tpc.layout = #tpc.layout<@mesh, [{"dp"}, {}]>},
                      %w: tensor<3xf32> {tpc.layout = #tpc.layout<@mesh, [{}]>},
                      %b: tensor<3xf32> {tpc.layout = #tpc.layout<@mesh, [{}]>})
    -> (tensor<4x3xf32> {tpc.layout = #tpc.layout<@mesh, [{"dp"}, {}]>}, tensor<3xf32> {tpc.layout = #tpc.layout<@mesh, [{}]>},
        tensor<3xf32> {tpc.layout = #tpc.layout<@mesh, [{}]>}) {
  %0 = tpc.layer_norm %x, %w, %b eps 1.0e-5 {tpc.layouts = [#tpc.layout<@mesh, [{"dp"}, {}]>]} : tensor<4x3xf32>, tensor<3xf32>
  %1:3 = tpc.layer_norm_grad %x, %w, %0 eps 1.0e-5 {tpc.layouts = [#tpc.layout<@mesh, [{"dp"}, {}]>, #tpc.layout<@mesh, [{}], partial = sum {"dp"}>, #tpc.layout<@mesh, [{}], partial = sum {"dp"}>]} : tensor<4x3xf32>, tensor<3xf32>
  %2 = tpc.all_reduce sum %1#1 over @mesh ["dp"] {tpc.layouts = [#tpc.layout<@mesh, [{}]>]} : tensor<3xf32>
  %3 = tpc.all_reduce sum %1#2 over @mesh ["dp"] {tpc.layouts = [#tpc.layout<@mesh, [{}]>]} : tensor<3xf32>
  return %1#0, %2, %3 : tensor<4x3xf32>, tensor<3xf32>, tensor<3xf32>
}
