// RUN: tpc-interpret %s | FileCheck %s
// Values by hand.

// CHECK-LABEL: @roundings result 0 [6]
// CHECK-NEXT: -3 -3 -1 0 1 2
// CHECK-LABEL: @roundings result 1 [6]
// CHECK-NEXT: -2 -2 {{-?}}0 1 2 3
// CHECK-LABEL: @roundings result 2 [6]
// CHECK-NEXT: -3 -2 -1 1 2 3
// CHECK-LABEL: @roundings result 3 [6]
// CHECK-NEXT: -2 -2 {{-?}}0 0 2 2
// CHECK-LABEL: @roundings result 4 [6]
// CHECK-NEXT: -2 -2 {{-?}}0 0 1 2
// CHECK-LABEL: @roundings result 5 [6]
// CHECK-NEXT: -2 -2 0 0 1 2
func.func @roundings() -> (tensor<6xf32>, tensor<6xf32>, tensor<6xf32>, tensor<6xf32>, tensor<6xf32>, tensor<6xi32>) {
  %x = arith.constant dense<[-2.5, -2.25, -0.5, 0.5, 1.5, 2.5]> : tensor<6xf32>
  %0 = math.floor %x : tensor<6xf32>
  %1 = math.ceil %x : tensor<6xf32>
  %2 = math.round %x : tensor<6xf32>
  %3 = math.roundeven %x : tensor<6xf32>
  %4 = math.trunc %x : tensor<6xf32>
  %5 = arith.fptosi %x : tensor<6xf32> to tensor<6xi32>
  return %0, %1, %2, %3, %4, %5 : tensor<6xf32>, tensor<6xf32>, tensor<6xf32>, tensor<6xf32>, tensor<6xf32>, tensor<6xi32>
}

// CHECK-LABEL: @quotients result 0 [4]
// CHECK-NEXT: 2 -3 -3 2
// CHECK-LABEL: @quotients result 1 [4]
// CHECK-NEXT: 3 -2 -2 3
// CHECK-LABEL: @quotients result 2 [4]
// CHECK-NEXT: 7 7 7 7
func.func @quotients() -> (tensor<4xi32>, tensor<4xi32>, tensor<4xi32>) {
  %a = arith.constant dense<[7, -7, 7, -7]> : tensor<4xi32>
  %b = arith.constant dense<[3, 3, -3, -3]> : tensor<4xi32>
  %0 = arith.floordivsi %a, %b : tensor<4xi32>
  %1 = arith.ceildivsi %a, %b : tensor<4xi32>
  %2 = math.absi %a : tensor<4xi32>
  return %0, %1, %2 : tensor<4xi32>, tensor<4xi32>, tensor<4xi32>
}

// A number is larger and smaller than NaN; the remainder has the sign of the dividend.
// CHECK-LABEL: @pairs result 0 [2]
// CHECK-NEXT: 2 5
// CHECK-LABEL: @pairs result 1 [2]
// CHECK-NEXT: 2 -7
// CHECK-LABEL: @pairs result 2 [2]
// CHECK-NEXT: {{-?nan}} -2
// CHECK-LABEL: @pairs result 3 [2]
// CHECK-NEXT: {{-?nan}} 7
// CHECK-LABEL: @pairs result 4 [2]
// CHECK-NEXT: {{-?nan}} -30
func.func @pairs() -> (tensor<2xf32>, tensor<2xf32>, tensor<2xf32>, tensor<2xf32>, tensor<2xf32>) {
  %a = arith.constant dense<[0x7FC00000, -7.0]> : tensor<2xf32>
  %b = arith.constant dense<[2.0, 5.0]> : tensor<2xf32>
  %0 = arith.maxnumf %a, %b : tensor<2xf32>
  %1 = arith.minnumf %a, %b : tensor<2xf32>
  %2 = arith.remf %a, %b : tensor<2xf32>
  %3 = math.copysign %a, %b : tensor<2xf32>
  %4 = math.fma %a, %b, %b : tensor<2xf32>
  return %0, %1, %2, %3, %4 : tensor<2xf32>, tensor<2xf32>, tensor<2xf32>, tensor<2xf32>, tensor<2xf32>
}

// Where the functions have round values, apart from x = 2^-20, where exp(x) - 1 is x + x^2 / 2 and log(1 + x) is x - x^2 / 2.
// CHECK-LABEL: @functions result 0 [3]
// CHECK-NEXT: 8 0.5 1
// CHECK-LABEL: @functions result 1 [3]
// CHECK-NEXT: 3 -1 0
// CHECK-LABEL: @functions result 2 [3]
// CHECK-NEXT: 2 -2 0
// CHECK-LABEL: @functions result 3 [3]
// CHECK-NEXT: 9.53674771e-07 -9.53673862e-07 0
// CHECK-LABEL: @functions result 4 [3]
// CHECK-NEXT: 9.53673862e-07 -9.53674771e-07 0
// CHECK-LABEL: @functions result 5 [3]
// CHECK-NEXT: 2 1 0
func.func @functions() -> (tensor<3xf32>, tensor<3xf32>, tensor<3xf32>, tensor<3xf32>, tensor<3xf32>, tensor<3xf32>) {
  %a = arith.constant dense<[3.0, -1.0, 0.0]> : tensor<3xf32>
  %b = arith.constant dense<[8.0, -8.0, 0.0]> : tensor<3xf32>
  %small = arith.constant dense<[9.5367431640625e-7, -9.5367431640625e-7, 0.0]> : tensor<3xf32>
  %c = arith.constant dense<[100.0, 10.0, 1.0]> : tensor<3xf32>
  %0 = math.exp2 %a : tensor<3xf32>
  %1 = math.log2 %0 : tensor<3xf32>
  %2 = math.cbrt %b : tensor<3xf32>
  %3 = math.expm1 %small : tensor<3xf32>
  %4 = math.log1p %small : tensor<3xf32>
  %5 = math.log10 %c : tensor<3xf32>
  return %0, %1, %2, %3, %4, %5 : tensor<3xf32>, tensor<3xf32>, tensor<3xf32>, tensor<3xf32>, tensor<3xf32>, tensor<3xf32>
}
