// RUN: tpc-opt %s --pass-pipeline='builtin.module(tpc-propagate-layouts,tpc-verify-layouts,tpc-insert-reshards,tpc-expand-reshards,tpc-localize,tpc-verify-local)' -o %t.local.mlir
// RUN: tpc-opt %t.local.mlir --tpc-simplify-collectives --tpc-combine-collectives -o %t.mlir
// RUN: tpc-interpret %t.local.mlir --against=%s --precision=exact
// RUN: tpc-interpret %t.mlir --against=%s --precision=exact

// An axis of size 6 is 2 x 3 or 3 x 2: "dp":(1)2 is r / 3 and "dp":(3)2 is r % 2, no two digits of one number.
tpc.mesh @mesh <["dp"=6]>

// The slice over (3)2 must not change places with the sum over (1)2.
func.func @slice_of_sum(%ids: tensor<4x4xi32>, %x: tensor<4x4x4xf32> {tpc.layout = #tpc.layout<@mesh, [{"dp":(1)2}, {}, {}]>}, %y: tensor<4x4xf32>)
    -> (tensor<4x4x4xf32> {tpc.layout = #tpc.layout<@mesh, [{"dp":(3)2}, {}, {}]>}) {
  %0 = tpc.embedding_grad %ids, %x : (tensor<4x4xi32>, tensor<4x4x4xf32>) -> tensor<4x4xf32>
  %1 = tpc.constrain %0 to <@mesh, [{}, {}]> : tensor<4x4xf32>
  %2 = arith.mulf %y, %1 : tensor<4x4xf32>
  %3 = tpc.broadcast %2 dims [0, 2] : tensor<4x4xf32> -> tensor<4x4x4xf32>
  return %3 : tensor<4x4x4xf32>
}

// From halves to thirds: through the whole value.
func.func @halves_to_thirds(%x: tensor<12x8xf64> {tpc.layout = #tpc.layout<@mesh, [{"dp":(1)2}, {}]>}) -> tensor<12xf64> {
  %0 = tpc.reduce sum %x dims [1] : tensor<12x8xf64> -> tensor<12xf64>
  %1 = tpc.constrain %0 to <@mesh, [{"dp":(1)3}]> : tensor<12xf64>
  return %1 : tensor<12xf64>
}

// Operands whose splits do not nest.
func.func @operands(%x: tensor<2x8xf32> {tpc.layout = #tpc.layout<@mesh, [{}, {"dp":(1)2}]>}, %y: tensor<8xf32>, %z: tensor<2x8xf32>)
    -> (tensor<2xf32> {tpc.layout = #tpc.layout<@mesh, [{"dp":(3)2}]>}) {
  %0 = arith.minimumf %z, %x : tensor<2x8xf32>
  %1 = tpc.contract %y, %0 : [b], [a, b] -> [a] : (tensor<8xf32>, tensor<2x8xf32>) -> tensor<2xf32>
  return %1 : tensor<2xf32>
}
