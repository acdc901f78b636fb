//===- Passes.td - constraints become a layout of every value ----*- tablegen -*-===//

#ifndef TPC_PROPAGATION_PASSES_TD
#define TPC_PROPAGATION_PASSES_TD

include "mlir/Pass/PassBase.td"

def PropagateLayouts : Pass<"tpc-propagate-layouts", "::mlir::ModuleOp"> {
  let summary = "Gives every value a closed layout, from the constraints and the layouts of parameters.";
  let description = [{
    Precondition: one `tpc.mesh`; parameters and inputs may have `tpc.layout`, values may pass a `tpc.constrain`; every
    op has a sharding rule. Postcondition: every op with tensor results has `tpc.layouts`, every tensor argument and
    result of a function `tpc.layout`; all are closed and none is Partial (an op that sums over a split factor gets
    its Partial from `tpc-insert-reshards`). Operands need not fit the op's rule.

    The rules (`ShardingRuleOpInterface`) are followed to a fixed point. What splits a dimension propagates,
    replication does not. Three programs are settled one after the other, so that `@forward`, `@loss` and `@step`
    agree: the forward ops, those marked `tpc.backward`, those marked `tpc.update`. In each, pass-through factors go
    first, then reductions, then broadcasts and constants; and sweeps from operands to results go before sweeps from
    results to operands. All claims that meet are weighed together, those of one op in a forward sweep, those of all
    users of a value in a backward sweep: an axis wanted by two factors, or two axes wanted for one dimension, go to the
    parameter's claim, else the request's, else, in the forward program, what costs more to move on `machine`, else the
    larger tensor's, else to the earlier dimension and mesh axis. Neither the order of ops nor that of operands matters.
    What a value took over it keeps; `tpc-insert-reshards` resolves the conflicts by cost.

    Where the claims of two annotations of the forward program meet so that a reshard is needed where nobody asked for
    one, `on-conflict=cost` says in a remark which is kept, and why; `on-conflict=error` fails, with notes that follow
    both claims down to the annotations.

    * `tpc.constrain`: the result has the layout asked for, and suggests it to its operand.
    * `tpc.use`: the result has the parameter's layout without storage axes, and nothing flows back.
    * Parameters without a layout are replicated. A parameter lies alike in all functions; its state and its gradient lie as it does,
      and so does what `tpc.alias` says is its new value, unless they have a layout of their own.
    * A sum that linear ops pass on from a split factor keeps its axes: it is formed once, where they end.
    * A dimension is split into parts that do not divide it (`tpc-pad-uneven` makes them) where a request asks for that,
      unless an op takes the dimension apart (`tensor.expand_shape`) or needs it whole.
    * Splat constants with several uses are cloned, one per use, as each may lie another way.

    The 3x4 by 4x6 product with the weight's columns split, and what a row split looks like:
    ```mlir
    tpc.mesh @mesh <["tp"=2]>
    func.func @column(%x: tensor<3x4xf32>, %w: tensor<4x6xf32> {tpc.layout = #tpc.layout<@mesh, [{}, {"tp"} ]>}) -> tensor<3x6xf32> {
      %y = tpc.contract %x, %w : [m, k], [k, n] -> [m, n] : (tensor<3x4xf32>, tensor<4x6xf32>) -> tensor<3x6xf32>
      return %y : tensor<3x6xf32>
    }
    func.func @row(%x: tensor<3x4xf32>, %w: tensor<4x6xf32> {tpc.layout = #tpc.layout<@mesh, [{"tp"}, {} ]>}) -> tensor<3x6xf32> {
      %y = tpc.contract %x, %w : [m, k], [k, n] -> [m, n] : (tensor<3x4xf32>, tensor<4x6xf32>) -> tensor<3x6xf32>
      return %y : tensor<3x6xf32>
    }
    ```
    becomes: in `@column` the result is `[{}, {"tp"} ]`. In `@row` the input takes `[{}, {"tp"} ]`, as k is split, and
    the result, which lacks k, is `[{}, {} ]`.
    ```mlir
    tpc.mesh @mesh <["tp"=2]>
    func.func @column(%x: tensor<3x4xf32> {tpc.layout = #tpc.layout<@mesh, [{}, {} ]>},
                      %w: tensor<4x6xf32> {tpc.layout = #tpc.layout<@mesh, [{}, {"tp"} ]>})
        -> (tensor<3x6xf32> {tpc.layout = #tpc.layout<@mesh, [{}, {"tp"} ]>}) {
      %y = tpc.contract %x, %w : [m, k], [k, n] -> [m, n] {tpc.layouts = [#tpc.layout<@mesh, [{}, {"tp"} ]>]} : (tensor<3x4xf32>, tensor<4x6xf32>) -> tensor<3x6xf32>
      return %y : tensor<3x6xf32>
    }
    func.func @row(%x: tensor<3x4xf32> {tpc.layout = #tpc.layout<@mesh, [{}, {"tp"} ]>},
                   %w: tensor<4x6xf32> {tpc.layout = #tpc.layout<@mesh, [{"tp"}, {} ]>})
        -> (tensor<3x6xf32> {tpc.layout = #tpc.layout<@mesh, [{}, {} ]>}) {
      %y = tpc.contract %x, %w : [m, k], [k, n] -> [m, n] {tpc.layouts = [#tpc.layout<@mesh, [{}, {} ]>]} : (tensor<3x4xf32>, tensor<4x6xf32>) -> tensor<3x6xf32>
      return %y : tensor<3x6xf32>
    }
    ```
  }];
  let options = [
    Option<"recordReasons", "record-reasons", "bool", "false",
           "attach tpc.why: for each value the decisions that shaped it, for each op what lost there">,
    ListOption<"storageAxes", "storage-axes", "std::string",
               "mesh axes that split parameters where they are stored, not where they are used">,
    Option<"onConflict", "on-conflict", "std::string", "\"cost\"",
           "what becomes of two annotations that cannot both be honoured: cost or error">,
    Option<"machine", "machine", "std::string", "\"shared-memory\"",
           "what moving data costs: a preset, or a .yaml file">
  ];
  let statistics = [
    Statistic<"numRounds", "rounds", "pairs of a forward and a backward sweep">,
    Statistic<"numDecisions", "decisions", "dimensions that took over axes">,
    Statistic<"numConflicts", "conflicts", "claims that could not be taken over">
  ];
  let dependentDialects = ["::tpc::TPCDialect"];
}

