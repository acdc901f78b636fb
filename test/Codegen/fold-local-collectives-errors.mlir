// RUN: tpc-opt %s --split-input-file --verify-diagnostics --tpc-fold-local-collectives
// In global form a collective over one rank has equal types and still changes the layout: its operand must not stand for it.

tpc.mesh @mesh <["dp"=1, "tp"=2]>
func.func @gather(%x: tensor<4x8xf32> {tpc.layout = #tpc.layout<@mesh, [{"dp"}, {}]>})
    -> (tensor<4x8xf32> {tpc.layout = #tpc.layout<@mesh, [{}, {}]>}) {
  // expected-error@+1 {{'tpc.all_gather' op is in its global form, where a group of one still changes the layout: run tpc-localize first}}
  %0 = tpc.all_gather %x dim 0 over @mesh ["dp"] {tpc.layouts = [#tpc.layout<@mesh, [{}, {}]>]} : tensor<4x8xf32> -> tensor<4x8xf32>
  return %0 : tensor<4x8xf32>
}

// -----

// One that would stay, its group having two ranks, says the program is not local just as well.
tpc.mesh @mesh <["dp"=1, "tp"=2]>
func.func @reduction(%x: tensor<4xf32> {tpc.layout = #tpc.layout<@mesh, [{}]>}) -> (tensor<4xf32> {tpc.layout = #tpc.layout<@mesh, [{}]>}) {
  // expected-error@+1 {{'arith.negf' op is in its global form}}
  %0 = arith.negf %x {tpc.layouts = [#tpc.layout<@mesh, [{}]>]} : tensor<4xf32>
  return %0 : tensor<4xf32>
}
