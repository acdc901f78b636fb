//--- unknown.mlir
func.func @f(%x: tensor<2xf32>) -> tensor<2xf32> {
  %0 = math.erf %x : tensor<2xf32>
  return %0 : tensor<2xf32>
}
//--- replica.mlir
tpc.mesh @mesh <["tp"=2]>
func.func @f() -> (tensor<1xf32> {tpc.global = #tpc.global<[1], <@mesh, [{}]>>}) {
  %x = arith.constant dense<[1.0, 2.0]> : tensor<2xf32>
  %0 = tpc.shard_slice %x dim 0 over @mesh ["tp"] : tensor<2xf32> -> tensor<1xf32>
  return %0 : tensor<1xf32>
}
//--- one.mlir
func.func @f() -> tensor<f32> {
  %0 = arith.constant dense<1.0> : tensor<f32>
  return %0 : tensor<f32>
}
//--- two.mlir
func.func @f() -> tensor<f32> {
  %0 = arith.constant dense<2.0> : tensor<f32>
  return %0 : tensor<f32>
}
