//--- unknown.mlir
func.func @f(%x: tensor<2xf32>) -> tensor<2xf32> {
  %0 = math.clampf %x to [%x, %x] : tensor<2xf32>
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
//--- dynamic.mlir
func.func @f(%x: tensor<?xf32>) -> tensor<?xf32> {
  return %x : tensor<?xf32>
}
//--- unranked.mlir
func.func @f(%x: tensor<*xf32>) -> tensor<*xf32> {
  return %x : tensor<*xf32>
}
//--- vector.mlir
func.func @f() {
  %0 = arith.constant dense<1.0> : vector<4xf32>
  return
}
//--- huge.mlir
func.func @f(%x: tensor<1000000x1000000xf32>) -> tensor<1000000x1000000xf32> {
  return %x : tensor<1000000x1000000xf32>
}
//--- wraps.mlir
func.func @f(%x: tensor<4294967296x4294967296xf32>) -> tensor<4294967296x4294967296xf32> {
  return %x : tensor<4294967296x4294967296xf32>
}
//--- recursion.mlir
func.func @f(%x: tensor<2xf32>) -> tensor<2xf32> {
  %0 = func.call @g(%x) : (tensor<2xf32>) -> tensor<2xf32>
  return %0 : tensor<2xf32>
}
func.func private @g(%x: tensor<2xf32>) -> tensor<2xf32> {
  %0 = func.call @f(%x) : (tensor<2xf32>) -> tensor<2xf32>
  return %0 : tensor<2xf32>
}
//--- branch.mlir
func.func @f(%x: i32) -> i32 {
  llvm.br ^next(%x : i32)
^next(%y: i32):
  return %y : i32
}
//--- division.mlir
func.func @f() -> tensor<2xi32> {
  %0 = arith.constant dense<[4, 0]> : tensor<2xi32>
  %1 = arith.divsi %0, %0 : tensor<2xi32>
  return %1 : tensor<2xi32>
}
//--- scalar.mlir
func.func @f(%learning_rate: f32 {tpc.input = "learning_rate"}) -> (f32, tensor<3xf32>) {
  %0 = arith.addf %learning_rate, %learning_rate : f32
  %1 = arith.constant dense<2.0> : tensor<3xf32>
  return %0, %1 : f32, tensor<3xf32>
}
//--- shard.mlir
tpc.mesh @mesh <["tp"=2]>
func.func @f(%x: tensor<2x2xf32> {tpc.global = #tpc.global<[1000000, 1000000], <@mesh, [{}, {"tp"}]>>}) -> tensor<2x2xf32> {
  return %x : tensor<2x2xf32>
}
//--- joined.mlir
tpc.mesh @mesh <["tp"=2]>
func.func @f(%x: tensor<2x2xf32>) -> (tensor<2x2xf32> {tpc.global = #tpc.global<[8, 8], <@mesh, [{}, {"tp"}]>>}) {
  return %x : tensor<2x2xf32>
}
//--- logical.mlir
func.func @f(%x: tensor<4x4xf32> {tpc.logical_shape = array<i64: 4, 5>}) -> tensor<4x4xf32> {
  return %x : tensor<4x4xf32>
}
//--- rank.mlir
func.func @f(%x: tensor<4x4xf32>) -> (tensor<4x4xf32> {tpc.logical_shape = array<i64: 2>}) {
  return %x : tensor<4x4xf32>
}
