// RUN: tpc-opt %s --tpc-plan-memory --split-input-file --verify-diagnostics

// expected-error @+1 {{expects tpc.target with an architecture of sm_80, sm_90, sm_100, sm_120, got 'sm_70'}}
module attributes {tpc.target = {name = "cuda", arch = "sm_70"}} {
}

// -----

// expected-error @+1 {{expects tpc.target with the name 'cpu' or 'cuda'}}
module attributes {tpc.target = {name = "rocm"}} {
}

// -----

// expected-error @+1 {{expects tpc.target with the name 'cpu' or 'cuda', got "cuda"}}
module attributes {tpc.target = "cuda"} {
}
