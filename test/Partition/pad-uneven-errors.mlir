// RUN: tpc-opt %s --tpc-pad-uneven --split-input-file --verify-diagnostics

// A norm divides by its width.
tpc.mesh @mesh <["tp"=2]>
func.func @norm(%x: tensor<2x5xf32> {tpc.layout = #tpc.layout<@mesh, [{}, {}]>},
                // expected-note @below {{it is split into 2 parts here}}
                %w: tensor<5xf32> {tpc.layout = #tpc.layout<@mesh, [{"tp"}]>})
    -> (tensor<2x5xf32> {tpc.layout = #tpc.layout<@mesh, [{}, {}]>}) {
  // expected-error @below {{needs dimension 1 of 'tensor<2x5xf32>' at its exact size, but it is padded to 6: split it into parts that divide 5}}
  %0 = tpc.rms_norm %x, %w eps 1.0e-5 {tpc.layouts = [#tpc.layout<@mesh, [{}, {}]>]} : tensor<2x5xf32>, tensor<5xf32>
  return %0 : tensor<2x5xf32>
}

// -----

// A rotation pairs the halves of a head.
tpc.mesh @mesh <["tp"=4]>
// expected-note @below {{it is split into 4 parts here}}
func.func @rope(%x: tensor<1x2x1x6xf32> {tpc.layout = #tpc.layout<@mesh, [{}, {}, {}, {"tp"}]>},
                %cos: tensor<2x3xf32> {tpc.layout = #tpc.layout<@mesh, [{}, {}]>},
                %sin: tensor<2x3xf32> {tpc.layout = #tpc.layout<@mesh, [{}, {}]>})
    -> (tensor<1x2x1x6xf32> {tpc.layout = #tpc.layout<@mesh, [{}, {}, {}, {}]>}) {
  // expected-error @below {{needs dimension 3 of 'tensor<1x2x1x6xf32>' at its exact size, but it is padded to 8: split it into parts that divide 6}}
  %0 = tpc.rope %x, %cos, %sin {tpc.layouts = [#tpc.layout<@mesh, [{}, {}, {}, {}]>]} : tensor<1x2x1x6xf32>, tensor<2x3xf32>
  return %0 : tensor<1x2x1x6xf32>
}

// -----

// Padding would lie between the elements of the collapsed dimension.
tpc.mesh @mesh <["tp"=2]>
// expected-note @below {{it is split into 2 parts here}}
func.func @collapse(%x: tensor<4x3xf32> {tpc.layout = #tpc.layout<@mesh, [{}, {"tp"}]>})
    -> (tensor<12xf32> {tpc.layout = #tpc.layout<@mesh, [{}]>}) {
  // expected-error @below {{needs dimension 1 of 'tensor<4x3xf32>' at its exact size, but it is padded to 4: split it into parts that divide 3}}
  %0 = tensor.collapse_shape %x [[0, 1]] {tpc.layouts = [#tpc.layout<@mesh, [{}]>]} : tensor<4x3xf32> into tensor<12xf32>
  return %0 : tensor<12xf32>
}

// -----

// Without a causal mask every query sees the keys of the padding.
tpc.mesh @mesh <["tp"=2]>
// expected-note @below {{it is split into 2 parts here}}
func.func @attention(%x: tensor<1x3x1x4xf32> {tpc.layout = #tpc.layout<@mesh, [{}, {"tp"}, {}, {}]>},
                     %q: tensor<1x3x1x1x4xf32> {tpc.layout = #tpc.layout<@mesh, [{}, {}, {}, {}, {}]>})
    -> (tensor<1x3x1x1x4xf32> {tpc.layout = #tpc.layout<@mesh, [{}, {}, {}, {}, {}]>}) {
  // expected-error @below {{needs dimension 1 of 'tensor<1x3x1x4xf32>' at its exact size, but it is padded to 4: split it into parts that divide 3}}
  %0, %1 = tpc.attention %q, %x, %x scale 0.5 {tpc.layouts = [#tpc.layout<@mesh, [{}, {}, {}, {}, {}]>, #tpc.layout<@mesh, [{}, {}, {}, {}]>]} : tensor<1x3x1x1x4xf32>, tensor<1x3x1x4xf32> -> tensor<1x3x1x1xf32>
  return %0 : tensor<1x3x1x1x4xf32>
}

// -----

// expected-warning @below {{dimension 0 of a value, of size 3, is padded to 4: ranks idle for 25 % of the work on it}}
tpc.mesh @mesh <["tp"=2]>
func.func @constant() -> (tensor<3xf32> {tpc.layout = #tpc.layout<@mesh, [{"tp"}]>}) {
  // expected-error @below {{cannot be padded to 'tensor<4xf32>': its elements differ}}
  %0 = arith.constant {tpc.layouts = [#tpc.layout<@mesh, [{"tp"}]>]} dense<[1.0, 2.0, 3.0]> : tensor<3xf32>
  return %0 : tensor<3xf32>
}

// -----

tpc.mesh @mesh <["tp"=2]>
func.func @open(%x: tensor<3xf32> {tpc.layout = #tpc.layout<@mesh, [{"tp"}]>}) -> tensor<3xf32> {
  // expected-error @below {{a tensor has no layout: run tpc-propagate-layouts first}}
  %0 = arith.negf %x : tensor<3xf32>
  return %0 : tensor<3xf32>
}
