// REQUIRES: cuda
// Every function of arith and math that has a sharding rule has code for a GPU: calls of libdevice are resolved.
// RUN: tpc-opt %s --tpc-lower-kernels-to-gpu --tpc-serialize-kernels=format=ptx | sed 's/\\0A/\n/g' | FileCheck %s
// CHECK-NOT: .extern .func
// CHECK: .entry f32(
// CHECK-NOT: .extern .func
// CHECK: .entry f64(
// CHECK-NOT: .extern .func
// CHECK: .entry i32(
func.func private @f32(%x: tensor<64xf32>, %y: tensor<64xf32>) -> tensor<64xf32> attributes {tpc.kernel} {
  %absf = math.absf %x : tensor<64xf32>
  %acos = math.acos %absf : tensor<64xf32>
  %acosh = math.acosh %acos : tensor<64xf32>
  %asin = math.asin %acosh : tensor<64xf32>
  %asinh = math.asinh %asin : tensor<64xf32>
  %atan = math.atan %asinh : tensor<64xf32>
  %atanh = math.atanh %atan : tensor<64xf32>
  %cbrt = math.cbrt %atanh : tensor<64xf32>
  %ceil = math.ceil %cbrt : tensor<64xf32>
  %cosh = math.cosh %ceil : tensor<64xf32>
  %erf = math.erf %cosh : tensor<64xf32>
  %erfc = math.erfc %erf : tensor<64xf32>
  %exp2 = math.exp2 %erfc : tensor<64xf32>
  %expm1 = math.expm1 %exp2 : tensor<64xf32>
  %floor = math.floor %expm1 : tensor<64xf32>
  %log10 = math.log10 %floor : tensor<64xf32>
  %log1p = math.log1p %log10 : tensor<64xf32>
  %log2 = math.log2 %log1p : tensor<64xf32>
  %round = math.round %log2 : tensor<64xf32>
  %roundeven = math.roundeven %round : tensor<64xf32>
  %sinh = math.sinh %roundeven : tensor<64xf32>
  %tan = math.tan %sinh : tensor<64xf32>
  %trunc = math.trunc %tan : tensor<64xf32>
  %maxnumf = arith.maxnumf %trunc, %y : tensor<64xf32>
  %minnumf = arith.minnumf %maxnumf, %y : tensor<64xf32>
  %remf = arith.remf %minnumf, %y : tensor<64xf32>
  %atan2 = math.atan2 %remf, %y : tensor<64xf32>
  %copysign = math.copysign %atan2, %y : tensor<64xf32>
  %powf = math.powf %copysign, %y : tensor<64xf32>
  %fma = math.fma %powf, %x, %y : tensor<64xf32>
  return %fma : tensor<64xf32>
}
func.func private @f64(%x: tensor<64xf64>, %y: tensor<64xf64>) -> tensor<64xf64> attributes {tpc.kernel} {
  %absf = math.absf %x : tensor<64xf64>
  %acos = math.acos %absf : tensor<64xf64>
  %acosh = math.acosh %acos : tensor<64xf64>
  %asin = math.asin %acosh : tensor<64xf64>
  %asinh = math.asinh %asin : tensor<64xf64>
  %atan = math.atan %asinh : tensor<64xf64>
  %atanh = math.atanh %atan : tensor<64xf64>
  %cbrt = math.cbrt %atanh : tensor<64xf64>
  %ceil = math.ceil %cbrt : tensor<64xf64>
  %cosh = math.cosh %ceil : tensor<64xf64>
  %erf = math.erf %cosh : tensor<64xf64>
  %erfc = math.erfc %erf : tensor<64xf64>
  %exp2 = math.exp2 %erfc : tensor<64xf64>
  %expm1 = math.expm1 %exp2 : tensor<64xf64>
  %floor = math.floor %expm1 : tensor<64xf64>
  %log10 = math.log10 %floor : tensor<64xf64>
  %log1p = math.log1p %log10 : tensor<64xf64>
  %log2 = math.log2 %log1p : tensor<64xf64>
  %round = math.round %log2 : tensor<64xf64>
  %roundeven = math.roundeven %round : tensor<64xf64>
  %sinh = math.sinh %roundeven : tensor<64xf64>
  %tan = math.tan %sinh : tensor<64xf64>
  %trunc = math.trunc %tan : tensor<64xf64>
  %maxnumf = arith.maxnumf %trunc, %y : tensor<64xf64>
  %minnumf = arith.minnumf %maxnumf, %y : tensor<64xf64>
  %remf = arith.remf %minnumf, %y : tensor<64xf64>
  %atan2 = math.atan2 %remf, %y : tensor<64xf64>
  %copysign = math.copysign %atan2, %y : tensor<64xf64>
  %powf = math.powf %copysign, %y : tensor<64xf64>
  %fma = math.fma %powf, %x, %y : tensor<64xf64>
  return %fma : tensor<64xf64>
}
func.func private @i32(%x: tensor<64xf32>, %y: tensor<64xi32>) -> tensor<64xi32> attributes {tpc.kernel} {
  %0 = arith.fptosi %x : tensor<64xf32> to tensor<64xi32>
  %1 = arith.floordivsi %0, %y : tensor<64xi32>
  %2 = arith.ceildivsi %1, %y : tensor<64xi32>
  %3 = math.absi %2 : tensor<64xi32>
  return %3 : tensor<64xi32>
}
