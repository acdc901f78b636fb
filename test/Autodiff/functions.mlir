// Every function that is differentiable has the derivative that differences say; none is taken where it has a kink. The
// factor keeps the weights of all of them apart.
// RUN: tpc-opt %s --tpc-differentiate | tpc-interpret --check-gradients --inputs=random | FileCheck %s
// CHECK: a: gradient
// CHECK: b: gradient
func.func @loss(%a: tensor<2x3xf32> {tpc.param = #tpc.param<"a", shape = [2, 3], kind = linear, fan_in = 3>},
                %b: tensor<2x3xf32> {tpc.param = #tpc.param<"b", shape = [2, 3], kind = linear, fan_in = 3>}) -> (tensor<f32> {tpc.output = "loss"}) {
  %half = arith.constant dense<0.5> : tensor<2x3xf32>
  %one = arith.constant dense<1.0> : tensor<2x3xf32>
  %factor = arith.constant dense<-0.9> : tensor<2x3xf32>
  %square = arith.mulf %a, %a : tensor<2x3xf32>
  %positive = arith.addf %square, %half : tensor<2x3xf32>
  %above = arith.addf %one, %positive : tensor<2x3xf32>
  %unit = arith.divf %a, %positive : tensor<2x3xf32>
  %exp = math.exp %a : tensor<2x3xf32>
  %exp2 = math.exp2 %a : tensor<2x3xf32>
  %expm1 = math.expm1 %a : tensor<2x3xf32>
  %erf = math.erf %a : tensor<2x3xf32>
  %erfc = math.erfc %a : tensor<2x3xf32>
  %sin = math.sin %a : tensor<2x3xf32>
  %cos = math.cos %a : tensor<2x3xf32>
  %tan = math.tan %a : tensor<2x3xf32>
  %sinh = math.sinh %a : tensor<2x3xf32>
  %cosh = math.cosh %a : tensor<2x3xf32>
  %tanh = math.tanh %a : tensor<2x3xf32>
  %atan = math.atan %a : tensor<2x3xf32>
  %asinh = math.asinh %a : tensor<2x3xf32>
  %absf = math.absf %a : tensor<2x3xf32>
  %log = math.log %positive : tensor<2x3xf32>
  %log2 = math.log2 %positive : tensor<2x3xf32>
  %log10 = math.log10 %positive : tensor<2x3xf32>
  %log1p = math.log1p %positive : tensor<2x3xf32>
  %sqrt = math.sqrt %positive : tensor<2x3xf32>
  %rsqrt = math.rsqrt %positive : tensor<2x3xf32>
  %cbrt = math.cbrt %positive : tensor<2x3xf32>
  %asin = math.asin %unit : tensor<2x3xf32>
  %acos = math.acos %unit : tensor<2x3xf32>
  %atanh = math.atanh %unit : tensor<2x3xf32>
  %acosh = math.acosh %above : tensor<2x3xf32>
  %powf = math.powf %positive, %b : tensor<2x3xf32>
  %atan2 = math.atan2 %a, %b : tensor<2x3xf32>
  %minimumf = arith.minimumf %a, %b : tensor<2x3xf32>
  %maximumf = arith.maximumf %a, %b : tensor<2x3xf32>
  %fma = math.fma %a, %b, %positive : tensor<2x3xf32>
  %0 = math.fma %exp, %factor, %exp2 : tensor<2x3xf32>
  %1 = math.fma %0, %factor, %expm1 : tensor<2x3xf32>
  %2 = math.fma %1, %factor, %erf : tensor<2x3xf32>
  %3 = math.fma %2, %factor, %erfc : tensor<2x3xf32>
  %4 = math.fma %3, %factor, %sin : tensor<2x3xf32>
  %5 = math.fma %4, %factor, %cos : tensor<2x3xf32>
  %6 = math.fma %5, %factor, %tan : tensor<2x3xf32>
  %7 = math.fma %6, %factor, %sinh : tensor<2x3xf32>
  %8 = math.fma %7, %factor, %cosh : tensor<2x3xf32>
  %9 = math.fma %8, %factor, %tanh : tensor<2x3xf32>
  %10 = math.fma %9, %factor, %atan : tensor<2x3xf32>
  %11 = math.fma %10, %factor, %asinh : tensor<2x3xf32>
  %12 = math.fma %11, %factor, %absf : tensor<2x3xf32>
  %13 = math.fma %12, %factor, %log : tensor<2x3xf32>
  %14 = math.fma %13, %factor, %log2 : tensor<2x3xf32>
  %15 = math.fma %14, %factor, %log10 : tensor<2x3xf32>
  %16 = math.fma %15, %factor, %log1p : tensor<2x3xf32>
  %17 = math.fma %16, %factor, %sqrt : tensor<2x3xf32>
  %18 = math.fma %17, %factor, %rsqrt : tensor<2x3xf32>
  %19 = math.fma %18, %factor, %cbrt : tensor<2x3xf32>
  %20 = math.fma %19, %factor, %asin : tensor<2x3xf32>
  %21 = math.fma %20, %factor, %acos : tensor<2x3xf32>
  %22 = math.fma %21, %factor, %atanh : tensor<2x3xf32>
  %23 = math.fma %22, %factor, %acosh : tensor<2x3xf32>
  %24 = math.fma %23, %factor, %powf : tensor<2x3xf32>
  %25 = math.fma %24, %factor, %atan2 : tensor<2x3xf32>
  %26 = math.fma %25, %factor, %minimumf : tensor<2x3xf32>
  %27 = math.fma %26, %factor, %maximumf : tensor<2x3xf32>
  %28 = math.fma %27, %factor, %fma : tensor<2x3xf32>
  %product = arith.mulf %28, %b : tensor<2x3xf32>
  %sum = tpc.reduce sum %product dims [0, 1] : tensor<2x3xf32> -> tensor<f32>
  return %sum : tensor<f32>
}
