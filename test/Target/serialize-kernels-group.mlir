// RUN: tpc-opt %s --tpc-lower-kernels-to-gpu --tpc-serialize-kernels=format=ptx | sed 's/\\0A/\n/g' | FileCheck %s

// The table of a group is a parameter by value, read where the member's number says.
// CHECK-LABEL: .entry group(
// CHECK-NEXT: .param .align 8 .b8 group_param_0[32]
// CHECK-NOT: .local
// CHECK: ld.const
// CHECK: ld.param.b64 {{.*}}%rd{{[0-9]+}}, [%rd
// CHECK: ld.global.v4.b32
// CHECK: st.global.v4.b32
func.func private @double_1024(%x: tensor<1024xf32>) -> tensor<1024xf32> attributes {tpc.kernel = {extent = 1024 : i64}} {
  %0 = arith.addf %x, %x : tensor<1024xf32>
  return %0 : tensor<1024xf32>
}
func.func private @double_64(%x: tensor<64xf32>) -> tensor<64xf32> attributes {tpc.kernel = {extent = 64 : i64}} {
  %0 = arith.addf %x, %x : tensor<64xf32>
  return %0 : tensor<64xf32>
}
func.func private @group(%x: tensor<1024xf32>, %y: tensor<64xf32>) -> (tensor<1024xf32>, tensor<64xf32>) attributes {tpc.kernel} {
  %0 = tpc.launch @double_1024(%x) : (tensor<1024xf32>) -> tensor<1024xf32>
  %1 = tpc.launch @double_64(%y) : (tensor<64xf32>) -> tensor<64xf32>
  return %0, %1 : tensor<1024xf32>, tensor<64xf32>
}
