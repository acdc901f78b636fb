// RUN: tpc-opt %s --tpc-verify-local --split-input-file --verify-diagnostics

tpc.mesh @mesh <["tp"=2]>
// expected-error @+1 {{argument 0 still has tpc.layout (P1): check tpc-localize}}
func.func @layout(%x: tensor<4xf32> {tpc.layout = #tpc.layout<@mesh, [{"tp"}]>}) {
  return
}

// -----

tpc.mesh @mesh <["tp"=2]>
// expected-error @+1 {{argument 0 has no tpc.global (P3): check tpc-localize}}
func.func @no_global(%x: tensor<4xf32>) {
  return
}

// -----

tpc.mesh @mesh <["tp"=2]>
// expected-error @+1 {{argument 0 is no shard of its tpc.global (P3): check tpc-localize; got 'tensor<4xf32>'}}
func.func @wrong_shape(%x: tensor<4xf32> {tpc.global = #tpc.global<[4], <@mesh, [{"tp"}]>>}) {
  return
}

// -----

tpc.mesh @mesh <["tp"=2]>
func.func @constrain(%x: tensor<4xf32> {tpc.global = #tpc.global<[4], <@mesh, [{}]>>}) {
  // expected-error @+1 {{'tpc.constrain' op is left (P2): check tpc-insert-reshards}}
  %0 = tpc.constrain %x to <@mesh, [{}]> : tensor<4xf32>
  return
}

// -----

tpc.mesh @mesh <["tp"=2]>
func.func @reshard(%x: tensor<4xf32> {tpc.global = #tpc.global<[4], <@mesh, [{}]>>}) {
  // expected-error @+1 {{'tpc.reshard' op is left (P2): check tpc-expand-reshards}}
  %0 = tpc.reshard %x to <@mesh, [{}]> : tensor<4xf32>
  return
}

// -----

tpc.mesh @mesh <["tp"=2]>
func.func @global_form(%x: tensor<4xf32> {tpc.global = #tpc.global<[8], <@mesh, [{"tp"}]>>}) {
  // expected-error @+1 {{'tpc.all_gather' op still has tpc.layouts (P1, P4): check tpc-localize}}
  %0 = tpc.all_gather %x dim 0 over @mesh ["tp"] {tpc.layouts = [#tpc.layout<@mesh, [{}]>]} : tensor<4xf32> -> tensor<4xf32>
  return
}
