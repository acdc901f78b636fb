//===- Passes.td - from layouts to one rank's program ------------*- tablegen -*-===//

#ifndef TPC_PARTITION_PASSES_TD
#define TPC_PARTITION_PASSES_TD

include "mlir/Pass/PassBase.td"

def ChooseLayouts : Pass<"tpc-choose-layouts", "::mlir::ModuleOp"> {
  let summary = "Chooses between the layouts that a plan asks for and cheaper ones of the same values.";
  let description = [{
    Precondition: requests inside blocks are marked `interior`, parameters that may lie otherwise have `tpc.alternative`
    (`tpc-apply-plan`); a training step has its backward ops (`tpc-differentiate`), no optimizer yet. Postcondition: one
    alternative is taken in every region, in all functions alike; no `tpc.alternative` is left.

    A region is what lies between hard requests, with its derivatives (lib/Partition/ProgramRegions.h). There are up to four
    alternatives: with all of its interior requests or with none, as dropping one of them alone seldom pays; and with the
    parameters' layouts or their alternatives. Each is partitioned as a program of its own, by the passes that will
    partition the whole, and priced: all bytes received in forward, backward, for gradients of parameters and for
    parameters that `dp-mode` shares out, and, among those of equal traffic, the work. Remarks say what was taken, where
    the plan says otherwise, and what it saves. Regions that differ in names only (the layers of a model) are decided once.

    Regions meet in the whole program, where what is cheaper in each may be dearer in all. So that is priced with the
    choices and as the plan says, and where the plan is cheaper it is kept, with a remark. Last, if users depart from requests, it is
    priced with every request met and used: if that is cheapest, functions get `tpc.meets_requests`, which `tpc-insert-reshards` obeys.

    Here gathering `%y` and splitting it again costs more than leaving it as it is:
    ```mlir
    %0 = tpc.constrain %x to <@mesh, [{}, {} ]> of "mlp" : tensor<4x8xf32>
    %1 = tpc.contract %0, %u : [s, k], [f, k] -> [s, f] : ...                                                // %u: [{"tp"}, {} ]
    %2 = tpc.constrain %1 to <@mesh, [{}, {} ]> interior of "mlp.up" : tensor<4x16xf32>
    %3 = tpc.constrain %2 to <@mesh, [{}, {"tp"} ]> interior of "mlp.down" : tensor<4x16xf32>
    %4 = tpc.contract %3, %d : [s, f], [k, f] -> [s, k] : ...
    // becomes
    %0 = tpc.constrain %x to <@mesh, [{}, {} ]> of "mlp" : tensor<4x8xf32>
    %1 = tpc.contract %0, %u : [s, k], [f, k] -> [s, f] : ...
    %4 = tpc.contract %1, %d : [s, f], [k, f] -> [s, k] : ...
    ```
  }];
  let options = [
    Option<"machine", "machine", "std::string", "\"shared-memory\"",
           "what traffic is priced on: shared-memory, ethernet-mpi, a100x8, h100x8, h200x8, b200x8, rtx-pro-6000x8 or a YAML file">,
    Option<"interior", "interior", "std::string", "\"cost\"", "interior requests: cost, keep or drop">,
    Option<"parameters", "parameters", "std::string", "\"cost\"", "parameters: cost, plan or alternative">,
    Option<"dpMode", "dp-mode", "std::string", "\"ddp\"",
           "what traffic of parameters and gradients is priced for: ddp, zero1, zero2 or fsdp">,
    Option<"reshardAfterForward", "reshard-after-forward", "bool", "true",
           "fsdp: parameters are priced as gathered again in backward">
  ];
  let statistics = [
    Statistic<"numRegions", "regions", "regions decided on">,
    Statistic<"numPriced", "priced", "alternatives priced">,
    Statistic<"numDropped", "dropped", "interior requests dropped">
  ];
  let dependentDialects = ["::mlir::arith::ArithDialect", "::tpc::TPCDialect"];
}

