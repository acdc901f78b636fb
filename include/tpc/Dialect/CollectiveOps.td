//===- CollectiveOps.td - communication, and what a rank knows of itself -*- tablegen -*-===//
//
// Two forms, one op. Global form (between tpc-expand-reshards and tpc-localize): operand and result have the same
// type, `tpc.layouts` says what changes. Local form (after tpc-localize): the shapes are one rank's. A group is the
// ranks that differ only along `axes`, in row-major order of `axes`.
//
//===----------------------------------------------------------------------===//

#ifndef TPC_DIALECT_COLLECTIVEOPS_TD
#define TPC_DIALECT_COLLECTIVEOPS_TD

include "tpc/Dialect/TPCOpBase.td"

def TPC_AxesAttr : TypedArrayAttrBase<TPC_AxisAttr, "mesh axes">;

class TPC_CollectiveOp<string mnemonic, list<Trait> traits = []>
    : TPC_Op<mnemonic, !listconcat([Pure, DeclareOpInterfaceMethods<SymbolUserOpInterface>], traits)> {
  let hasVerifier = 1;
}

def TPC_AllGatherOp : TPC_CollectiveOp<"all_gather"> {
  let summary = "joins the group's shards along a dimension";
  let description = [{
    ```mlir
    %y = tpc.all_gather %x dim 1 over @mesh ["tp"] : tensor<8x256x768xf32> -> tensor<8x512x768xf32>
    ```
    Constraints: (C1) `dim` is in range. (C2) local: the result's `dim` is the operand's times the group size, the
    others are equal; global: equal types. (C3) `axes` are distinct axes of the mesh.
  }];
  let arguments = (ins TPC_Tensor:$input, I64Attr:$dim, FlatSymbolRefAttr:$mesh, TPC_AxesAttr:$axes);
  let results = (outs TPC_Tensor:$result);
  let assemblyFormat = "$input `dim` $dim `over` $mesh custom<AxisArray>($axes) attr-dict `:` type($input) `->` type($result)";
}

def TPC_AllReduceOp : TPC_CollectiveOp<"all_reduce", [DeclareOpInterfaceMethods<InferTypeOpInterface>]> {
  let summary = "reduces over the group, elementwise; every rank gets the same bits";
  let description = [{
    Several operands travel as one.
    ```mlir
    %y:2 = tpc.all_reduce sum %a, %b over @mesh ["tp"] : tensor<768xf32>, tensor<f32>
    ```
    Constraints: (C1) at least one operand, all of one element type. (C3) as for all_gather.
  }];
  let arguments = (ins TPC_ReductionKindAttr:$kind, Variadic<TPC_Tensor>:$inputs, FlatSymbolRefAttr:$mesh,
                       TPC_AxesAttr:$axes);
  let results = (outs Variadic<TPC_Tensor>:$results);
  let assemblyFormat = "$kind $inputs `over` $mesh custom<AxisArray>($axes) attr-dict `:` type($inputs)";
}

def TPC_ReduceScatterOp : TPC_CollectiveOp<"reduce_scatter"> {
  let summary = "reduces over the group and leaves each rank its part along a dimension";
  let description = [{
    ```mlir
    %z = tpc.reduce_scatter sum %y dim 1 over @mesh ["tp"] : tensor<8x512x768xf32> -> tensor<8x256x768xf32>
    ```
    Constraints: (C1), (C3) as for all_gather. (C2) local: the operand's `dim` is the result's times the group size.
  }];
  let arguments = (ins TPC_ReductionKindAttr:$kind, TPC_Tensor:$input, I64Attr:$dim, FlatSymbolRefAttr:$mesh,
                       TPC_AxesAttr:$axes);
  let results = (outs TPC_Tensor:$result);
  let assemblyFormat = "$kind $input `dim` $dim `over` $mesh custom<AxisArray>($axes) attr-dict `:` type($input) `->` type($result)";
}

def TPC_AllToAllOp : TPC_CollectiveOp<"all_to_all"> {
  let summary = "moves a split from one dimension to another";
  let description = [{
    `split_dim` of the operand is cut into one piece per rank of the group, piece i goes to rank i, received pieces are joined along `concat_dim` in
    group order.
    ```mlir
    %y = tpc.all_to_all %x split 1 concat 2 over @mesh ["tp"] : tensor<8x512x384xf32> -> tensor<8x256x768xf32>
    ```
    Constraints: (C1) both dimensions in range and different. (C2) local: split_dim shrinks and concat_dim grows by
    the group size. (C3) as for all_gather.
  }];
  let arguments = (ins TPC_Tensor:$input, I64Attr:$split_dim, I64Attr:$concat_dim, FlatSymbolRefAttr:$mesh,
                       TPC_AxesAttr:$axes);
  let results = (outs TPC_Tensor:$result);
  let assemblyFormat = [{
    $input `split` $split_dim `concat` $concat_dim `over` $mesh custom<AxisArray>($axes) attr-dict `:` type($input) `->` type($result)
  }];
}

def TPC_PermuteOp : TPC_CollectiveOp<"permute", [SameOperandsAndResultType]> {
  let summary = "sends each rank's shard to another rank of the group";
  let description = [{
    `pairs` are [source, destination] positions in the group.
    Constraints: (C1) every position is the source of one pair and the destination of one. (C3) as for all_gather.
  }];
  let arguments = (ins TPC_Tensor:$input, DenseI64ArrayAttr:$pairs, FlatSymbolRefAttr:$mesh, TPC_AxesAttr:$axes);
  let results = (outs TPC_Tensor:$result);
  let assemblyFormat = "$input `pairs` $pairs `over` $mesh custom<AxisArray>($axes) attr-dict `:` type($input)";
}

def TPC_ShardSliceOp : TPC_CollectiveOp<"shard_slice"> {
  let summary = "this rank's part along a dimension; no traffic";
  let description = [{
    ```mlir
    %z = tpc.shard_slice %y dim 1 over @mesh ["tp"] : tensor<8x512x768xf32> -> tensor<8x256x768xf32>
    ```
    Constraints: as for reduce_scatter.
  }];
  let arguments = (ins TPC_Tensor:$input, I64Attr:$dim, FlatSymbolRefAttr:$mesh, TPC_AxesAttr:$axes);
  let results = (outs TPC_Tensor:$result);
  let assemblyFormat = "$input `dim` $dim `over` $mesh custom<AxisArray>($axes) attr-dict `:` type($input) `->` type($result)";
}

def TPC_AxisIndexOp : TPC_CollectiveOp<"axis_index"> {
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
