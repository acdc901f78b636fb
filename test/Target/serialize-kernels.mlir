// RUN: tpc-opt %s --tpc-lower-kernels-to-gpu --tpc-serialize-kernels=format=ptx | sed 's/\\0A/\n/g' | FileCheck %s
// RUN: tpc-opt %s --tpc-lower-kernels-to-gpu --tpc-serialize-kernels="format=ptx arch=sm_120" | sed 's/\\0A/\n/g' | FileCheck %s --check-prefix=SM120

// CHECK: gpu.binary @tpc_kernels [#gpu.object<#nvvm.target<O = 3, chip = "sm_90", features = "+ptx80">, assembly =
// CHECK: .target sm_90
// SM120: .target sm_120

// Nothing but loads and stores of 16 bytes; what nobody writes goes through the read-only cache.
// CHECK-LABEL: .entry add(
// CHECK: .maxntid 128
// CHECK: ld.global.nc.v4.b32
// CHECK: ld.global.nc.v4.b32
// CHECK: add{{(.rn)?}}.f32
// CHECK: st.global.v4.b32
func.func private @add(%x: tensor<1024xf32>, %y: tensor<1024xf32>) -> tensor<1024xbf16> attributes {tpc.kernel} {
  %0 = arith.addf %x, %y : tensor<1024xf32>
  %1 = arith.truncf %0 : tensor<1024xf32> to tensor<1024xbf16>
  return %1 : tensor<1024xbf16>
}

// Quotients are approximated to 2 units in the last place.
// CHECK-LABEL: .entry row_sum(
// CHECK: shfl.sync.bfly.b32
// CHECK: st.shared.b32
// CHECK: bar{{(rier)?}}.sync
// CHECK: div.approx.f32
func.func private @row_sum(%x: tensor<3x768xf32>) -> tensor<3x768xf32> attributes {tpc.kernel} {
  %0 = tpc.reduce sum %x dims [1] : tensor<3x768xf32> -> tensor<3xf32>
  %1 = tpc.broadcast %0 dims [0] : tensor<3xf32> -> tensor<3x768xf32>
  %2 = arith.divf %x, %1 : tensor<3x768xf32>
  return %2 : tensor<3x768xf32>
}