def PadUneven : Pass<"tpc-pad-uneven", "::mlir::ModuleOp"> {
  let summary = "Pads dimensions to multiples of the parts that they are split into.";
  let description = [{
    Precondition: every tensor has a closed layout (`tpc-propagate-layouts`), which may split a dimension into parts
    that do not divide it. Postcondition: they do, and results are what they were: dimensions are padded at their end.

    What the sharding rules call one factor has one size, so a factor is padded in the whole module at once, to a
    multiple of the numbers of parts that its dimensions are split into. Arguments and results that have grown carry
    `tpc.logical_shape`, the shape without padding. One program then serves all ranks, of which the last have less to do;
    a warning says how much idles. An op that needs the exact size (a norm its width, a rotation its head dimension, attention without a
    mask its keys) gets it: padding is cut off by `tensor.extract_slice` in front of it, and put back as zeros behind it.

    What padding holds is undefined, but for parameters and their state, where it is zero before and after (so AdamW's
    eps has to be positive). Whoever sums over padding is kept from it by `arith.select` with the mask of `tpc.within`,
    where it is not known to be zero anyway.

    ```mlir
    tpc.mesh @mesh <["tp"=2]>
    func.func @row(%x: tensor<4x5xf32> {tpc.layout = #tpc.layout<@mesh, [{}, {"tp"} ]>},
                   %w: tensor<5x6xf32> {tpc.layout = #tpc.layout<@mesh, [{"tp"}, {} ]>, tpc.param = #tpc.param<"w", shape = [5, 6], kind = linear, fan_in = 5>})
        -> (tensor<4x6xf32> {tpc.layout = #tpc.layout<@mesh, [{}, {} ]>}) {
      %y = tpc.contract %x, %w : [m, k], [k, n] -> [m, n] {tpc.layouts = [#tpc.layout<@mesh, [{}, {} ]>]} : (tensor<4x5xf32>, tensor<5x6xf32>) -> tensor<4x6xf32>
      return %y : tensor<4x6xf32>
    }
    ```
    becomes, where k has 6 elements of which the parameter's last row is zero and the input's last column anything:
    ```mlir
    tpc.mesh @mesh <["tp"=2]>
    func.func @row(%x: tensor<4x6xf32> {tpc.layout = #tpc.layout<@mesh, [{}, {"tp"} ]>, tpc.logical_shape = array<i64: 4, 5>},
                   %w: tensor<6x6xf32> {tpc.layout = #tpc.layout<@mesh, [{"tp"}, {} ]>, tpc.logical_shape = array<i64: 5, 6>, tpc.param = #tpc.param<"w", shape = [5, 6], kind = linear, fan_in = 5>})
        -> (tensor<4x6xf32> {tpc.layout = #tpc.layout<@mesh, [{}, {} ]>}) {
      %m = tpc.within 5 dim 1 {tpc.layouts = [#tpc.layout<@mesh, [{}, {"tp"} ]>]} : tensor<4x6xi1>
      %c = arith.constant {tpc.layouts = [#tpc.layout<@mesh, [{}, {"tp"} ]>]} dense<0.0> : tensor<4x6xf32>
      %z = arith.select %m, %x, %c {tpc.layouts = [#tpc.layout<@mesh, [{}, {"tp"} ]>]} : tensor<4x6xi1>, tensor<4x6xf32>
      %y = tpc.contract %z, %w : [m, k], [k, n] -> [m, n] {tpc.layouts = [#tpc.layout<@mesh, [{}, {} ]>]} : (tensor<4x6xf32>, tensor<6x6xf32>) -> tensor<4x6xf32>
      return %y : tensor<4x6xf32>
    }
    ```
  }];
  let statistics = [
    Statistic<"numFactors", "factors", "factors padded">,
    Statistic<"numExact", "exact", "ops that padding is cut off for">,
    Statistic<"numSelects", "selects", "selects that keep padding out of sums">
  ];
  let dependentDialects = ["::mlir::arith::ArithDialect", "::mlir::tensor::TensorDialect", "::tpc::TPCDialect"];
}

def InsertReshards : Pass<"tpc-insert-reshards", "::mlir::ModuleOp"> {
  let summary = "Chooses how every op is split, and reshards operands until they fit its rule.";
  let description = [{
    Precondition: every tensor has a closed layout, none is Partial (`tpc-verify-layouts`). Postcondition: at every op
    with a sharding rule the operands and results split each factor alike; an op that sums over a split factor has a
    Partial result; no `tpc.constrain` is left, only `tpc.reshard`.

    Ops are visited in program order. For each, every assignment of the mesh axes at hand to its factors is priced:
    resharding the operands (free where an earlier op had the value in that layout: a gathered cotangent serves
    both products of a linear layer) and bringing the results to their layouts. The one with the least traffic is taken;
    among equals the one with the least work, which axes that split nothing do not share.

    * A parameter is not gathered over the axes that its layout names, nor any value over axes that split the inputs
      (the batch), however cheap that looks.
    * Partial flows through ops that are jointly linear in the Partial operands (`ShardingRule::linearSets`) as long as
      every user of the value is such an op; it is reduced where a non-linear op, a constraint or a result needs it.
    * With `policy=optimize` a value that was asked for in another layout may be used in either, whichever is cheaper for
      each user (the first to take the layout asked for pays for it); a remark at the request says if that leaves it to nobody.
      With `policy=strict`, and in functions with `tpc.meets_requests`, users take the layout asked for.
    * In a chain of additions the terms that are Partial over the same axes are added first and reduced once.

    ```mlir
    // before: the product of a row-split weight, wanted split along the sequence
    %y = tpc.contract %a, %w : [b, s, k], [n, k] -> [b, s, n] {tpc.layouts = [#tpc.layout<@mesh, [{}, {"tp"}, {} ]>]} : ...
    // after
    %0 = tpc.contract %a, %w : [b, s, k], [n, k] -> [b, s, n] {tpc.layouts = [#tpc.layout<@mesh, [{}, {}, {} ], partial = sum {"tp"}>]} : ...
    %y = tpc.reshard %0 to <@mesh, [{}, {"tp"}, {} ]> {...} : tensor<8x512x768xf32>
    ```
  }];
  let options = [
    Option<"machine", "machine", "std::string", "\"shared-memory\"",
           "what collectives and work are priced on: shared-memory, ethernet-mpi, a100x8, h100x8, h200x8, b200x8, rtx-pro-6000x8 or a YAML file">,
    Option<"policy", "policy", "std::string", "\"optimize\"",
           "optimize: users may take a value as it was before a request; strict: every request is met and used">
  ];
  let statistics = [
    Statistic<"numReshards", "reshards", "reshards inserted">,
    Statistic<"numPartials", "partials", "op results that are Partial">
  ];
  let dependentDialects = ["::mlir::arith::ArithDialect", "::tpc::TPCDialect"];
}

