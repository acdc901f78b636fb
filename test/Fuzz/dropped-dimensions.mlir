// RUN: tpc-opt %s --pass-pipeline='builtin.module(tpc-propagate-layouts,tpc-pad-uneven,tpc-verify-layouts,tpc-insert-reshards,tpc-expand-reshards,tpc-localize,tpc-verify-local,tpc-form-kernels)' -o %t.mlir
// RUN: tpc-interpret %t.mlir --against=%s --precision=exact

// Dimensions of size one are split and padded, others are dropped by the slices: which is which must not change.
tpc.mesh @mesh <["dp"=8, "tp"=2]>
func.func @taken(%x: tensor<1x1x12x12x1xf32>) -> tensor<1x1x12xf32> {
  %0 = tensor.extract_slice %x[0, 0, 2, 0, 0] [1, 1, 1, 12, 1] [1, 1, 1, 1, 1] : tensor<1x1x12x12x1xf32> to tensor<1x1x12xf32>
  %1 = tpc.constrain %0 to <@mesh, [{"tp"}, {}, {}]> : tensor<1x1x12xf32>
  return %1 : tensor<1x1x12xf32>
}

func.func @inserted(%x: tensor<1x1x1x16x1xf32>, %y: tensor<1x1x1x16x1xf32>, %z: tensor<1x11xf32>) -> (tensor<1x1x1x16x1xf32> {tpc.layout = #tpc.layout<@mesh, [{}, {}, {"tp"}, {}, {}]>}) {
  %0 = tensor.insert_slice %z into %x[0, 0, 0, 2, 0] [1, 1, 1, 11, 1] [1, 1, 1, 1, 1] : tensor<1x11xf32> into tensor<1x1x1x16x1xf32>
  %1 = arith.addf %y, %0 : tensor<1x1x1x16x1xf32>
  return %1 : tensor<1x1x1x16x1xf32>
}

func.func @first(%x: tensor<6x4x4x1x1xf32>) -> tensor<6x4x1x1xf32> {
  %0 = tensor.extract_slice %x[0, 0, 2, 0, 0] [6, 4, 1, 1, 1] [1, 1, 1, 1, 1] : tensor<6x4x4x1x1xf32> to tensor<6x4x1x1xf32>
  %1 = tpc.reshard %0 to <@mesh, [{}, {}, {"tp", "dp":(1)2}, {}]> : tensor<6x4x1x1xf32>
  return %1 : tensor<6x4x1x1xf32>
}
