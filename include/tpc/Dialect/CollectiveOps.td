//===- CollectiveOps.td - communication, and what a rank knows of itself -*- tablegen -*-===//
//
// Two forms, one op. Global form (between tpc-expand-reshards and tpc-localize): operand and result have the same
// type, `tpc.layouts` says what changes. Local form (after tpc-localize): the shapes are one rank's. A group is the
// ranks that differ only along `axes`, in row-major order of `axes`.
//
// A collective of the local form that moves data may be started only: its result is then a `!tpc.pending` of what it
// delivers, and `tpc.wait` ends it.
//
//   %p = tpc.all_gather %x dim 1 over @mesh ["tp"] : tensor<8x256xf32> -> !tpc.pending<tensor<8x512xf32>>
//   ...                                              // neither %x nor the result's memory changes here
//   %y = tpc.wait %p : !tpc.pending<tensor<8x512xf32>>
//
//===----------------------------------------------------------------------===//

#ifndef TPC_DIALECT_COLLECTIVEOPS_TD
#define TPC_DIALECT_COLLECTIVEOPS_TD

include "tpc/Dialect/TPCOpBase.td"
include "tpc/Dialect/TPCTypes.td"

def TPC_AxesAttr : TypedArrayAttrBase<TPC_AxisAttr, "mesh axes">;

/// What a collective delivers, or the promise of it.
def TPC_Delivered : AnyTypeOf<[TPC_Tensor, TPC_PendingType]>;

class TPC_CollectiveOp<string mnemonic, list<Trait> traits = []>
    : TPC_Op<mnemonic, !listconcat([DeclareOpInterfaceMethods<SymbolUserOpInterface>], traits)> {
  let hasVerifier = 1;
}

/// A collective that moves data. Started, it has an effect (communication is under way), so that two equal ones are not
/// merged: a pending value has one wait.
class TPC_TrafficOp<string mnemonic>
    : TPC_CollectiveOp<mnemonic, [DeclareOpInterfaceMethods<MemoryEffectsOpInterface>]>;

def TPC_AllGatherOp : TPC_TrafficOp<"all_gather"> {
  let summary = "joins the group's shards along a dimension";
  let description = [{
    ```mlir
    %y = tpc.all_gather %x dim 1 over @mesh ["tp"] : tensor<8x256x768xf32> -> tensor<8x512x768xf32>
    ```
    Several operands travel as one.
    ```mlir
    %y:2 = tpc.all_gather %a, %b dim 0 over @mesh ["dp"] : tensor<384xf32>, tensor<2x64xf32> -> tensor<768xf32>, tensor<4x64xf32>
    ```
    Constraints: (C1) at least one operand, all of one element type; `dim` is a dimension of each. (C2) as many tensors are
    delivered; local: each one's `dim` is its operand's times the group size, the others are equal; global: equal types.
    (C3) `axes` are distinct axes of the mesh. (C4) started: local form, one pending result, whose only user is a
    `tpc.wait` in the same block.
  }];
  let arguments = (ins Variadic<TPC_Tensor>:$inputs, I64Attr:$dim, FlatSymbolRefAttr:$mesh, TPC_AxesAttr:$axes);
  let results = (outs Variadic<TPC_Delivered>:$results);
  let assemblyFormat = "$inputs `dim` $dim `over` $mesh custom<AxisArray>($axes) attr-dict `:` type($inputs) `->` type($results)";
}

def TPC_AllReduceOp : TPC_TrafficOp<"all_reduce"> {
  let summary = "reduces over the group, elementwise; every rank gets the same bits";
  let description = [{
    Several operands travel as one.
    ```mlir
    %y:2 = tpc.all_reduce sum %a, %b over @mesh ["tp"] : tensor<768xf32>, tensor<f32>
    ```
    Constraints: (C1) at least one operand, all of one element type. (C2) results have the operands' types. (C3), (C4) as
    for all_gather.
  }];
  let arguments = (ins TPC_ReductionKindAttr:$kind, Variadic<TPC_Tensor>:$inputs, FlatSymbolRefAttr:$mesh,
                       TPC_AxesAttr:$axes);
  let results = (outs Variadic<TPC_Delivered>:$results);
  let assemblyFormat = [{
    custom<ReductionKind>($kind) $inputs `over` $mesh custom<AxisArray>($axes) attr-dict `:` custom<SameOrPending>(type($inputs), type($results))
  }];
  let builders = [OpBuilder<(ins "::tpc::ReductionKindAttr":$kind, "::mlir::ValueRange":$inputs,
                                 "::mlir::FlatSymbolRefAttr":$mesh, "::mlir::ArrayAttr":$axes)>];
}

