// RUN: tpc-opt %s --tpc-pad-uneven --split-input-file --verify-diagnostics

tpc.mesh @mesh <["tp"=2]>
func.func @open(%x: tensor<3xf32> {tpc.layout = #tpc.layout<@mesh, [{"tp"}]>}) -> tensor<3xf32> {
  // expected-error @below {{has no layout: run tpc-propagate-layouts first}}
  %0 = arith.negf %x : tensor<3xf32>
  return %0 : tensor<3xf32>
}

// -----

tpc.mesh @mesh <["tp"=2]>
// expected-error @below {{argument 1 has no layout: run tpc-propagate-layouts first}}
func.func @argument(%x: tensor<3xf32> {tpc.layout = #tpc.layout<@mesh, [{"tp"}]>}, %y: tensor<3xf32>) {
  return
}

// -----

// expected-error @below {{needs exactly one tpc.mesh, got 0}}
module {
  func.func @meshless() {
    return
  }
}

// -----

tpc.mesh @mesh <["tp"=2]>
func.func @loop(%x: tensor<3xf32> {tpc.layout = #tpc.layout<@mesh, [{"tp"}]>}, %from: index, %to: index) {
  // expected-error @below {{has a region: control flow cannot be partitioned}}
  scf.for %i = %from to %to step %from {
  }
  return
}
