//===- ComputeOps.td - what a transformer computes ---------------*- tablegen -*-===//
//
// Letters: b batch, s query positions, t key positions, k hidden, h key/value heads, g query heads per key/value
// head, d head dimension, v vocabulary.
//
//===----------------------------------------------------------------------===//

#ifndef TPC_DIALECT_COMPUTEOPS_TD
#define TPC_DIALECT_COMPUTEOPS_TD

include "tpc/Dialect/TPCOpBase.td"

class TPC_ComputeOp<string mnemonic, list<Trait> traits = []>
    : TPC_Op<mnemonic, !listconcat([Pure, TPC_Rule, TPC_Cost], traits)>;

def TPC_ContractOp : TPC_ComputeOp<"contract", [TPC_Grad]> {
  let summary = "einsum of two operands";
  let description = [{
    Sums the product over the letters that the result lacks. `equation` is stored as NumPy writes it.

    ```mlir
    %y = tpc.contract %x, %w : [b, s, k], [n, k] -> [b, s, n]
           : (tensor<8x512x768xf32>, tensor<3072x768xf32>) -> tensor<8x512x3072xf32>
    ```

    Operands of bf16 are summed in f32; the sum is rounded once, or, as the gradient of a weight, returned as it is.

    ```mlir
    %dw = tpc.contract %dy, %x : [b, s, n], [b, s, k] -> [n, k]
            : (tensor<8x512x3072xbf16>, tensor<8x512x768xbf16>) -> tensor<3072x768xf32>
    ```

    `accumulate` is added to the sum before it is rounded; libraries do that where they store the product.

    ```mlir
    %h = tpc.contract %a, %w accumulate %x : [b, s, k], [n, k] -> [b, s, n]
           : (tensor<8x512x768xf32>, tensor<768x768xf32>) -> tensor<8x512x768xf32>
    ```

    Constraints: (C1) one letter per dimension. (C2) no letter twice in one operand or in the result. (C3) a letter
    has one size everywhere. (C4) every letter of the result is in an operand. (C5) one element type of the operands,
    and of the result the same, or f32 for operands narrower than that. (C6) a letter of one operand alone is in the result.
    (C7) `accumulate` has the type of the result.
  }];
  let arguments = (ins TPC_Float:$lhs, TPC_Float:$rhs, Optional<TPC_Float>:$accumulate, StrAttr:$equation);
  let results = (outs TPC_Float:$result);
  let hasCustomAssemblyFormat = 1;
  let hasVerifier = 1;
  /// `elementType` is that of the operands unless another is given.
  let builders = [OpBuilder<(ins "::mlir::Value":$lhs, "::mlir::Value":$rhs, "::llvm::StringRef":$equation,
                                 CArg<"::mlir::Type", "{}">:$elementType)>];
  let extraClassDeclaration = [{
    ::tpc::Contraction getContraction();
    /// The letters of lhs, rhs and result.
    ::llvm::StringRef getLhsDims() { return getContraction().lhsDims; }
    ::llvm::StringRef getRhsDims() { return getContraction().rhsDims; }
    ::llvm::StringRef getResultDims() { return getContraction().resultDims; }
    ::tpc::WorkKind getWorkKind() { return ::tpc::WorkKind::Contract; }
    int64_t getModelFlops(bool masked);
  }];
}

def TPC_ReduceOp : TPC_ComputeOp<"reduce", [TPC_Grad]> {
  let summary = "sum, maximum or minimum over dimensions";
  let description = [{
    ```mlir
    %s = tpc.reduce sum %x dims [0, 1] : tensor<4x8x16xf32> -> tensor<16xf32>
    ```
    Constraints: (C1) `dims` are sorted, distinct and in range. (C2) the result has the other dimensions in order.
  }];
  let arguments = (ins TPC_ReductionKindAttr:$kind, TPC_Tensor:$input, DenseI64ArrayAttr:$dims);
  let results = (outs TPC_Tensor:$result);
  let assemblyFormat = "custom<ReductionKind>($kind) $input `dims` $dims attr-dict `:` type($input) `->` type($result)";
  let hasFolder = 1;
  let hasVerifier = 1;
}

