//===- Passes.td - fewer and larger collectives ------------------*- tablegen -*-===//

#ifndef TPC_OPTIMIZE_PASSES_TD
#define TPC_OPTIMIZE_PASSES_TD

include "mlir/Pass/PassBase.td"

def SimplifyCollectives : Pass<"tpc-simplify-collectives", "::mlir::ModuleOp"> {
  let summary = "Replaces collectives by fewer or cheaper ones with the same values.";
  let description = [{
    Precondition: local functions (`tpc-localize`); what a `tpc.shard_slice` cuts is the same on all ranks of its
    group. Postcondition: the same values, up to the order of sums, with at most the traffic.

    Here S and R are lists of axes, and "once" means that the inner value has no other use.

    | before | after | |
    |---|---|---|
    | two equal collectives of one value | one | `tpc.barrier` keeps them apart |
    | `shard_slice` of `all_gather`, one dimension, S leads the gather's axes | `all_gather` over the others, or nothing | |
    | `shard_slice` of `all_gather`, other dimension, equal axes | `all_to_all` | once |
    | `shard_slice` of `all_gather`, other dimension and axes | `all_gather` of `shard_slice` | once |
    | `shard_slice` over S of `all_reduce` over S and R | `reduce_scatter` over S, `all_reduce` over R | once |
    | `shard_slice` over S of `all_reduce` over R | `all_reduce` of `shard_slice` | once |
    | `all_gather` of `shard_slice`, one dimension, equal axes | the operand | |
    | `all_gather` of `reduce_scatter`, one dimension, equal axes | `all_reduce` | once |
    | `all_gather` of `all_gather`, one dimension | one `all_gather` | once |
    | `shard_slice` of `shard_slice`, one dimension | one `shard_slice` | |
    | `all_reduce` of `all_reduce` of one kind | one `all_reduce` | once |
    | sum or difference of two equal reductions | the reduction of the sum | once |
    | a collective without a use | nothing | |

    With `keep-gathers` the rows in which a gather meets a slice are left out: under `--plan-policy=strict` a plan that
    gathers a value gets it gathered, although only a part is used then.

    ```mlir
    %1 = tpc.all_reduce sum %x over @mesh ["tp"] : tensor<8x4xf32>
    %2 = tpc.shard_slice %1 dim 0 over @mesh ["tp"] : tensor<8x4xf32> -> tensor<4x4xf32>
    // becomes
    %2 = tpc.reduce_scatter sum %x dim 0 over @mesh ["tp"] : tensor<8x4xf32> -> tensor<4x4xf32>
    ```
  }];
  let options = [
    Option<"keepGathers", "keep-gathers", "bool", "false", "a gathered value stays gathered though it is cut again">
  ];
  let statistics = [
    Statistic<"numMerged", "merged", "collectives that repeated another">,
    Statistic<"numScattered", "scattered", "slices that met an all_reduce or another slice">,
    Statistic<"numGathers", "gathers-moved", "gathers that met a slice, a scatter or another gather, or moved behind a slice">,
    Statistic<"numSums", "sums-joined", "pairs of reductions that became one">,
    Statistic<"numCollectives", "saved-collectives", "collectives less">,
    Statistic<"numBytes", "saved-bytes", "bytes less that a rank receives">
  ];
  let dependentDialects = ["::mlir::arith::ArithDialect", "::tpc::TPCDialect"];
}

