// RUN: tpc-opt %s --pass-pipeline='builtin.module(tpc-propagate-layouts,tpc-pad-uneven,tpc-verify-layouts,tpc-insert-reshards{policy=strict},tpc-expand-reshards,tpc-localize,tpc-verify-local,tpc-form-kernels)' -o %t.mlir
// RUN: tpc-interpret %t.mlir --against=%s --tolerance=1e-12

// Every gradient has the head dimension, and yet scores are sums over it: NaN in the padding of queries must not reach them,
// nor what is behind the last query and key of a causal mask, whatever log_sum_exp is handed in.
tpc.mesh @mesh <["dp"=5, "tp"=2]>
func.func @heads(%q: tensor<2x2x2x2x6xf64> {tpc.layout = #tpc.layout<@mesh, [{}, {?}, {?}, {?}, {"dp"}]>}, %k: tensor<2x6x2x6xf64>,
                 %o: tensor<2x2x2x2x6xf64>, %lse: tensor<2x2x2x2xf64>, %d: tensor<2x2x2x2x6xf64>) -> (tensor<2x2x2x2x6xf64>, tensor<2x6x2x6xf64>, tensor<2x6x2x6xf64>) {
  %dq, %dk, %dv = tpc.attention_grad %q, %k, %k, %o, %lse, %d scale 0.25 : tensor<2x2x2x2x6xf64>, tensor<2x6x2x6xf64>, tensor<2x2x2x2xf64>
  return %dq, %dk, %dv : tensor<2x2x2x2x6xf64>, tensor<2x6x2x6xf64>, tensor<2x6x2x6xf64>
}

func.func @causal(%q: tensor<1x3x1x2x4xf64> {tpc.layout = #tpc.layout<@mesh, [{}, {"tp"}, {}, {}, {}]>}, %k: tensor<1x3x1x4xf64>, %v: tensor<1x3x1x4xf64>,
                  %o: tensor<1x3x1x2x4xf64>, %lse: tensor<1x3x1x2xf64>, %d: tensor<1x3x1x2x4xf64>) -> (tensor<1x3x1x2x4xf64>, tensor<1x3x1x4xf64>, tensor<1x3x1x4xf64>) {
  %dq, %dk, %dv = tpc.attention_grad causal %q, %k, %v, %o, %lse, %d scale 0.5 : tensor<1x3x1x2x4xf64>, tensor<1x3x1x4xf64>, tensor<1x3x1x2xf64>
  return %dq, %dk, %dv : tensor<1x3x1x2x4xf64>, tensor<1x3x1x4xf64>, tensor<1x3x1x4xf64>
}
