// RUN: tpc-opt %s --tpc-expand-reshards --split-input-file --verify-diagnostics

tpc.mesh @mesh <["tp"=4]>
func.func @no_layout(%a: tensor<8xf32>) -> tensor<8xf32> { // expected-error {{argument 0 has no layout: run tpc-propagate-layouts first}}
  %0 = tpc.reshard %a to <@mesh, [{"tp"}]> : tensor<8xf32>
  return %0 : tensor<8xf32>
}

// -----

tpc.mesh @mesh <["tp"=4]>
func.func @uneven(%a: tensor<6xf32> {tpc.layout = #tpc.layout<@mesh, [{}]>}) -> tensor<6xf32> {
  // expected-error @+1 {{'tpc.reshard' op dimension 0 of size 6 cannot be split evenly over 'tp' (4 parts); choose a size that is a multiple of 4, a smaller mesh axis, or leave this dimension whole}}
  %0 = tpc.reshard %a to <@mesh, [{"tp"}]> : tensor<6xf32>
  return %0 : tensor<6xf32>
}

// -----

tpc.mesh @mesh <["tp"=4]>
func.func @partial(%a: tensor<8xf32> {tpc.layout = #tpc.layout<@mesh, [{}]>}) -> tensor<8xf32> {
  // expected-error @+1 {{'tpc.reshard' op cannot make Partial(sum) on tp out of Replicate: only an op's result becomes Partial}}
  %0 = tpc.reshard %a to <@mesh, [{}], partial = sum {"tp"}> : tensor<8xf32>
  return %0 : tensor<8xf32>
}

// -----

// expected-error @+1 {{needs exactly one tpc.mesh, got 0}}
module {
}
