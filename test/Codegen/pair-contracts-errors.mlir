// RUN: tpc-opt %s --tpc-pair-contracts --split-input-file --verify-diagnostics

// expected-error @+1 {{tpc.target}}
module attributes {tpc.target = {name = "tpu"}} {
  func.func @f() { return }
}