def CombineCollectives : Pass<"tpc-combine-collectives", "::mlir::ModuleOp"> {
  let summary = "Lets small independent collectives of one kind travel as one.";
  let description = [{
    Precondition: local functions. Postcondition: the same values; several collectives of the same kind, mesh axes and
    element type, none of which depends on another, are one op with several operands, if each has at most
    `max-member-bytes` (of a shard) and all together at most `max-bytes`.

    - **all_reduces**: it stands where the last of them stood; what uses an earlier result moves behind it. The 25
      norm-weight gradients of a Llama and the sum of squares for clipping are an example.
    - **all_gathers and reduce_scatters** along one dimension and for one phase of the step, if on `machine` the latency of
      each is more than its transfer. Nothing else moves: it stands where the first of them stood, if the operands of
      the others exist there (or are casts, reshapes and slices of what does), such as the parameters of a layer; or where the
      last stood, if no result is used before, such as gradients. At most `max-distance` matrix products and attentions
      lie between the first and the last, about a layer: what is needed at different times need not be in memory together.

    ```mlir
    %1 = tpc.all_reduce sum %a over @mesh ["tp"] : tensor<768xf32>
    %2 = arith.negf %1 : tensor<768xf32>
    %3 = tpc.all_reduce sum %b over @mesh ["tp"] : tensor<f32>
    // becomes
    %1:2 = tpc.all_reduce sum %a, %b over @mesh ["tp"] : tensor<768xf32>, tensor<f32>
    %2 = arith.negf %1#0 : tensor<768xf32>
    ```
  }];
  let options = [
    Option<"maxMemberBytes", "max-member-bytes", "int64_t", "1048576", "what is larger travels alone">,
    Option<"maxBytes", "max-bytes", "int64_t", "33554432", "largest combined operand or result">,
    Option<"maxDistance", "max-distance", "int64_t", "9", "most matrix products and attentions between gathers or scatters that travel together">,
    Option<"machine", "machine", "std::string", "\"shared-memory\"", "what times are taken from: a preset or a YAML file">
  ];
  let statistics = [
    Statistic<"numCombined", "combined", "collectives that now travel together">,
    Statistic<"numCollectives", "saved-collectives", "collectives less">,
    Statistic<"numBytes", "saved-bytes", "bytes less that a rank receives; combining saves latency only">
  ];
  let dependentDialects = ["::tpc::TPCDialect"];
}

def SplitCollectives : Pass<"tpc-split-collectives", "::mlir::ModuleOp"> {
  let summary = "Splits gathers before matrix products, and scatters behind them, into pieces that overlap.";
  let description = [{
    Precondition: local functions; collectives synchronous. Postcondition: the same values; an `all_gather` of activations whose
    result matrix products read, and a `reduce_scatter` of a matrix product, are 2 or 4 collectives of a part of the rows of each
    shard, each followed (preceded) by the product of these rows. So `tpc-overlap-collectives` can compute one piece while
    the next is under way. A scatter can be of a part of the columns of all rows as well: that needs a part of the weight
    and all of the activations, so what is copied to cut it is often less. Products of a piece have at least `min-rows` rows, or
    `min-columns` columns, and a piece moves what can be under way. No sum is split, so each element is summed as before.

    Whole stay gathers of parameters, in whatever precision, which can be started early instead, and scatters of gradients that
    nothing needs before the update (`tpc.update`).

    By cost: on links of `machine` that are asynchronous, if what is hidden is more than the latency of the pieces, the
    copies that cut and join them, and what independent products hide of the whole. `chunks` asks for a number instead, of the
    rows where columns gain no more.

    ```mlir
    %g = tpc.all_gather %x dim 0 over @mesh ["tp"] : tensor<4x8xf32> -> tensor<8x8xf32>
    %y = tpc.contract %g, %w : [m, k], [n, k] -> [m, n] : (tensor<8x8xf32>, tensor<6x8xf32>) -> tensor<8x6xf32>
    // becomes
    %x0 = tensor.extract_slice %x[0, 0] [2, 8] [1, 1] : tensor<4x8xf32> to tensor<2x8xf32>
    %g0 = tpc.all_gather %x0 dim 0 over @mesh ["tp"] {tpc.chunk} : tensor<2x8xf32> -> tensor<4x8xf32>
    // ... and the same of rows 2 and 3, then
    %y0 = tpc.contract %g0, %w : [m, k], [n, k] -> [m, n] : (tensor<4x8xf32>, tensor<6x8xf32>) -> tensor<4x6xf32>
    %y1 = tpc.contract %g1, %w : [m, k], [n, k] -> [m, n] : (tensor<4x8xf32>, tensor<6x8xf32>) -> tensor<4x6xf32>
    // and both as [2, 2, 6], joined along the second dimension
    ```
  }];
  let options = [
    Option<"machine", "machine", "std::string", "\"shared-memory\"", "what times are taken from: a preset or a YAML file">,
    Option<"memoryCap", "memory-cap", "int64_t", "67108864", "most bytes of a piece's operand and result; 0: no limit">,
    Option<"minRows", "min-rows", "int64_t", "2048", "fewest rows of a piece's product">,
    Option<"minColumns", "min-columns", "int64_t", "1024", "fewest columns of a piece's product where they are cut">,
    Option<"chunks", "chunks", "int64_t", "0", "pieces of every collective that can be split: 2 or 4; 0: by cost">
  ];
  let statistics = [
    Statistic<"numSplit", "split", "collectives that became several">
  ];
  let dependentDialects = ["::mlir::tensor::TensorDialect", "::tpc::TPCDialect"];
}

