// RUN: not tpc-opt %s --split-input-file --tpc-plan-memory --tpc-build-manifest=cpu=pentium-9 2>&1 | FileCheck %s --check-prefix=CPU
// RUN: tpc-opt %s --split-input-file --tpc-build-manifest=cpu=x86-64-v2 --verify-diagnostics

// CPU: unknown processor 'pentium-9': --cpu takes native, x86-64-v2, x86-64-v3, x86-64-v4 or a name that LLVM knows
// expected-error @below {{expects one tpc.mesh}}
module {}

// -----

// expected-error @below {{expects planned memory; tpc-plan-memory attaches tpc.arena}}
module {
  tpc.mesh @mesh <["tp"=2]>
}

// -----

module attributes {tpc.arena = {private = 64 : i64, shared = 0 : i64}} {
  tpc.mesh @mesh <["tp"=2]>
  // expected-error @below {{type 'tensor<4xf16>' cannot cross the program's interface}}
  func.func @half(%x: tensor<4xf16> {tpc.slot = #tpc.slot<private, offset = 0, bytes = 8, activations>}) {
    return
  }
}

// -----

module attributes {tpc.arena = {private = 64 : i64, shared = 0 : i64}} {
  tpc.mesh @mesh <["tp"=2]>
  // expected-error @below {{argument 0 has no slot}}
  func.func @unplanned(%x: tensor<4xf32>) {
    return
  }
}
