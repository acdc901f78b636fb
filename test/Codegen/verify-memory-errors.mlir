// RUN: tpc-opt %s --tpc-verify-memory --split-input-file --verify-diagnostics
// Plans with one mistake each.

// expected-error @below {{expects tpc.arena on the module; tpc-plan-memory attaches it}}
module {}

// -----

module attributes {tpc.arena = {private = 128 : i64, shared = 0 : i64}} {
  func.func private @k(%a: tensor<16xf32>) -> tensor<16xf32> attributes {tpc.kernel} { return %a : tensor<16xf32> }
  // expected-note @below {{the value}}
  func.func @overwritten(%x: tensor<16xf32> {tpc.slot = #tpc.slot<private, offset = 0, bytes = 64, activations>}) {
    %0 = tpc.launch @k(%x) {tpc.slots = [#tpc.slot<private, offset = 64, bytes = 64, activations>]} : (tensor<16xf32>) -> tensor<16xf32>
    // expected-error @below {{result is written over a value that is still needed (C2)}}
    %1 = tpc.launch @k(%0) {tpc.slots = [#tpc.slot<private, offset = 0, bytes = 64, activations>]} : (tensor<16xf32>) -> tensor<16xf32>
    %2 = tpc.launch @k(%x) {tpc.slots = [#tpc.slot<private, offset = 64, bytes = 64, activations>]} : (tensor<16xf32>) -> tensor<16xf32>
    return
  }
}

// -----

// The operand dies, but its kernel does not allow the result over it.
module attributes {tpc.arena = {private = 128 : i64, shared = 0 : i64}} {
  func.func private @k(%a: tensor<16xf32>) -> tensor<16xf32> attributes {tpc.kernel} { return %a : tensor<16xf32> }
  // expected-note @below {{the value}}
  func.func @not_in_place(%x: tensor<16xf32> {tpc.slot = #tpc.slot<private, offset = 0, bytes = 64, activations>}) {
    // expected-error @below {{result is written over a value that is still needed (C2)}}
    %0 = tpc.launch @k(%x) {tpc.slots = [#tpc.slot<private, offset = 0, bytes = 64, activations>]} : (tensor<16xf32>) -> tensor<16xf32>
    return
  }
}

// -----

// A product may lie over what it accumulates on, not over its factors.
module attributes {tpc.arena = {private = 192 : i64, shared = 0 : i64}} {
  func.func @factor(%w: tensor<4x4xf32> {tpc.slot = #tpc.slot<private, offset = 0, bytes = 64, activations>},
                    // expected-note @below {{the value}}
                    %x: tensor<4x4xf32> {tpc.slot = #tpc.slot<private, offset = 64, bytes = 64, activations>},
                    %y: tensor<4x4xf32> {tpc.slot = #tpc.slot<private, offset = 128, bytes = 64, activations>}) {
    %0 = tpc.contract %x, %w accumulate %y : [s, k], [n, k] -> [s, n] {tpc.slots = [#tpc.slot<private, offset = 128, bytes = 64, activations>]} : (tensor<4x4xf32>, tensor<4x4xf32>) -> tensor<4x4xf32>
    // expected-error @below {{result is written over a value that is still needed (C2)}}
    %1 = tpc.contract %x, %w accumulate %0 : [s, k], [n, k] -> [s, n] {tpc.slots = [#tpc.slot<private, offset = 64, bytes = 64, activations>]} : (tensor<4x4xf32>, tensor<4x4xf32>) -> tensor<4x4xf32>
    return
  }
}

// -----

module attributes {tpc.arena = {private = 128 : i64, shared = 0 : i64}} {
  func.func private @k(%a: tensor<16xf32>) -> tensor<16xf32> attributes {tpc.kernel} { return %a : tensor<16xf32> }
  func.func @parameter(%p: tensor<16xf32> {tpc.param = #tpc.param<"w", shape = [16], kind = norm, fan_in = 1>, tpc.slot = #tpc.slot<private, offset = 0, bytes = 64, parameters>}) {
    return
  }
  func.func @other(%x: tensor<16xf32> {tpc.slot = #tpc.slot<private, offset = 64, bytes = 64, activations>}) {
    // expected-error @below {{is written over parameter 'w' (C3)}}
    %0 = tpc.launch @k(%x) {tpc.slots = [#tpc.slot<private, offset = 0, bytes = 64, activations>]} : (tensor<16xf32>) -> tensor<16xf32>
    return
  }
}

// -----

module attributes {tpc.arena = {private = 192 : i64, shared = 0 : i64}} {
  func.func @here(%p: tensor<32xf32> {tpc.param = #tpc.param<"w", shape = [32], kind = norm, fan_in = 1>, tpc.slot = #tpc.slot<private, offset = 0, bytes = 128, parameters>}) {
    return
  }
  // expected-error @below {{parameter 'v' overlaps 'w' (C3)}}
  func.func @there(%p: tensor<32xf32> {tpc.param = #tpc.param<"v", shape = [32], kind = norm, fan_in = 1>, tpc.slot = #tpc.slot<private, offset = 64, bytes = 128, parameters>}) {
    return
  }
}

// -----

module attributes {tpc.arena = {private = 128 : i64, shared = 0 : i64}} {
  // expected-note @below {{the other entry}}
  func.func @here(%p: tensor<16xf32> {tpc.param = #tpc.param<"w", shape = [16], kind = norm, fan_in = 1>, tpc.slot = #tpc.slot<private, offset = 0, bytes = 64, parameters>}) {
    return
  }
  // expected-error @below {{parameter 'w' lies elsewhere in another entry (C3)}}
  func.func @there(%p: tensor<16xf32> {tpc.param = #tpc.param<"w", shape = [16], kind = norm, fan_in = 1>, tpc.slot = #tpc.slot<private, offset = 64, bytes = 64, parameters>}) {
    return
  }
}

// -----

module attributes {tpc.arena = {private = 128 : i64, shared = 0 : i64}} {
  func.func private @k(%a: tensor<16xf32>) -> tensor<16xf32> attributes {tpc.kernel} { return %a : tensor<16xf32> }
  func.func @moved(%x: tensor<16xf32> {tpc.slot = #tpc.slot<private, offset = 0, bytes = 64, activations>})
      -> (tensor<16xf32> {tpc.alias = 0 : i64, tpc.slot = #tpc.slot<private, offset = 64, bytes = 64, activations>}) {
    %0 = tpc.launch @k(%x) {tpc.slots = [#tpc.slot<private, offset = 64, bytes = 64, activations>]} : (tensor<16xf32>) -> tensor<16xf32>
    // expected-error @below {{result 0 does not lie in argument 0 that it updates (C4)}}
    return %0 : tensor<16xf32>
  }
}

// -----

module attributes {tpc.arena = {private = 128 : i64, shared = 0 : i64}} {
  func.func private @k(%a: tensor<16xf32>) -> tensor<16xf32> attributes {tpc.kernel} { return %a : tensor<16xf32> }
  func.func @outside(%x: tensor<16xf32> {tpc.slot = #tpc.slot<private, offset = 0, bytes = 64, activations>}) {
    // expected-error @below {{expects a slot inside the region (C1), got an end of 192}}
    %0 = tpc.launch @k(%x) {tpc.slots = [#tpc.slot<private, offset = 128, bytes = 64, activations>]} : (tensor<16xf32>) -> tensor<16xf32>
    return
  }
}

// -----

module attributes {tpc.arena = {private = 128 : i64, shared = 0 : i64}} {
  func.func private @k(%a: tensor<16xf32>) -> tensor<16xf32> attributes {tpc.kernel} { return %a : tensor<16xf32> }
  func.func @crooked(%x: tensor<4xf32> {tpc.slot = #tpc.slot<private, offset = 0, bytes = 16, activations>}) {
    // expected-error @below {{expects an offset that is a multiple of 64 (C1), got 16}}
    %0 = tensor.expand_shape %x [[0, 1]] output_shape [2, 2] {tpc.slots = [#tpc.slot<private, offset = 16, bytes = 16, activations>]} : tensor<4xf32> into tensor<2x2xf32>
    return
  }
}

// -----

// 8 keys need 4 x 2 x 64 x 8 = 4096 bytes per thread.
module attributes {tpc.arena = {private = 704 : i64, shared = 0 : i64, workspace_per_thread = 2048 : i64}} {
  func.func @too_small(%q: tensor<1x8x1x2x4xf32> {tpc.slot = #tpc.slot<private, offset = 0, bytes = 256, activations>},
                       %k: tensor<1x8x1x4xf32> {tpc.slot = #tpc.slot<private, offset = 256, bytes = 128, activations>}) {
    // expected-error @below {{expects a workspace of at least 4096 and at most 2048 bytes per thread (C5), got 2048}}
    %o, %l = tpc.attention causal %q, %k, %k scale 0.5 {tpc.slots = [#tpc.slot<private, offset = 384, bytes = 256, activations>, #tpc.slot<private, offset = 640, bytes = 64, activations>, #tpc.slot<private, offset = 704, bytes = 2048, workspace>]} : tensor<1x8x1x2x4xf32>, tensor<1x8x1x4xf32> -> tensor<1x8x1x2xf32>
    return
  }
}

// -----

module attributes {tpc.arena = {private = 8192 : i64, shared = 0 : i64, workspace_per_thread = 4096 : i64}} {
  func.func @among_values(%q: tensor<1x8x1x2x4xf32> {tpc.slot = #tpc.slot<private, offset = 0, bytes = 256, activations>},
                          %k: tensor<1x8x1x4xf32> {tpc.slot = #tpc.slot<private, offset = 256, bytes = 128, activations>}) {
    // expected-error @below {{expects a workspace at the end of the private region (C5)}}
    %o, %l = tpc.attention causal %q, %k, %k scale 0.5 {tpc.slots = [#tpc.slot<private, offset = 384, bytes = 256, activations>, #tpc.slot<private, offset = 640, bytes = 64, activations>, #tpc.slot<private, offset = 704, bytes = 4096, workspace>]} : tensor<1x8x1x2x4xf32>, tensor<1x8x1x4xf32> -> tensor<1x8x1x2xf32>
    return
  }
}

// -----

// A kernel between start and wait writes where the operand lies, which the collective still reads.
module attributes {tpc.arena = {private = 192 : i64, shared = 0 : i64}} {
  tpc.mesh @mesh <["tp"=2]>
  func.func private @one() -> tensor<16xf32> attributes {tpc.kernel} { %0 = arith.constant dense<1.0> : tensor<16xf32> return %0 : tensor<16xf32> }
  func.func @operand_under_way() {
    // expected-note @below {{the value}}
    %x = tpc.launch @one() {tpc.slots = [#tpc.slot<private, offset = 0, bytes = 64, activations>]} : () -> tensor<16xf32>
    %p = tpc.all_reduce sum %x over @mesh ["tp"] : tensor<16xf32> -> !tpc.pending<tensor<16xf32>>
    // expected-error @below {{result is written over a value that is still needed (C2)}}
    %y = tpc.launch @one() {tpc.slots = [#tpc.slot<private, offset = 0, bytes = 64, activations>]} : () -> tensor<16xf32>
    %r = tpc.wait %p {tpc.slots = [#tpc.slot<private, offset = 128, bytes = 64, activations>]} : !tpc.pending<tensor<16xf32>>
    return
  }
}

// -----

// The same where the result will lie, although no one reads the result.
module attributes {tpc.arena = {private = 192 : i64, shared = 0 : i64}} {
  tpc.mesh @mesh <["tp"=2]>
  func.func private @one() -> tensor<16xf32> attributes {tpc.kernel} { %0 = arith.constant dense<1.0> : tensor<16xf32> return %0 : tensor<16xf32> }
  func.func @result_under_way() {
    %x = tpc.launch @one() {tpc.slots = [#tpc.slot<private, offset = 0, bytes = 64, activations>]} : () -> tensor<16xf32>
    %p = tpc.all_gather %x dim 0 over @mesh ["tp"] : tensor<16xf32> -> !tpc.pending<tensor<32xf32>>
    // expected-error @below {{result is written over a value that is still needed (C2)}}
    %y = tpc.launch @one() {tpc.slots = [#tpc.slot<private, offset = 128, bytes = 64, activations>]} : () -> tensor<16xf32>
    // expected-note @below {{the value}}
    %r = tpc.wait %p {tpc.slots = [#tpc.slot<private, offset = 64, bytes = 128, activations>]} : !tpc.pending<tensor<32xf32>>
    return
  }
}

// -----

// In place of an operand that someone reads before the wait.
module attributes {tpc.arena = {private = 192 : i64, shared = 0 : i64}} {
  tpc.mesh @mesh <["tp"=2]>
  func.func private @one() -> tensor<16xf32> attributes {tpc.kernel} { %0 = arith.constant dense<1.0> : tensor<16xf32> return %0 : tensor<16xf32> }
  func.func private @k(%a: tensor<16xf32>) -> tensor<16xf32> attributes {tpc.kernel} { return %a : tensor<16xf32> }
  func.func @read_under_way() {
    // expected-note @below {{the value}}
    %x = tpc.launch @one() {tpc.slots = [#tpc.slot<private, offset = 0, bytes = 64, activations>]} : () -> tensor<16xf32>
    // expected-error @below {{result is written over a value that is still needed (C2)}}
    %p = tpc.all_reduce sum %x over @mesh ["tp"] : tensor<16xf32> -> !tpc.pending<tensor<16xf32>>
    %y = tpc.launch @k(%x) {tpc.slots = [#tpc.slot<private, offset = 64, bytes = 64, activations>]} : (tensor<16xf32>) -> tensor<16xf32>
    %r = tpc.wait %p {tpc.slots = [#tpc.slot<private, offset = 0, bytes = 64, activations>]} : !tpc.pending<tensor<16xf32>>
    return
  }
}

// -----

// A part begins where its operand does, and so many bytes later.
module attributes {tpc.arena = {private = 512 : i64, shared = 0 : i64}} {
  func.func @part(%x: tensor<8x16xf32> {tpc.slot = #tpc.slot<private, offset = 0, bytes = 512, activations>}) {
    // expected-error @below {{expects the slot of its operand, or its part of that (C1)}}
    %0 = tensor.extract_slice %x[2, 0] [4, 16] [1, 1] {tpc.slots = [#tpc.slot<private, offset = 64, bytes = 256, activations>]} : tensor<8x16xf32> to tensor<4x16xf32>
    return
  }
}

// -----

// What is read of a part keeps the whole from being written over.
module attributes {tpc.arena = {private = 576 : i64, shared = 0 : i64}} {
  func.func private @k(%a: tensor<16xf32>) -> tensor<16xf32> attributes {tpc.kernel} { return %a : tensor<16xf32> }
  func.func @kept(%y: tensor<16xf32> {tpc.slot = #tpc.slot<private, offset = 512, bytes = 64, activations>},
                  // expected-note @below {{the value}}
                  %x: tensor<8x16xf32> {tpc.slot = #tpc.slot<private, offset = 0, bytes = 512, activations>}) {
    %0 = tensor.extract_slice %x[7, 0] [1, 16] [1, 1] {tpc.slots = [#tpc.slot<private, offset = 448, bytes = 64, activations>]} : tensor<8x16xf32> to tensor<1x16xf32>
    %flat = tensor.collapse_shape %0 [[0, 1]] {tpc.slots = [#tpc.slot<private, offset = 448, bytes = 64, activations>]} : tensor<1x16xf32> into tensor<16xf32>
    // expected-error @below {{result is written over a value that is still needed (C2)}}
    %1 = tpc.launch @k(%y) {tpc.slots = [#tpc.slot<private, offset = 0, bytes = 64, activations>]} : (tensor<16xf32>) -> tensor<16xf32>
    %2 = tpc.launch @k(%flat) {tpc.slots = [#tpc.slot<private, offset = 512, bytes = 64, activations>]} : (tensor<16xf32>) -> tensor<16xf32>
    return
  }
}