def OverlapCollectives : Pass<"tpc-overlap-collectives", "::mlir::ModuleOp"> {
  let summary = "Starts collectives as early as their operands allow and waits as late as their results allow.";
  let description = [{
    Precondition: local functions, best the schedules of tpc-form-kernels; collectives synchronous. Postcondition: the same
    values; a collective between whose ends something can be computed is split into its started form and `tpc.wait`. The
    starts follow each other in the order of the collectives before, but one that is needed sooner overtakes those that are
    needed later, as a layer's parameters do with the gradients of the one before. Reshapes move to their first user.

    A matrix product that nothing needs until later, such as the gradient of a weight, moves behind a collective that would
    have nothing to overlap with, as many of them as its time on `machine` asks for; their operands stay in memory meanwhile.

    Operands and results of a started collective cannot be reused until its wait, so overlapping costs memory: results from
    the start on, operands until the wait, but nothing where something else keeps them, or where a result takes its operand's place.
    At any time it adds at most `memory-cap` bytes, and as many for the products that were moved. Where that is used up a
    collective stays synchronous, or its window shrinks. With `require` a collective that stays synchronous is an error, unless
    nothing is computed before it or nothing after it, or its time is mostly latency.

    ```mlir
    %0 = tpc.launch @f(%x) : (tensor<4xf32>) -> tensor<4xf32>
    %1 = tpc.launch @g(%x) : (tensor<4xf32>) -> tensor<4xf32>
    %2 = tpc.all_reduce sum %0 over @mesh ["tp"] : tensor<4xf32>
    // becomes
    %0 = tpc.launch @f(%x) : (tensor<4xf32>) -> tensor<4xf32>
    %p = tpc.all_reduce sum %0 over @mesh ["tp"] : tensor<4xf32> -> !tpc.pending<tensor<4xf32>>
    %1 = tpc.launch @g(%x) : (tensor<4xf32>) -> tensor<4xf32>
    %2 = tpc.wait %p : !tpc.pending<tensor<4xf32>>
    ```
  }];
  let options = [
    Option<"memoryCap", "memory-cap", "int64_t", "67108864", "bytes that overlapping may add to the memory in use; 0: no limit">,
    Option<"machine", "machine", "std::string", "\"shared-memory\"", "what times are taken from: a preset or a YAML file">,
    Option<"require", "require", "bool", "false", "fail where a collective does not overlap with computation">
  ];
  let statistics = [
    Statistic<"numStarted", "started", "collectives that overlap with computation">,
    Statistic<"numDeferred", "deferred", "matrix products that moved behind a collective">,
    Statistic<"addedBytes", "added-bytes", "most bytes that overlapping adds to the memory in use">
  ];
  let dependentDialects = ["::tpc::TPCDialect"];
}

#endif // TPC_OPTIMIZE_PASSES_TD
