//===- AnnotationOps.td - mesh, module boundaries, layout requests -*- tablegen -*-===//

#ifndef TPC_DIALECT_ANNOTATIONOPS_TD
#define TPC_DIALECT_ANNOTATIONOPS_TD

include "tpc/Dialect/TPCOpBase.td"

def TPC_MeshOp : TPC_Op<"mesh", [Symbol, HasParent<"::mlir::ModuleOp">]> {
  let summary = "the grid of ranks";
  let description = [{
    ```mlir
    tpc.mesh @mesh <["dp"=2, "tp"=4]>
    ```
  }];
  let arguments = (ins SymbolNameAttr:$sym_name, TPC_MeshAttr:$mesh);
  let assemblyFormat = "$sym_name $mesh attr-dict";
}

class TPC_IdentityOp<string mnemonic, list<Trait> traits = []>
    : TPC_Op<mnemonic, !listconcat([SameOperandsAndResultType, TPC_Rule, TPC_Grad], traits)>;

def TPC_BoundaryOp : TPC_IdentityOp<"boundary"> {
  let summary = "an input or output port of a module, by fully qualified name";
  let description = [{
    Identity. `dims` maps the value's dimensions to those the module has in Hugging Face's code: `q_proj`'s output is
    `[b, s, kv_heads, group, head_dim]` here and `[b, s, hidden]` there, so its `dims` are `[[0], [1], [2, 3, 4]]`.
    `tpc-apply-plan` replaces boundaries by constraints.

    ```mlir
    %1 = tpc.boundary %0 output 0 of linear "model.layers.0.self_attn.q_proj" dims [[0], [1], [2, 3, 4]]
           : tensor<2x8x3x4x64xf32>
    ```

    Constraints: (C1) the groups of `dims` are consecutive and cover every dimension once. (C2) the module's name is
    not empty.
  }];
  let arguments = (ins TPC_Tensor:$input, TPC_PortKind:$port, I64Attr:$index, TPC_ModuleKind:$kind,
                       StrAttr:$module, TypedArrayAttrBase<I64ArrayAttr, "groups of dimensions">:$dims);
  let results = (outs TPC_Tensor:$result);
  let assemblyFormat = [{
    $input $port $index `of` $kind $module `dims` $dims attr-dict `:` type($input)
  }];
  let hasVerifier = 1;
}

def TPC_ConstrainOp : TPC_IdentityOp<"constrain"> {
  let summary = "a layout that the user asked for";
  let description = [{
    Identity on values. Its location is the line of the plan. A value whose layout differs is resharded here; an
    annotation is never dropped without a diagnostic. `interior` marks a request between two hard boundaries of a
    module, which `--plan-policy=optimize` may trade for a cheaper layout of the same values.

    ```mlir
    %z = tpc.constrain %y to <@mesh, [{"dp"}, {"tp"}, {} ]> : tensor<8x512x768xf32>
    ```

    Constraints: those of `#tpc.layout`.
  }];
  let arguments = (ins TPC_Tensor:$input, TPC_LayoutAttr:$layout, UnitAttr:$interior, OptionalAttr<StrAttr>:$module);
  let results = (outs TPC_Tensor:$result);
  let assemblyFormat = [{
    $input `to` $layout (`interior` $interior^)? (`of` $module^)? attr-dict `:` type($input)
  }];
  let hasVerifier = 1;
}

def TPC_ReshardOp : TPC_IdentityOp<"reshard", [Pure]> {
  let summary = "the same value in another layout";
  let description = [{
    From the operand's layout (on its defining op or argument) to `layout`.

    ```mlir
    %z = tpc.reshard %y to <@mesh, [{}, {"tp"}, {} ]> : tensor<8x512x768xf32>
    ```

    Constraints: those of `#tpc.layout`.
  }];
  let arguments = (ins TPC_Tensor:$input, TPC_LayoutAttr:$layout);
  let results = (outs TPC_Tensor:$result);
  let assemblyFormat = "$input `to` $layout attr-dict `:` type($input)";
  let hasVerifier = 1;
}

def TPC_UseOp : TPC_IdentityOp<"use"> {
  let summary = "the value of a parameter as computation sees it";
  let description = [{
    Propagation stops here: storage axes (FSDP) of the parameter do not pass into the computation, and what the
    computation would like does not change where the parameter is stored. Gathers storage axes when localized. A
    parameter that is computed with in another element type is cast before its use, as it is stored, so that the
    narrower type is gathered:

    ```mlir
    %0 = arith.truncf %parameter : tensor<3072x768xf32> to tensor<3072x768xbf16>
    %w = tpc.use %0 : tensor<3072x768xbf16>
    ```
  }];
  let arguments = (ins TPC_Tensor:$input);
  let results = (outs TPC_Tensor:$result);
  let extraClassDeclaration = [{
    /// The function argument that is used; null if it is another value.
    ::mlir::BlockArgument getParameter();
  }];
  let assemblyFormat = "$input attr-dict `:` type($input)";
}

def TPC_BarrierOp : TPC_IdentityOp<"barrier"> {
  let summary = "keeps a recomputation or a second gather from being merged with the first";
  let arguments = (ins TPC_Tensor:$input);
  let results = (outs TPC_Tensor:$result);
  let assemblyFormat = "$input attr-dict `:` type($input)";
}

#endif // TPC_DIALECT_ANNOTATIONOPS_TD
