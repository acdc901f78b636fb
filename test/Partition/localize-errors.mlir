// RUN: tpc-opt %s --tpc-localize --split-input-file --verify-diagnostics

// Every op must fit its rule: a missing reduction or gather is found here, not at run time.
tpc.mesh @mesh <["tp"=2]>
func.func @operands_differ(%a: tensor<4x8xf32> {tpc.layout = #tpc.layout<@mesh, [{}, {"tp"}]>},
                           %b: tensor<8x6xf32> {tpc.layout = #tpc.layout<@mesh, [{}, {}]>})
    -> (tensor<4x6xf32> {tpc.layout = #tpc.layout<@mesh, [{}, {}]>}) {
  // expected-error @+1 {{'tpc.contract' op operand 1 must be Shard(0) on tp to fit the rule ([m, k], [k, n]) -> [m, n] reduce {k}, got Replicate; run tpc-insert-reshards first}}
  %0 = tpc.contract %a, %b : [m, k], [k, n] -> [m, n] {tpc.layouts = [#tpc.layout<@mesh, [{}, {}]>]} : (tensor<4x8xf32>, tensor<8x6xf32>) -> tensor<4x6xf32>
  return %0 : tensor<4x6xf32>
}

// -----

tpc.mesh @mesh <["tp"=2]>
func.func @forgotten_sum(%a: tensor<4x8xf32> {tpc.layout = #tpc.layout<@mesh, [{}, {"tp"}]>},
                         %b: tensor<8x6xf32> {tpc.layout = #tpc.layout<@mesh, [{"tp"}, {}]>})
    -> (tensor<4x6xf32> {tpc.layout = #tpc.layout<@mesh, [{}, {}]>}) {
  // expected-error @+1 {{'tpc.contract' op result 0 must be Partial(sum) on tp to fit the rule ([m, k], [k, n]) -> [m, n] reduce {k}, got Replicate}}
  %0 = tpc.contract %a, %b : [m, k], [k, n] -> [m, n] {tpc.layouts = [#tpc.layout<@mesh, [{}, {}]>]} : (tensor<4x8xf32>, tensor<8x6xf32>) -> tensor<4x6xf32>
  return %0 : tensor<4x6xf32>
}

// -----

// The classic mistake.
tpc.mesh @mesh <["tp"=2]>
func.func @square_of_summands(%a: tensor<4x8xf32> {tpc.layout = #tpc.layout<@mesh, [{}, {"tp"}]>})
    -> (tensor<f32> {tpc.layout = #tpc.layout<@mesh, []>}) {
  %0 = tpc.reduce sum %a dims [1] {tpc.layouts = [#tpc.layout<@mesh, [{}], partial = sum {"tp"}>]} : tensor<4x8xf32> -> tensor<4xf32>
  // expected-error @+1 {{'tpc.sum_squares' op operand 0 must be Replicate to fit the rule ([a]) -> [] reduce {a}, got Partial(sum) on tp}}
  %1 = tpc.sum_squares %0 {tpc.layouts = [#tpc.layout<@mesh, []>]} : tensor<4xf32> -> tensor<f32>
  return %1 : tensor<f32>
}

// -----

tpc.mesh @mesh <["tp"=2]>
func.func @product_of_sums(%a: tensor<4x8xf32> {tpc.layout = #tpc.layout<@mesh, [{}, {"tp"}]>})
    -> (tensor<4xf32> {tpc.layout = #tpc.layout<@mesh, [{}]>}) {
  %0 = tpc.reduce sum %a dims [1] {tpc.layouts = [#tpc.layout<@mesh, [{}], partial = sum {"tp"}>]} : tensor<4x8xf32> -> tensor<4xf32>
  // expected-error @+1 {{'arith.mulf' op mesh axis 'tp' is used in two ways by operands of the rule ([a], [a]) -> [a]}}
  %1 = arith.mulf %0, %0 {tpc.layouts = [#tpc.layout<@mesh, [{}], partial = sum {"tp"}>]} : tensor<4xf32>
  return %1 : tensor<4xf32>
}

// -----

// Adding a whole value to summands would count it once per rank.
tpc.mesh @mesh <["tp"=2]>
func.func @whole_plus_summand(%a: tensor<4x8xf32> {tpc.layout = #tpc.layout<@mesh, [{}, {"tp"}]>},
                              %b: tensor<4xf32> {tpc.layout = #tpc.layout<@mesh, [{}]>})
    -> (tensor<4xf32> {tpc.layout = #tpc.layout<@mesh, [{}]>}) {
  %0 = tpc.reduce sum %a dims [1] {tpc.layouts = [#tpc.layout<@mesh, [{}], partial = sum {"tp"}>]} : tensor<4x8xf32> -> tensor<4xf32>
  // expected-error @+1 {{'arith.addf' op operand 0 must be Replicate to fit the rule ([a], [a]) -> [a], got Partial(sum) on tp}}
  %1 = arith.addf %0, %b {tpc.layouts = [#tpc.layout<@mesh, [{}], partial = sum {"tp"}>]} : tensor<4xf32>
  return %1 : tensor<4xf32>
}

// -----

tpc.mesh @mesh <["tp"=2]>
func.func @normalized_dimension(%x: tensor<4x8xf32> {tpc.layout = #tpc.layout<@mesh, [{}, {"tp"}]>},
                                %w: tensor<8xf32> {tpc.layout = #tpc.layout<@mesh, [{"tp"}]>})
    -> (tensor<4x8xf32> {tpc.layout = #tpc.layout<@mesh, [{}, {"tp"}]>}) {
  // expected-error @+1 {{'tpc.rms_norm' op factor 'b' of ([a, b], [b]) -> [a, b] replicate {b} must be whole, got it split over 'tp'}}
  %0 = tpc.rms_norm %x, %w eps 1.0e-5 {tpc.layouts = [#tpc.layout<@mesh, [{}, {"tp"}]>]} : tensor<4x8xf32>, tensor<8xf32>
  return %0 : tensor<4x8xf32>
}

// -----

tpc.mesh @mesh <["tp"=2]>
func.func @inside_a_head(%x: tensor<4x6xf32> {tpc.layout = #tpc.layout<@mesh, [{}, {"tp"}]>})
    -> (tensor<4x3x2xf32> {tpc.layout = #tpc.layout<@mesh, [{}, {}, {"tp"}]>}) {
  // expected-error @+1 {{'tensor.expand_shape' op operand 0 is Shard(1) on tp, which splits inside a factor of the rule ([a, (b c)]) -> [a, b, c]}}
  %0 = tensor.expand_shape %x [[0], [1, 2]] output_shape [4, 3, 2] {tpc.layouts = [#tpc.layout<@mesh, [{}, {}, {"tp"}]>]} : tensor<4x6xf32> into tensor<4x3x2xf32>
  return %0 : tensor<4x3x2xf32>
}

// -----

tpc.mesh @mesh <["tp"=2]>
func.func @constant() -> (tensor<4xf32> {tpc.layout = #tpc.layout<@mesh, [{"tp"}]>}) {
  // expected-error @+1 {{'arith.constant' op cannot be split over ranks: its elements differ}}
  %0 = arith.constant {tpc.layouts = [#tpc.layout<@mesh, [{"tp"}]>]} dense<[1.0, 2.0, 3.0, 4.0]> : tensor<4xf32>
  return %0 : tensor<4xf32>
}

// -----

tpc.mesh @mesh <["tp"=2]>
func.func @result(%x: tensor<4xf32> {tpc.layout = #tpc.layout<@mesh, [{"tp"}]>}) -> (tensor<4xf32> {tpc.layout = #tpc.layout<@mesh, [{}]>}) {
  // expected-error @+1 {{'func.return' op operand 0 must be Replicate as the function's result, got Shard(0) on tp; run tpc-insert-reshards first}}
  return %x : tensor<4xf32>
}

// -----

tpc.mesh @mesh <["tp"=2]>
func.func @reshard(%x: tensor<4xf32> {tpc.layout = #tpc.layout<@mesh, [{"tp"}]>}) -> (tensor<4xf32> {tpc.layout = #tpc.layout<@mesh, [{}]>}) {
  // expected-error @+1 {{'tpc.reshard' op cannot be localized: run tpc-apply-plan, tpc-insert-reshards and tpc-expand-reshards first}}
  %0 = tpc.reshard %x to <@mesh, [{}]> {tpc.layouts = [#tpc.layout<@mesh, [{}]>]} : tensor<4xf32>
  return %0 : tensor<4xf32>
}

// -----

tpc.mesh @mesh <["tp"=4]>
// expected-error @+1 {{argument 0 dimension 0 of size 6 cannot be split evenly over 'tp' (4 parts); choose a size that is a multiple of 4}}
func.func @uneven(%x: tensor<6xf32> {tpc.layout = #tpc.layout<@mesh, [{"tp"}]>}) {
  return
}

// -----

tpc.mesh @mesh <["tp"=2]>
func.func @no_layout(%x: tensor<4xf32> {tpc.layout = #tpc.layout<@mesh, [{"tp"}]>}) {
  // expected-error @+1 {{'arith.negf' op has no layout: run tpc-propagate-layouts first}}
  %0 = arith.negf %x : tensor<4xf32>
  return
}