def TPC_BroadcastOp : TPC_ComputeOp<"broadcast", [TPC_Grad]> {
  let summary = "repeats a value along new dimensions";
  let description = [{
    Dimension i of the operand is dimension `dims[i]` of the result (StableHLO's broadcast_dimensions).
    ```mlir
    %y = tpc.broadcast %w dims [2] : tensor<16xf32> -> tensor<4x8x16xf32>
    ```
    Constraints: (C1) one entry of `dims` per operand dimension, sorted, distinct, in range. (C2) equal sizes.
  }];
  let arguments = (ins TPC_Tensor:$input, DenseI64ArrayAttr:$dims);
  let results = (outs TPC_Tensor:$result);
  let assemblyFormat = "$input `dims` $dims attr-dict `:` type($input) `->` type($result)";
  let hasFolder = 1;
  let hasVerifier = 1;
}

def TPC_TransposeOp : TPC_ComputeOp<"transpose", [TPC_Grad]> {
  let summary = "permutes dimensions";
  let description = [{
    Dimension i of the result is dimension `permutation[i]` of the operand.
    Constraints: (C1) `permutation` is one. (C2) the sizes agree.
  }];
  let arguments = (ins TPC_Tensor:$input, DenseI64ArrayAttr:$permutation);
  let results = (outs TPC_Tensor:$result);
  let assemblyFormat = "$input `permutation` $permutation attr-dict `:` type($input) `->` type($result)";
  let hasFolder = 1;
  let hasVerifier = 1;
}

def TPC_EmbeddingOp : TPC_ComputeOp<"embedding", [TPC_Grad, TPC_Local]> {
  let summary = "rows of a table by id";
  let description = [{
    `result[b, s, :] = table[ids[b, s] - first, :]`; an id outside the table contributes zeros, so that a
    vocabulary shard's results are summands. `first` (default 0) is the first id of the shard.

    ```mlir
    %x = tpc.embedding %ids, %table : (tensor<2x8xi32>, tensor<100x16xf32>) -> tensor<2x8x16xf32>
    ```
    Constraints: (C1) the result is ids' shape followed by the table's width. (C2) the table's and the result's element
    types are one.
  }];
  let arguments = (ins TPC_Integer:$ids, TPC_Float:$table, Optional<Index>:$first);
  let results = (outs TPC_Float:$result);
  let assemblyFormat = [{
    $ids `,` $table (`first` `(` $first^ `)`)? attr-dict `:` `(` type($ids) `,` type($table) `)` `->` type($result)
  }];
  let hasVerifier = 1;
  let extraClassDeclaration = [{ int64_t getBytes(); }];
}

def TPC_RmsNormOp : TPC_ComputeOp<"rms_norm", [TPC_Grad, AllTypesMatch<["input", "result"]>]> {
  let summary = "x * rsqrt(mean(x^2) + eps) * weight over the last dimension";
  let description = [{
    Zhang and Sennrich 2019. Computed in f32 where the element type is narrower, and rounded once. Constraints: (C1) the weight has the last dimension's size.
  }];
  let arguments = (ins TPC_Float:$input, TPC_Float:$weight, F64Attr:$eps);
  let results = (outs TPC_Float:$result);
  let assemblyFormat = "$input `,` $weight `eps` $eps attr-dict `:` type($input) `,` type($weight)";
  let hasVerifier = 1;
}

def TPC_LayerNormOp : TPC_ComputeOp<"layer_norm", [TPC_Grad, AllTypesMatch<["input", "result"]>,
                                                   AllTypesMatch<["weight", "bias"]>]> {
  let summary = "(x - mean(x)) * rsqrt(var(x) + eps) * weight + bias over the last dimension";
  let description = [{
    Ba, Kiros and Hinton 2016; the variance is that of the population (divided by the width), as in
    `torch.nn.LayerNorm`.

    ```mlir
    %y = tpc.layer_norm %x, %w, %b eps 1.0e-5 : tensor<2x8x16xf32>, tensor<16xf32>
    ```
    Constraints: (C1) weight and bias have the last dimension's size.
  }];
  let arguments = (ins TPC_Float:$input, TPC_Float:$weight, TPC_Float:$bias, F64Attr:$eps);
  let results = (outs TPC_Float:$result);
  let assemblyFormat = "$input `,` $weight `,` $bias `eps` $eps attr-dict `:` type($input) `,` type($weight)";
  let hasVerifier = 1;
}

def TPC_DropoutOp : TPC_ComputeOp<"dropout", [TPC_Grad, TPC_Local, AllTypesMatch<["input", "result"]>]> {
  let summary = "zeroes elements at random and scales the others; the same ones on every mesh";
  let description = [{
    Srivastava et al. 2014, inverted. Element i (row-major in `global_shape`) is kept, times 1 / (1 - probability), if
    draw i of (seed, stream) is at least `probability`, else it is 0; the draws are those of `tpc.init`
    (runtime/include/tpc_random.h). Linear, with a diagonal matrix: its gradient is the same op on the cotangent. After
    localization `offsets` are where the shard starts in the global shape.

    ```mlir
    %y = tpc.dropout %x seed(%seed) probability 0.1 stream "model.layers.0.mlp" global [2, 8, 16]
           : tensor<2x8x16xf32>, tensor<i64>
    ```
    Constraints: (C1) `global_shape` has the operand's rank, at most 8. (C2) there is one offset per dimension; or
    none, and no dimension is smaller than the global one (the rest is padding). (C3) `probability` is at least 0 and below 1. (C4) `stream` is not empty.
  }];
  let arguments = (ins TPC_Float:$input, TPC_IntegerScalar:$seed, F64Attr:$probability, StrAttr:$stream,
                       DenseI64ArrayAttr:$global_shape, Variadic<Index>:$offsets);
  let results = (outs TPC_Float:$result);
  let assemblyFormat = [{
    $input `seed` `(` $seed `)` `probability` $probability `stream` $stream `global` $global_shape
    (`offsets` `(` $offsets^ `)`)? attr-dict `:` type($input) `,` type($seed)
  }];
  let hasVerifier = 1;
}

def TPC_RopeTableOp : TPC_ComputeOp<"rope_table", [TPC_Local]> {
  let summary = "cosines and sines of position * frequency";
  let description = [{
    `cos[s, i] = scale * cos((first + s) * frequencies[i])`, in float64 before rounding. One frequency per pair of
    head dimensions; `scale` is Hugging Face's attention_scaling (1 for default, linear and llama3).

    ```mlir
    %cos, %sin = tpc.rope_table frequencies [1.0, 0.1] scale 1.0 : tensor<8x2xf32>
    ```
    Constraints: (C1) as many frequencies as the results' last dimension.
  }];
  let arguments = (ins DenseF64ArrayAttr:$frequencies, F64Attr:$scale, Optional<Index>:$first);
  let results = (outs TPC_Float:$cos, TPC_Float:$sin);
  let assemblyFormat = [{
    `frequencies` custom<Numbers>($frequencies) `scale` $scale (`first` `(` $first^ `)`)? attr-dict `:` type($cos) `,` type($sin)
  }];
  let hasVerifier = 1;
}

def TPC_RopeOp : TPC_ComputeOp<"rope", [TPC_Grad, AllTypesMatch<["input", "result"]>,
                                        AllTypesMatch<["cos", "sin"]>]> {
  let summary = "rotary position embedding, half-split";
  let description = [{
    Su et al. 2021, in Hugging Face's half-split form: with x = (x1, x2) along the last dimension,
    `(x1 cos - x2 sin, x2 cos + x1 sin)`. `inverse` rotates back (its transpose, hence the gradient). Dimension 1 is the position, the
    last the head dimension, all others are batch.

    ```mlir
    %r = tpc.rope %q, %cos, %sin : tensor<2x8x3x4x64xf32>, tensor<8x32xf32>
    ```
    Constraints: (C1) the tables are [positions, head_dim / 2]. (C2) the input's rank is at least 3.
  }];
  let arguments = (ins TPC_Float:$input, TPC_Float:$cos, TPC_Float:$sin, UnitAttr:$inverse);
  let results = (outs TPC_Float:$result);
  let assemblyFormat = "(`inverse` $inverse^)? $input `,` $cos `,` $sin attr-dict `:` type($input) `,` type($cos)";
  let hasVerifier = 1;
}

def TPC_AttentionOp : TPC_ComputeOp<"attention", [TPC_Grad, AllTypesMatch<["q", "out"]>, AllTypesMatch<["k", "v"]>]> {
  let summary = "softmax(scale q k^T) v with grouped key/value heads";
  let description = [{
    q: [b, s, h, g, d]; k, v: [b, t, h, d]; out: [b, s, h, g, d]; log_sum_exp: [b, s, h, g] of the scaled scores, f32
    for narrower operands, kept for the gradient. Scores, softmax and sums are f32 for narrower operands, too. Causal: query i sees keys j <= i + t - s. A query that sees no key gets zeros and a
    log_sum_exp of -inf. head dimensions and positions are never split; heads and batch may be.

    ```mlir
    %o, %lse = tpc.attention causal %q, %k, %v scale 0.125
        : tensor<2x8x3x4x64xf32>, tensor<2x8x3x64xf32> -> tensor<2x8x3x4xf32>
    ```
    Constraints: (C1) ranks 5, 4, 4. (C2) b, h, d agree; k and v have one type. (C3) log_sum_exp is [b, s, h, g].
  }];
  let arguments = (ins TPC_Float:$q, TPC_Float:$k, TPC_Float:$v, F64Attr:$scale, UnitAttr:$causal);
  let results = (outs TPC_Float:$out, TPC_Float:$log_sum_exp);
  let assemblyFormat = [{
    (`causal` $causal^)? $q `,` $k `,` $v `scale` $scale attr-dict `:` type($q) `,` type($k) `->` type($log_sum_exp)
  }];
  let builders = [OpBuilder<(ins "::mlir::Value":$q, "::mlir::Value":$k, "::mlir::Value":$v, "double":$scale,
                                 "bool":$causal)>];
  let hasVerifier = 1;
  let extraClassDeclaration = [{
    ::tpc::WorkKind getWorkKind() { return ::tpc::WorkKind::Attention; }
    int64_t getModelFlops(bool masked);
  }];
}

def TPC_CrossEntropyOp : TPC_ComputeOp<"cross_entropy", [TPC_Grad, TPC_Local, AllTypesMatch<["target_logit", "log_sum_exp"]>]> {
  let summary = "the two terms of the cross-entropy: loss = log_sum_exp - target_logit";
  let description = [{
    logits: [b, s, v], targets: [b, s] ids; results [b, s]. A target outside [first, first + v) picks 0, so on a
    vocabulary shard `target_logit` is a summand; `log_sum_exp` of shards is joined by localization (a maximum and
    a sum), which is loss parallelism. Narrow logits are read as f32; the results are f32.

    ```mlir
    %t, %lse = tpc.cross_entropy %logits, %targets : (tensor<2x8x100xf32>, tensor<2x8xi32>) -> tensor<2x8xf32>
    ```
    Constraints: (C1) targets and results have the shape of the logits but for the last dimension.
  }];
  let arguments = (ins TPC_Float:$logits, TPC_Integer:$targets, Optional<Index>:$first);
  let results = (outs TPC_Float:$target_logit, TPC_Float:$log_sum_exp);
  let assemblyFormat = [{
    $logits `,` $targets (`first` `(` $first^ `)`)? attr-dict
    `:` `(` type($logits) `,` type($targets) `)` `->` type($target_logit)
  }];
  let hasVerifier = 1;
}

def TPC_SumSquaresOp : TPC_ComputeOp<"sum_squares"> {
  let summary = "sum of the squares of all elements, a scalar";
  let description = [{ Not linear: a Partial operand must be reduced first (squaring summands is the classic mistake). }];
  let arguments = (ins TPC_Float:$input);
  let results = (outs TPC_FloatScalar:$result);
  let assemblyFormat = "$input attr-dict `:` type($input) `->` type($result)";
}

def TPC_InitOp : TPC_ComputeOp<"init", [TPC_Local]> {
  let summary = "a parameter's initial value, the same on every mesh";
  let description = [{
    Element i (row-major in `global_shape`) is a function of (seed, parameter name, i): Philox4x32-10, see
    runtime/include/tpc_random.h. What the result has beyond `global_shape` (padding) is 0. Scheme 0 (normal): weights N(0, initializer_range), biases 0, norms 1. Scheme 1
    (torch): linear weights and biases U(+-1/sqrt(fan_in)), embeddings N(0, 1), norms 1. After localization
    `offsets` are where the shard starts in the global shape.

    ```mlir
    %w = tpc.init seed(%seed) scheme(%scheme) <"lm_head.weight", shape = [8, 4], kind = linear, fan_in = 4>
           range 0.02 global [8, 4] : (tensor<i64>, tensor<i32>) -> tensor<8x4xf32>
    ```
    Constraints: (C1) `global_shape` has the result's rank, at most 8. (C2) there is one offset per dimension;
    or none, and no dimension is smaller than the global one.
  }];
  let arguments = (ins TPC_IntegerScalar:$seed, TPC_IntegerScalar:$scheme, TPC_ParamAttr:$param,
                       F64Attr:$initializer_range, DenseI64ArrayAttr:$global_shape, Variadic<Index>:$offsets);
  let results = (outs TPC_Float:$result);
  let assemblyFormat = [{
    `seed` `(` $seed `)` `scheme` `(` $scheme `)` $param `range` $initializer_range `global` $global_shape
    (`offsets` `(` $offsets^ `)`)? attr-dict `:` `(` type($seed) `,` type($scheme) `)` `->` type($result)
  }];
  let hasVerifier = 1;
}

def TPC_WithinOp : TPC_ComputeOp<"within", [TPC_Local]> {
  let summary = "the mask of the elements before an index along a dimension";
  let description = [{
    `result[i] = first + i[dim] < extent`. With `arith.select` it keeps padding out of sums: what padding holds is
    undefined, and 0 times NaN is NaN. After localization `first` is where the shard starts along `dim`.

    ```mlir
    %m = tpc.within 510 dim 1 : tensor<2x512x768xi1>
    ```
    Constraints: (C1) `dim` is in range. (C2) `extent` is positive.
  }];
  let arguments = (ins I64Attr:$extent, I64Attr:$dim, Optional<Index>:$first);
  let results = (outs TPC_Mask:$result);
  let assemblyFormat = "$extent `dim` $dim (`first` `(` $first^ `)`)? attr-dict `:` type($result)";
  let hasVerifier = 1;
}

#endif // TPC_DIALECT_COMPUTEOPS_TD
