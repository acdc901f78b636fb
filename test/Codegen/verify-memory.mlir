// RUN: tpc-opt %s --tpc-verify-memory | FileCheck %s
// Slots that may be shared: the first value is dead when the third is written over it, and a kernel that allows it
// writes over its own operand.

// CHECK-LABEL: @reused
module attributes {tpc.arena = {private = 128 : i64, shared = 0 : i64}} {
  func.func private @k(%a: tensor<16xf32>) -> tensor<16xf32> attributes {tpc.kernel} { return %a : tensor<16xf32> }
  func.func private @inplace(%a: tensor<16xf32>) -> tensor<16xf32> attributes {tpc.kernel = {extent = 16 : i64, grain = 16 : i64, in_place = [[0]]}} { return %a : tensor<16xf32> }
  func.func @reused(%x: tensor<16xf32> {tpc.slot = #tpc.slot<private, offset = 0, bytes = 64, activations>}) {
    %0 = tpc.launch @k(%x) {tpc.slots = [#tpc.slot<private, offset = 64, bytes = 64, activations>]} : (tensor<16xf32>) -> tensor<16xf32>
    // CHECK: tpc.launch @k
    %1 = tpc.launch @k(%0) {tpc.slots = [#tpc.slot<private, offset = 0, bytes = 64, activations>]} : (tensor<16xf32>) -> tensor<16xf32>
    %2 = tpc.launch @inplace(%1) {tpc.slots = [#tpc.slot<private, offset = 0, bytes = 64, activations>]} : (tensor<16xf32>) -> tensor<16xf32>
    return
  }
}
