// The 3x4 by 4x6 product, split by rows: each of two ranks holds two rows of w and the two columns of x that meet
// them, and computes a summand of all of y. The summands are added by one all_reduce.
tpc.mesh @mesh <["tp"=2]>

func.func @matmul(%x: tensor<3x4xf32> {tpc.layout = #tpc.layout<@mesh, [{}, {"tp"}]>},
                  %w: tensor<4x6xf32> {tpc.layout = #tpc.layout<@mesh, [{"tp"}, {}]>})
    -> (tensor<3x6xf32> {tpc.layout = #tpc.layout<@mesh, [{}, {}]>}) {
  %y = tpc.contract %x, %w : [m, k], [k, n] -> [m, n] : (tensor<3x4xf32>, tensor<4x6xf32>) -> tensor<3x6xf32>
  return %y : tensor<3x6xf32>
}
