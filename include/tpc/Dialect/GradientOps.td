//===- GradientOps.td - gradients that are not compositions, the optimizer -*- tablegen -*-===//

#ifndef TPC_DIALECT_GRADIENTOPS_TD
#define TPC_DIALECT_GRADIENTOPS_TD

include "tpc/Dialect/ComputeOps.td"

def TPC_EmbeddingGradOp : TPC_ComputeOp<"embedding_grad", [TPC_Local, AttrSizedOperandSegments]> {
  let summary = "sums rows by id: the table's cotangent";
  let description = [{
    `result[r, :] = sum over (b, s) with ids[b, s] - first == r of d_result[b, s, :]`, in row-major order of (b, s).
    The table's cotangent may be f32 where d_result is narrower. To `accumulate` the sums are added, each to its row; where that is
    in the result's place, other rows are not touched.

    ```mlir
    %g = tpc.embedding_grad %ids, %dx accumulate(%other : tensor<100x16xf32>)
           : (tensor<2x8xi32>, tensor<2x8x16xf32>) -> tensor<100x16xf32>
    ```
    Constraints: (C1) d_result is ids' shape followed by the table's width. (C2) `accumulate` has the type of the result.
  }];
  let arguments = (ins TPC_Integer:$ids, TPC_Float:$d_result, Optional<Index>:$first, Optional<TPC_Float>:$accumulate);
  let results = (outs TPC_Float:$d_table);
  let assemblyFormat = [{
    $ids `,` $d_result (`first` `(` $first^ `)`)? (`accumulate` `(` $accumulate^ `:` type($accumulate) `)`)? attr-dict
    `:` `(` type($ids) `,` type($d_result) `)` `->` type($d_table)
  }];
  let hasVerifier = 1;
  let extraClassDeclaration = [{ int64_t getBytes(); }];
}

def TPC_RmsNormGradOp : TPC_ComputeOp<"rms_norm_grad", [AllTypesMatch<["input", "d_result", "d_input"]>,
                                                        AllTypesMatch<["weight", "d_weight"]>]> {
  let summary = "cotangents of rms_norm's input and weight; the statistics are recomputed";
  let description = [{
    With n the width, r = rsqrt(mean(x^2) + eps), y = x r w: d_weight = sum over rows of d_y x r (Partial where rows
    are split), d_input = r (w d_y - x r^2 / n * sum(w d_y x)). Linear in `d_result`.
    Constraints: (C1) the weight has the last dimension's size.
  }];
  let arguments = (ins TPC_Float:$input, TPC_Float:$weight, TPC_Float:$d_result, F64Attr:$eps);
  let results = (outs TPC_Float:$d_input, TPC_Float:$d_weight);
  let assemblyFormat = "$input `,` $weight `,` $d_result `eps` $eps attr-dict `:` type($input) `,` type($weight)";
  let hasVerifier = 1;
}

def TPC_LayerNormGradOp : TPC_ComputeOp<"layer_norm_grad", [AllTypesMatch<["input", "d_result", "d_input"]>,
                                                            AllTypesMatch<["weight", "d_weight", "d_bias"]>]> {
  let summary = "cotangents of layer_norm's input, weight and bias; the statistics are recomputed";
  let description = [{
    With n the width, r = rsqrt(var(x) + eps), z = (x - mean(x)) r, y = z w + b: d_weight = sum over rows of d_y z and
    d_bias = sum over rows of d_y (Partial where rows are split),
    d_input = r (w d_y - sum(w d_y) / n - z / n * sum(w d_y z)). Linear in `d_result`.
    Constraints: (C1) the weight has the last dimension's size.
  }];
  let arguments = (ins TPC_Float:$input, TPC_Float:$weight, TPC_Float:$d_result, F64Attr:$eps);
  let results = (outs TPC_Float:$d_input, TPC_Float:$d_weight, TPC_Float:$d_bias);
  let assemblyFormat = "$input `,` $weight `,` $d_result `eps` $eps attr-dict `:` type($input) `,` type($weight)";
  let hasVerifier = 1;
}

