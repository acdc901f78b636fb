// RUN: tpc-opt %s --tpc-propagate-layouts | FileCheck %s
// RUN: tpc-opt %s --tpc-propagate-layouts --tpc-pad-uneven --tpc-verify-layouts -o /dev/null 2>&1 | FileCheck %s --check-prefix=PAD

// PAD: warning: dimension 0 of 'tokens', of size 3, is padded to 4: ranks idle for 25 % of the work on it
tpc.mesh @mesh <["dp"=2, "tp"=2]>

// Parts need not divide a dimension: tpc-pad-uneven makes them.
// CHECK-LABEL: @batch(
// CHECK: tpc.embedding {{.*}} {tpc.layouts = [#tpc.layout<@mesh, [{"dp"}, {}, {"tp"}]>]}
// CHECK: arith.negf {{.*}} {tpc.layouts = [#tpc.layout<@mesh, [{"dp"}, {}, {"tp"}]>]}
func.func @batch(%ids: tensor<3x4xi32> {tpc.input = "tokens", tpc.layout = #tpc.layout<@mesh, [{"dp"}, {}]>},
                 %table: tensor<8x6xf32> {tpc.layout = #tpc.layout<@mesh, [{}, {"tp"}]>}) -> tensor<3x4x6xf32> {
  %0 = tpc.embedding %ids, %table : (tensor<3x4xi32>, tensor<8x6xf32>) -> tensor<3x4x6xf32>
  %1 = arith.negf %0 : tensor<3x4x6xf32>
  return %1 : tensor<3x4x6xf32>
}

// A dimension that an op takes apart is split only where the parts divide it: here the 7 of 7 x 73
// stays whole, and so does what it came from.
// CHECK-LABEL: @apart(
// CHECK: tensor.expand_shape {{.*}}tpc.layouts = [#tpc.layout<@mesh, [{}, {}, {}]>]
// CHECK: tpc.constrain {{.*}}tpc.layouts = [#tpc.layout<@mesh, [{}, {}, {}]>]
func.func @apart(%x: tensor<2x511xf32>) -> tensor<2x7x73xf32> {
  %0 = tensor.expand_shape %x [[0], [1, 2]] output_shape [2, 7, 73] : tensor<2x511xf32> into tensor<2x7x73xf32>
  %1 = tpc.constrain %0 to <@mesh, [{}, {}, {}]> : tensor<2x7x73xf32>
  return %1 : tensor<2x7x73xf32>
}