def ExpandReshards : Pass<"tpc-expand-reshards", "::mlir::ModuleOp"> {
  let summary = "Turns each reshard into the cheapest sequence of collectives.";
  let description = [{
    Precondition: the operand of every `tpc.reshard` has a layout. Postcondition: no `tpc.reshard` is left; collectives
    stand in their global form (operand and result have the global type, `tpc.layouts` says what changes).
    The search is exact, see `tpc/Sharding/ReshardPlanner.h`.

    ```mlir
    // before; %y is Partial over "tp"
    %z = tpc.reshard %y to <@mesh, [{"tp"}, {} ]> : tensor<8x4xf32>
    // after
    %z = tpc.reduce_scatter sum %y dim 0 over @mesh ["tp"] {tpc.layouts = [#tpc.layout<@mesh, [{"tp"}, {} ]>]} : tensor<8x4xf32> -> tensor<8x4xf32>
    ```
  }];
  let options = [
    Option<"machine", "machine", "std::string", "\"shared-memory\"",
           "what collectives are priced on: shared-memory, ethernet-mpi, a100x8, h100x8, h200x8, b200x8, rtx-pro-6000x8 or a YAML file">,
    Option<"memoryCap", "memory-cap", "int64_t", "0",
           "bytes that an intermediate layout may take on a rank (0: what the module's tpc.reshard_memory says, or no limit)">
  ];
  let statistics = [
    Statistic<"numCollectives", "collectives", "collectives inserted, slices not counted">,
    Statistic<"numBytes", "bytes", "bytes that each rank receives">
  ];
  let dependentDialects = ["::tpc::TPCDialect"];
}

def Localize : Pass<"tpc-localize", "::mlir::ModuleOp"> {
  let summary = "Rewrites every function to what one rank executes on its shards.";
  let description = [{
    Precondition: operands and results of every op split its factors alike (`tpc-insert-reshards`,
    `tpc-expand-reshards`); anything else is an error at that op. Postcondition: tensors have the shape of one rank's
    shard; ops whose local form is more than the same op on smaller shapes are built by `LocalizableOpInterface`; no
    layout is left but `tpc.global` on arguments and results.

    ```mlir
    // before, on <["tp"=2]>
    %y = tpc.all_gather %x dim 1 over @mesh ["tp"] {tpc.layouts = [#tpc.layout<@mesh, [{}, {} ]>]} : tensor<4x8xf32> -> tensor<4x8xf32>
    // after
    %y = tpc.all_gather %x dim 1 over @mesh ["tp"] : tensor<4x4xf32> -> tensor<4x8xf32>
    ```
  }];
  let dependentDialects = ["::mlir::arith::ArithDialect", "::mlir::math::MathDialect", "::tpc::TPCDialect"];
}

def VerifyLocal : Pass<"tpc-verify-local", "::mlir::ModuleOp"> {
  let summary = "Checks that functions are local: no layout, no global form, no request is left.";
  let description = [{
    What `tpc-localize` promises: (P1) no `tpc.layouts` or `tpc.layout`. (P2) no `tpc.boundary`, `tpc.constrain`,
    `tpc.use` or `tpc.reshard`. (P3) tensor arguments and results have `tpc.global`, whose local shape is theirs.
    (P4) collectives are in local form.
  }];
}

#endif // TPC_PARTITION_PASSES_TD