def VerifyLayouts : Pass<"tpc-verify-layouts", "::mlir::ModuleOp"> {
  let summary = "Checks that every value has a closed, even layout on the module's mesh.";
  let description = [{
    What `tpc-propagate-layouts` and `tpc-pad-uneven` promise: (L1) every tensor has a layout. (L2) it is on the module's mesh and fits the
    tensor. (L3) no dimension is open. (L4) nothing is Partial. (L5) the axes of a dimension divide its size.
    (L6) `tpc.constrain` has the layout it asks for. (L7) a dimension that the op needs whole is not split in its result.
  }];
  let dependentDialects = ["::tpc::TPCDialect"];
}

def PrintShardingRules : Pass<"tpc-print-sharding-rules", "::mlir::ModuleOp"> {
  let summary = "Prints the sharding rule of every op of the module, sorted by name.";
  let description = [{
    One line per op: the factors of operands and results; `reduce`, those that are summed over (or `reduce max`);
    `replicate`, those that must not be split; `join`, those whose shards the op joins itself; and the sets of operands
    in which it is jointly linear. An op that has a rule but does not occur is named too, so that the module of a test
    can be seen to be complete; one that handles tensors and has no rule, or not for tensors of unknown size, is an
    error. For people and for tests; changes nothing.

    ```
    arith.addf: ([a], [a]) -> [a] linear in {0, 1}
    ```
  }];
}

#endif // TPC_PROPAGATION_PASSES_TD
