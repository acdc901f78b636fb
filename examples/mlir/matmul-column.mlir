// The 3x4 by 4x6 product, split by columns: each of two ranks holds three columns of w and computes three columns
// of y. Nothing is communicated until the whole y is asked for.
tpc.mesh @mesh <["tp"=2]>

func.func @matmul(%x: tensor<3x4xf32> {tpc.layout = #tpc.layout<@mesh, [{}, {}]>},
                  %w: tensor<4x6xf32> {tpc.layout = #tpc.layout<@mesh, [{}, {"tp"}]>})
    -> (tensor<3x6xf32> {tpc.layout = #tpc.layout<@mesh, [{}, {}]>}) {
  %y = tpc.contract %x, %w : [m, k], [k, n] -> [m, n] : (tensor<3x4xf32>, tensor<4x6xf32>) -> tensor<3x6xf32>
  return %y : tensor<3x6xf32>
}