def TPC_AttentionGradOp : TPC_ComputeOp<"attention_grad", [AllTypesMatch<["q", "out", "d_out", "d_q"]>,
                                                           AllTypesMatch<["k", "v", "d_k", "d_v"]>]> {
  let summary = "cotangents of attention's q, k, v; probabilities are recomputed from log_sum_exp";
  let description = [{ d_k and d_v sum over the query heads g of a group: Partial where g is split. Shapes as in `tpc.attention`. }];
  let arguments = (ins TPC_Float:$q, TPC_Float:$k, TPC_Float:$v, TPC_Float:$out, TPC_Float:$log_sum_exp,
                       TPC_Float:$d_out, F64Attr:$scale, UnitAttr:$causal);
  let results = (outs TPC_Float:$d_q, TPC_Float:$d_k, TPC_Float:$d_v);
  let assemblyFormat = [{
    (`causal` $causal^)? $q `,` $k `,` $v `,` $out `,` $log_sum_exp `,` $d_out `scale` $scale attr-dict
    `:` type($q) `,` type($k) `,` type($log_sum_exp)
  }];
  let hasVerifier = 1;
  let extraClassDeclaration = [{
    ::tpc::WorkKind getWorkKind() { return ::tpc::WorkKind::AttentionGrad; }
    int64_t getModelFlops(bool masked);
  }];
}

def TPC_CrossEntropyGradOp : TPC_ComputeOp<"cross_entropy_grad", [TPC_Local, AllTypesMatch<["logits", "d_logits"]>,
                                           AllTypesMatch<["log_sum_exp", "d_target_logit", "d_log_sum_exp"]>]> {
  let summary = "cotangent of cross_entropy's logits";
  let description = [{
    `d_logits[b, s, j] = exp(logits[b, s, j] - log_sum_exp[b, s]) * d_log_sum_exp[b, s]
                       + (targets[b, s] == first + j ? d_target_logit[b, s] : 0)`.
    Constraints: (C1) targets and log_sum_exp have the shape of the logits but for the last dimension.
  }];
  let arguments = (ins TPC_Float:$logits, TPC_Integer:$targets, TPC_Float:$log_sum_exp, TPC_Float:$d_target_logit,
                       TPC_Float:$d_log_sum_exp, Optional<Index>:$first);
  let results = (outs TPC_Float:$d_logits);
  let assemblyFormat = [{
    $logits `,` $targets `,` $log_sum_exp `,` $d_target_logit `,` $d_log_sum_exp (`first` `(` $first^ `)`)? attr-dict
    `:` type($logits) `,` type($targets) `,` type($log_sum_exp)
  }];
  let hasVerifier = 1;
}

def TPC_AdamWOp : TPC_ComputeOp<"adamw", [AllTypesMatch<["param", "gradient", "exp_avg", "exp_avg_sq", "new_param",
                                                         "new_exp_avg", "new_exp_avg_sq"]>]> {
  let summary = "one step of AdamW";
  let description = [{
    Loshchilov and Hutter 2019, as PyTorch's `torch.optim.AdamW` computes it. With g = scale * gradient and t = step:
    m' = beta1 m + (1 - beta1) g; v' = beta2 v + (1 - beta2) g^2;
    p' = p (1 - lr weight_decay) - lr (m' / (1 - beta1^t)) / (sqrt(v' / (1 - beta2^t)) + eps).
    `scale` is the clipping coefficient. `step` counts from 1.
  }];
  let arguments = (ins TPC_Float:$param, TPC_Float:$gradient, TPC_Float:$exp_avg, TPC_Float:$exp_avg_sq,
                       TPC_FloatScalar:$scale, TPC_FloatScalar:$learning_rate, TPC_FloatScalar:$beta1,
                       TPC_FloatScalar:$beta2, TPC_FloatScalar:$eps, TPC_FloatScalar:$weight_decay,
                       TPC_IntegerScalar:$step);
  let results = (outs TPC_Float:$new_param, TPC_Float:$new_exp_avg, TPC_Float:$new_exp_avg_sq);
  let assemblyFormat = [{
    $param `,` $gradient `,` $exp_avg `,` $exp_avg_sq `scale` `(` $scale `)` `lr` `(` $learning_rate `)`
    `betas` `(` $beta1 `,` $beta2 `)` `eps` `(` $eps `)` `weight_decay` `(` $weight_decay `)` `step` `(` $step `)`
    attr-dict `:` type($param) `,` type($scale) `,` type($learning_rate) `,` type($beta1) `,` type($beta2) `,`
    type($eps) `,` type($weight_decay) `,` type($step)
  }];
}

#endif // TPC_DIALECT_GRADIENTOPS_TD
