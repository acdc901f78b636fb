// RUN: tpc-opt %s --tpc-insert-reshards --split-input-file --verify-diagnostics

tpc.mesh @mesh <["tp"=2]>
func.func @no_layout(%x: tensor<4xf32>) { // expected-error {{argument 0 has no layout: run tpc-propagate-layouts first}}
  return
}

// -----

tpc.mesh @mesh <["tp"=2]>
func.func @no_layout(%x: tensor<4xf32> {tpc.layout = #tpc.layout<@mesh, [{}]>}) {
  %0 = arith.negf %x : tensor<4xf32> // expected-error {{'arith.negf' op has no layout: run tpc-propagate-layouts first}}
  return
}

// -----

tpc.mesh @mesh <["tp"=2]>
// expected-error @+1 {{result 0 has no layout: run tpc-propagate-layouts first}}
func.func @no_result_layout(%x: tensor<4xf32> {tpc.layout = #tpc.layout<@mesh, [{}]>}) -> tensor<4xf32> {
  return %x : tensor<4xf32>
}

// -----

tpc.mesh @mesh <["tp"=2]>
func.func @partial(%x: tensor<4xf32> {tpc.layout = #tpc.layout<@mesh, [{}], partial = sum {"tp"}>}) { // expected-error {{expects no Partial layout, it is assigned here; got Partial(sum) on tp}}
  return
}

// -----

tpc.mesh @mesh <["tp"=4]>
func.func @uneven(%x: tensor<4x6xf32> {tpc.layout = #tpc.layout<@mesh, [{}, {}]>}) {
  // expected-error @+1 {{'arith.negf' op dimension 1 of size 6 cannot be split evenly over 'tp' (4 parts); choose a size that is a multiple of 4, a smaller mesh axis, or leave this dimension whole}}
  %0 = arith.negf %x {tpc.layouts = [#tpc.layout<@mesh, [{}, {"tp"}]>]} : tensor<4x6xf32>
  return
}

// -----

tpc.mesh @mesh <["tp"=4]>
func.func @uneven_request(%x: tensor<6xf32> {tpc.layout = #tpc.layout<@mesh, [{}]>}) {
  // expected-error @+1 {{'tpc.constrain' op dimension 0 of size 6 cannot be split evenly over 'tp' (4 parts)}}
  %0 = tpc.constrain %x to <@mesh, [{"tp"}]> {tpc.layouts = [#tpc.layout<@mesh, [{}]>]} : tensor<6xf32>
  return
}

// -----

tpc.mesh @mesh <["tp"=2]>
func.func @request_of_summands(%x: tensor<4xf32> {tpc.layout = #tpc.layout<@mesh, [{}]>}) {
  // expected-error @+1 {{'tpc.constrain' op cannot be made Partial(sum) on tp, got Replicate}}
  %0 = tpc.constrain %x to <@mesh, [{}], partial = sum {"tp"}> {tpc.layouts = [#tpc.layout<@mesh, [{}]>]} : tensor<4xf32>
  return
}

// -----

tpc.mesh @mesh <["tp"=2]>
func.func @boundary(%x: tensor<4xf32> {tpc.layout = #tpc.layout<@mesh, [{}]>}) {
  // expected-error @+1 {{'tpc.boundary' op has no layout to offer: run tpc-apply-plan first}}
  %0 = tpc.boundary %x input 0 of norm "n" dims [[0]] {tpc.layouts = [#tpc.layout<@mesh, [{}]>]} : tensor<4xf32>
  return
}

// -----

tpc.mesh @mesh <["tp"=2]>
func.func @rule(%x: tensor<4xf32> {tpc.layout = #tpc.layout<@mesh, [{}]>}) {
  %s = arith.constant {tpc.layouts = [#tpc.layout<@mesh, [{}]>]} dense<[2, 2]> : tensor<2xi32>
  // expected-error @+1 {{'tensor.reshape' op has no sharding rule}}
  %0 = tensor.reshape %x(%s) {tpc.layouts = [#tpc.layout<@mesh, [{}, {}]>]} : (tensor<4xf32>, tensor<2xi32>) -> tensor<2x2xf32>
  return
}

// -----

// expected-error @+1 {{needs exactly one tpc.mesh, got 2}}
module {
  tpc.mesh @mesh <["tp"=2]>
  tpc.mesh @other <["tp"=2]>
}

// -----

tpc.mesh @mesh <["tp"=2]>
func.func @region() {
  // expected-error @+1 {{'tensor.generate' op has a region: control flow cannot be partitioned}}
  %0 = tensor.generate {
  ^bb0(%i: index):
    %c = arith.constant 1.0 : f32
    tensor.yield %c : f32
  } {tpc.layouts = [#tpc.layout<@mesh, [{}]>]} : tensor<4xf32>
  return
}