def TPC_ReduceScatterOp : TPC_TrafficOp<"reduce_scatter"> {
  let summary = "reduces over the group and leaves each rank its part along a dimension";
  let description = [{
    ```mlir
    %z = tpc.reduce_scatter sum %y dim 1 over @mesh ["tp"] : tensor<8x512x768xf32> -> tensor<8x256x768xf32>
    ```
    Several operands travel as one, as in all_gather.

    Constraints: (C1), (C3), (C4) as for all_gather. (C2) as many tensors are delivered; local: each operand's `dim` is its
    result's times the group size; global: equal types.
  }];
  let arguments = (ins TPC_ReductionKindAttr:$kind, Variadic<TPC_Tensor>:$inputs, I64Attr:$dim, FlatSymbolRefAttr:$mesh,
                       TPC_AxesAttr:$axes);
  let results = (outs Variadic<TPC_Delivered>:$results);
  let assemblyFormat = "custom<ReductionKind>($kind) $inputs `dim` $dim `over` $mesh custom<AxisArray>($axes) attr-dict `:` type($inputs) `->` type($results)";
}

def TPC_AllToAllOp : TPC_TrafficOp<"all_to_all"> {
  let summary = "moves a split from one dimension to another";
  let description = [{
    `split_dim` of the operand is cut into one piece per rank of the group, piece i goes to rank i, received pieces are joined along `concat_dim` in
    group order.
    ```mlir
    %y = tpc.all_to_all %x split 1 concat 2 over @mesh ["tp"] : tensor<8x512x384xf32> -> tensor<8x256x768xf32>
    ```
    Constraints: (C1) both dimensions in range and different. (C2) local: split_dim shrinks and concat_dim grows by
    the group size. (C3), (C4) as for all_gather.
  }];
  let arguments = (ins TPC_Tensor:$input, I64Attr:$split_dim, I64Attr:$concat_dim, FlatSymbolRefAttr:$mesh,
                       TPC_AxesAttr:$axes);
  let results = (outs TPC_Delivered:$result);
  let assemblyFormat = [{
    $input `split` $split_dim `concat` $concat_dim `over` $mesh custom<AxisArray>($axes) attr-dict `:` type($input) `->` type($result)
  }];
}

def TPC_PermuteOp : TPC_TrafficOp<"permute"> {
  let summary = "sends each rank's shard to another rank of the group";
  let description = [{
    `pairs` are [source, destination] positions in the group.
    Constraints: (C1) every position is the source of one pair and the destination of one. (C2) the result has the
    operand's type. (C3), (C4) as for all_gather.
  }];
  let arguments = (ins TPC_Tensor:$input, DenseI64ArrayAttr:$pairs, FlatSymbolRefAttr:$mesh, TPC_AxesAttr:$axes);
  let results = (outs TPC_Delivered:$result);
  let assemblyFormat = [{
    $input `pairs` $pairs `over` $mesh custom<AxisArray>($axes) attr-dict
    `:` custom<SameOrPending>(type($input), type($result))
  }];
}

def TPC_WaitOp : TPC_Op<"wait", [DeclareOpInterfaceMethods<InferTypeOpInterface>]> {
  let summary = "the results of a started collective, once they are there";
  let description = [{
    Between the start and its wait the collective reads its operands and writes its results at any time: neither
    memory may be written, and no one reads the results (their values do not exist yet).
    ```mlir
    %p = tpc.all_reduce sum %a, %b over @mesh ["tp"] : tensor<768xf32>, tensor<f32>
           -> !tpc.pending<tensor<768xf32>, tensor<f32>>
    %y:2 = tpc.wait %p : !tpc.pending<tensor<768xf32>, tensor<f32>>
    ```
    Constraints: (C1) the operand is the result of a started collective. (C2) the results are its tensors.
  }];
  let arguments = (ins TPC_PendingType:$pending);
  let results = (outs Variadic<TPC_Tensor>:$results);
  let assemblyFormat = "$pending attr-dict `:` qualified(type($pending))";
  let hasVerifier = 1;
}

def TPC_ShardSliceOp : TPC_CollectiveOp<"shard_slice", [Pure]> {
  let summary = "this rank's part along a dimension; no traffic";
  let description = [{
    ```mlir
    %z = tpc.shard_slice %y dim 1 over @mesh ["tp"] : tensor<8x512x768xf32> -> tensor<8x256x768xf32>
    ```
    Constraints: (C1) to (C3) as for reduce_scatter.
  }];
  let arguments = (ins TPC_Tensor:$input, I64Attr:$dim, FlatSymbolRefAttr:$mesh, TPC_AxesAttr:$axes);
  let results = (outs TPC_Tensor:$result);
  let assemblyFormat = "$input `dim` $dim `over` $mesh custom<AxisArray>($axes) attr-dict `:` type($input) `->` type($result)";
}

def TPC_AxisIndexOp : TPC_CollectiveOp<"axis_index", [Pure]> {
  let summary = "this rank's row-major coordinate along axes";
  let description = [{
    ```mlir
    %i = tpc.axis_index over @mesh ["tp"]
    ```
    Constraints: (C3) as for all_gather.
  }];
  let arguments = (ins FlatSymbolRefAttr:$mesh, TPC_AxesAttr:$axes);
  let results = (outs Index:$result);
  let assemblyFormat = "`over` $mesh custom<AxisArray>($axes) attr-dict";
}

#endif // TPC_DIALECT_COLLECTIVEOPS_TD
