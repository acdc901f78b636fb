// RUN: tpc-opt %s --split-input-file --verify-diagnostics --tpc-verify-layouts

tpc.mesh @mesh <["tp"=2]>
// expected-error@+1 {{result 0 has no layout (L1); is tpc-propagate-layouts at fault?}}
func.func @l1(
    // expected-error@+1 {{argument 0 of @l1 has no layout (L1); is tpc-propagate-layouts at fault?}}
    %x: tensor<4xf32>) -> tensor<4xf32> {
  // expected-error@+1 {{'arith.negf' op result 0 has no layout (L1); is tpc-propagate-layouts at fault?}}
  %0 = arith.negf %x : tensor<4xf32>
  return %0 : tensor<4xf32>
}

// -----

tpc.mesh @mesh <["tp"=2]>
func.func @l3(%x: tensor<4xf32> {tpc.layout = #tpc.layout<@mesh, [{}]>}) {
  // expected-error@+1 {{result 0 has an open dimension (L3), got #tpc.layout<@mesh, [{?}]>; is tpc-propagate-layouts at fault?}}
  %0 = arith.negf %x {tpc.layouts = [#tpc.layout<@mesh, [{?}]>]} : tensor<4xf32>
  return
}

// -----

tpc.mesh @mesh <["tp"=2]>
func.func @l4(%x: tensor<4xf32> {tpc.layout = #tpc.layout<@mesh, [{}]>}) {
  // expected-error@+1 {{result 0 is Partial (L4), got #tpc.layout<@mesh, [{}], partial = sum {"tp"}>}}
  %0 = arith.negf %x {tpc.layouts = [#tpc.layout<@mesh, [{}], partial = sum {"tp"}>]} : tensor<4xf32>
  return
}

// -----

tpc.mesh @mesh <["tp"=2]>
func.func @l5(
    // expected-error@+1 {{argument 0 of @l5 has a dimension that its axes do not divide (L5), got #tpc.layout<@mesh, [{"tp"}]> on 'tensor<5xf32>'}}
    %x: tensor<5xf32> {tpc.layout = #tpc.layout<@mesh, [{"tp"}]>}) {
  return
}

// -----

tpc.mesh @mesh <["dp"=2, "tp"=2]>
func.func @l6(%x: tensor<4x4xf32> {tpc.layout = #tpc.layout<@mesh, [{}, {}]>}) {
  // An open dimension may have taken more.
  %0 = tpc.constrain %x to <@mesh, [{?}, {"tp"}]> {tpc.layouts = [#tpc.layout<@mesh, [{"dp"}, {"tp"}]>]} : tensor<4x4xf32>
  // expected-error@+1 {{'tpc.constrain' op asks for #tpc.layout<@mesh, [{}, {"tp"}]> (L6), got #tpc.layout<@mesh, [{"dp"}, {"tp"}]>}}
  %1 = tpc.constrain %x to <@mesh, [{}, {"tp"}]> {tpc.layouts = [#tpc.layout<@mesh, [{"dp"}, {"tp"}]>]} : tensor<4x4xf32>
  return
}

// -----

tpc.mesh @mesh <["tp"=2]>
func.func @l7(%x: tensor<4x4xf32> {tpc.layout = #tpc.layout<@mesh, [{}, {}]>}, %w: tensor<4xf32> {tpc.layout = #tpc.layout<@mesh, [{}]>}) {
  // expected-error@+1 {{'tpc.rms_norm' op needs dimension 1 whole (L7), got #tpc.layout<@mesh, [{}, {"tp"}]>}}
  %0 = tpc.rms_norm %x, %w eps 1.0e-5 {tpc.layouts = [#tpc.layout<@mesh, [{}, {"tp"}]>]} : tensor<4x4xf32>, tensor<4xf32>
  return
}

// -----

tpc.mesh @mesh <["tp"=2]>
func.func @part_of_a_split_dimension(%x: tensor<4x4xf32> {tpc.layout = #tpc.layout<@mesh, [{"tp"}, {}]>}) -> (tensor<2x4xf32> {tpc.layout = #tpc.layout<@mesh, [{"tp"}, {}]>}) {
  // expected-error@+1 {{'tensor.extract_slice' op needs dimension 0 whole (L7), got #tpc.layout<@mesh, [{"tp"}, {}]>}}
  %0 = tensor.extract_slice %x[1, 0] [2, 4] [1, 1] {tpc.layouts = [#tpc.layout<@mesh, [{"tp"}, {}]>]} : tensor<4x4xf32> to tensor<2x4xf32>
  return %0 : tensor<2x4xf32>
}

// -----

tpc.mesh @mesh <["tp"=2]>
func.func @joined_along_a_split_dimension(%x: tensor<4xf32> {tpc.layout = #tpc.layout<@mesh, [{}]>}) -> (tensor<8xf32> {tpc.layout = #tpc.layout<@mesh, [{"tp"}]>}) {
  // expected-error@+1 {{'tensor.concat' op needs dimension 0 whole (L7), got #tpc.layout<@mesh, [{"tp"}]>}}
  %0 = tensor.concat dim(0) %x, %x {tpc.layouts = [#tpc.layout<@mesh, [{"tp"}]>]} : (tensor<4xf32>, tensor<4xf32>) -> tensor<8xf32>
  return %0 : tensor<8xf32>
}
