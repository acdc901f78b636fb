tpc.mesh @mesh <["a"=2, "b"=2, "c"=2, "d"=2]>
func.func @product(%x: tensor<16x32xf32> {tpc.layout = #tpc.layout<@mesh, [{"d", "a"}, {"c"}]>},
                   %w: tensor<64x32xf32> {tpc.layout = #tpc.layout<@mesh, [{"b"}, {"c"}]>})
    -> (tensor<16x64xf32> {tpc.layout = #tpc.layout<@mesh, [{"c", "b", "a"}, {"d"}]>}) {
  %y = tpc.contract %x, %w : [m, k], [n, k] -> [m, n] : (tensor<16x32xf32>, tensor<64x32xf32>) -> tensor<16x64xf32>
  return %y : tensor<16x64xf32>
}
