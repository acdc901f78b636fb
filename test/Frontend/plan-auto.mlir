// RUN: tpc-opt %s --tpc-apply-plan=plan=auto --split-input-file | FileCheck %s
// What is a pair and what is not, by the ops between two linear modules.

// A norm of each head between them: the heads stay split, the norm is no place to split the sequence.
// CHECK-LABEL: func.func @head_norm
// CHECK-SAME: tensor<4x2x8xf32> {tpc.layout = #tpc.layout<@mesh, [{"tp"}, {}, {}]>
// CHECK-SAME: tensor<2xf32> {tpc.layout = #tpc.layout<@mesh, [{}]>
// CHECK-SAME: tensor<8x4x2xf32> {tpc.layout = #tpc.layout<@mesh, [{}, {"tp"}, {}]>
tpc.mesh @mesh <["tp"=2]>
func.func @head_norm(%x: tensor<2x4x8xf32> {tpc.input = "tokens"},
                     %a: tensor<4x2x8xf32> {tpc.param = #tpc.param<"a.weight", shape = [8, 8], kind = linear, fan_in = 8>},
                     %n: tensor<2xf32> {tpc.param = #tpc.param<"n.weight", shape = [2], kind = norm, fan_in = 2>},
                     %b: tensor<8x4x2xf32> {tpc.param = #tpc.param<"b.weight", shape = [8, 8], kind = linear, fan_in = 8>}) -> tensor<2x4x8xf32> {
  // The input of the program is whole: nothing is asked of it.
  // CHECK-NEXT: tpc.use
  %0 = tpc.boundary %x input 0 of linear "a" dims [[0], [1], [2]] : tensor<2x4x8xf32>
  %wa = tpc.use %a : tensor<4x2x8xf32>
  %1 = tpc.contract %0, %wa : [b, s, k], [h, d, k] -> [b, s, h, d] : (tensor<2x4x8xf32>, tensor<4x2x8xf32>) -> tensor<2x4x4x2xf32>
  // CHECK: tpc.constrain %{{.*}} to <@mesh, [{}, {}, {"tp"}, {}]> of "a"
  %2 = tpc.boundary %1 output 0 of linear "a" dims [[0], [1], [2, 3]] : tensor<2x4x4x2xf32>
  %3 = tpc.boundary %2 input 0 of norm "n" dims [[0], [1], [2], [3]] : tensor<2x4x4x2xf32>
  %wn = tpc.use %n : tensor<2xf32>
  // CHECK-NEXT: tpc.use
  // CHECK-NEXT: tpc.rms_norm
  %4 = tpc.rms_norm %3, %wn eps 1.0e-5 : tensor<2x4x4x2xf32>, tensor<2xf32>
  %5 = tpc.boundary %4 output 0 of norm "n" dims [[0], [1], [2], [3]] : tensor<2x4x4x2xf32>
  %6 = tpc.boundary %5 input 0 of linear "b" dims [[0], [1], [2, 3]] : tensor<2x4x4x2xf32>
  %wb = tpc.use %b : tensor<8x4x2xf32>
  %7 = tpc.contract %6, %wb : [b, s, h, d], [n, h, d] -> [b, s, n] : (tensor<2x4x4x2xf32>, tensor<8x4x2xf32>) -> tensor<2x4x8xf32>
  // CHECK: tpc.contract
  // CHECK-NEXT: tpc.constrain %{{.*}} to <@mesh, [{}, {"tp"}, {}]> of "b"
  %8 = tpc.boundary %7 output 0 of linear "b" dims [[0], [1], [2]] : tensor<2x4x8xf32>
  return %8 : tensor<2x4x8xf32>
}

// -----

// A norm over all features between them: they must be whole there, so it is no pair. The second module's features are
// returned, so it is column-wise by itself.
// CHECK-LABEL: func.func @whole_norm
// CHECK-SAME: tensor<6x8xf32> {tpc.layout = #tpc.layout<@mesh, [{}, {}]>
// CHECK-SAME: tensor<4x6xf32> {tpc.layout = #tpc.layout<@mesh, [{"tp"}, {}]>
tpc.mesh @mesh <["tp"=2]>
func.func @whole_norm(%x: tensor<2x4x8xf32> {tpc.input = "tokens"},
                      %a: tensor<6x8xf32> {tpc.param = #tpc.param<"a.weight", shape = [6, 8], kind = linear, fan_in = 8>},
                      %n: tensor<6xf32> {tpc.param = #tpc.param<"n.weight", shape = [6], kind = norm, fan_in = 6>},
                      %b: tensor<4x6xf32> {tpc.param = #tpc.param<"b.weight", shape = [4, 6], kind = linear, fan_in = 6>}) -> tensor<2x4x4xf32> {
  %0 = tpc.boundary %x input 0 of linear "a" dims [[0], [1], [2]] : tensor<2x4x8xf32>
  %wa = tpc.use %a : tensor<6x8xf32>
  %1 = tpc.contract %0, %wa : [b, s, k], [f, k] -> [b, s, f] : (tensor<2x4x8xf32>, tensor<6x8xf32>) -> tensor<2x4x6xf32>
  %2 = tpc.boundary %1 output 0 of linear "a" dims [[0], [1], [2]] : tensor<2x4x6xf32>
  // CHECK: tpc.constrain %{{.*}} to <@mesh, [{}, {"tp"}, {}]> of "n"
  %3 = tpc.boundary %2 input 0 of norm "n" dims [[0], [1], [2]] : tensor<2x4x6xf32>
  %wn = tpc.use %n : tensor<6xf32>
  %4 = tpc.rms_norm %3, %wn eps 1.0e-5 : tensor<2x4x6xf32>, tensor<6xf32>
  %5 = tpc.boundary %4 output 0 of norm "n" dims [[0], [1], [2]] : tensor<2x4x6xf32>
  %6 = tpc.boundary %5 input 0 of linear "b" dims [[0], [1], [2]] : tensor<2x4x6xf32>
  %wb = tpc.use %b : tensor<4x6xf32>
  %7 = tpc.contract %6, %wb : [b, s, f], [n, f] -> [b, s, n] : (tensor<2x4x6xf32>, tensor<4x6xf32>) -> tensor<2x4x4xf32>
  // CHECK: tpc.constrain %{{.*}} to <@mesh, [{}, {}, {"tp"}]> of "b"
  %8 = tpc.boundary %7 output 0 of linear "b" dims [[0], [1], [2]] : tensor<2x4x4xf32>
  return %8 : tensor<2x4x4xf32>
}
