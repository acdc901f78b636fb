// RUN: tpc-opt %s --tpc-verify-local | FileCheck %s
// RUN: echo 'func.func @local(%%x: tensor<4x4xf32>) -> tensor<4x4xf32> { return %%x : tensor<4x4xf32> }' > %t.mlir
// RUN: tpc-interpret %s --against=%t.mlir
// What localization should leave passes as it is: local shapes, collectives between them, and on the boundary what
// each is a shard of.

tpc.mesh @mesh <["tp"=2]>
// CHECK-LABEL: @local
func.func @local(%x: tensor<4x2xf32> {tpc.global = #tpc.global<[4, 4], <@mesh, [{}, {"tp"}]>>})
    -> (tensor<4x4xf32> {tpc.global = #tpc.global<[4, 4], <@mesh, [{}, {}]>>}) {
  // CHECK: tpc.all_gather
  %0 = tpc.all_gather %x dim 1 over @mesh ["tp"] : tensor<4x2xf32> -> tensor<4x4xf32>
  return %0 : tensor<4x4xf32>
}
