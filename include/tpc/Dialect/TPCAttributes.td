//===- TPCAttributes.td - meshes, layouts, parameters, slots -----*- tablegen -*-===//

#ifndef TPC_DIALECT_TPCATTRIBUTES_TD
#define TPC_DIALECT_TPCATTRIBUTES_TD

include "mlir/IR/AttrTypeBase.td"
include "mlir/IR/EnumAttr.td"
include "tpc/Dialect/TPCDialect.td"

class TPC_Attr<string name, string attrMnemonic> : AttrDef<TPC_Dialect, name> {
  let mnemonic = attrMnemonic;
}

class TPC_Enum<string name, string summary, list<I32EnumAttrCase> cases> : I32EnumAttr<name, summary, cases> {
  let cppNamespace = "::tpc";
  let genSpecializedAttr = 0;
}

//===-- enumerations ------------------------------------------------------------===//

// The C++ enum is theory (tpc/Sharding/Layout.h); only its spelling is defined here.
def TPC_ReductionKindAttr : TPC_Attr<"ReductionKind", "reduction"> {
  let summary = "how summands are joined: sum, max or min";
  let parameters = (ins "::tpc::ReductionKind":$value);
  let hasCustomAssemblyFormat = 1;
}

def TPC_ParameterKind : TPC_Enum<"ParameterKind", "what a parameter is, for its initialization", [
  I32EnumAttrCase<"Linear", 0, "linear">, I32EnumAttrCase<"Embedding", 1, "embedding">,
  I32EnumAttrCase<"Bias", 2, "bias">, I32EnumAttrCase<"Norm", 3, "norm">]>;

def TPC_SlotSpace : TPC_Enum<"SlotSpace", "region of a rank's arena", [
  I32EnumAttrCase<"Private", 0, "private">, I32EnumAttrCase<"Communication", 1, "communication">]>;

def TPC_SlotCategory : TPC_Enum<"SlotCategory", "what a buffer is, in memory reports", [
  I32EnumAttrCase<"Parameter", 0, "parameters">, I32EnumAttrCase<"Gradient", 1, "gradients">,
  I32EnumAttrCase<"OptimizerState", 2, "optimizer_state">, I32EnumAttrCase<"Activation", 3, "activations">,
  I32EnumAttrCase<"Communication", 4, "communication">, I32EnumAttrCase<"Workspace", 5, "workspace">]>;

def TPC_PortKind : TPC_Enum<"PortKind", "side of a module", [
  I32EnumAttrCase<"Input", 0, "input">, I32EnumAttrCase<"Output", 1, "output">]> { let genSpecializedAttr = 1; }

def TPC_ModuleKind : TPC_Enum<"ModuleKind", "what a module is, for the styles it admits", [
  I32EnumAttrCase<"Linear", 0, "linear">, I32EnumAttrCase<"Embedding", 1, "embedding">,
  I32EnumAttrCase<"Norm", 2, "norm">, I32EnumAttrCase<"Container", 3, "container">]> { let genSpecializedAttr = 1; }

//===-- mesh and layout ---------------------------------------------------------===//

def TPC_MeshAttr : TPC_Attr<"Mesh", "mesh"> {
  let summary = "named axes and their sizes, major to minor";
  let description = [{
    Example: `#tpc.mesh<["dp"=2, "tp"=4]>`. Ranks are numbered row-major.

    Constraints: (C1) names are non-empty and distinct. (C2) sizes are positive.
  }];
  let parameters = (ins "::tpc::Mesh":$mesh);
  let hasCustomAssemblyFormat = 1;
  let genVerifyDecl = 1;
}

def TPC_AxisAttr : TPC_Attr<"Axis", "axis"> {
  let summary = "a mesh axis or a part of it";
  let description = [{
    `"tp"` is the whole axis; `"tp":(2)4` its part of size 4 below a more major part of size 2 (Shardy's notation).
    `size` is 0 for the whole axis.
  }];
  let parameters = (ins StringRefParameter<>:$name, "int64_t":$pre, "int64_t":$size);
  let hasCustomAssemblyFormat = 1;
}

def TPC_DimLayoutAttr : TPC_Attr<"DimLayout", "dim"> {
  let summary = "the axes that split one dimension, major to minor; `?` leaves it open to more";
  let parameters = (ins ArrayRefParameter<"::tpc::AxisAttr">:$axes, "bool":$open);
  let hasCustomAssemblyFormat = 1;
}

def TPC_LayoutAttr : TPC_Attr<"Layout", "layout"> {
  let summary = "how a tensor lies on a mesh";
  let description = [{
    Per dimension the axes that split it (major to minor), then the axes over which ranks hold summands. An axis in
    neither is replicated.

    ```mlir
    #tpc.layout<@mesh, [{"dp"}, {"tp":(1)2}, {} ]>
    #tpc.layout<@mesh, [{"dp"}, {}, {?} ], partial = sum {"tp"}>
    ```

    Constraints, checked where the layout is attached: (C1) the mesh is a `tpc.mesh` symbol. (C2) every axis is an
    axis of the mesh. (C3) no two axes overlap. (C4) as many dimensions as the tensor's rank. (C5) `pre * size` of a
    sub-axis divides the axis' size.
  }];
  let parameters = (ins "::mlir::FlatSymbolRefAttr":$mesh, ArrayRefParameter<"::tpc::DimLayoutAttr">:$dims,
                        "::tpc::ReductionKind":$partialKind, ArrayRefParameter<"::tpc::AxisAttr">:$partial);
  let hasCustomAssemblyFormat = 1;
  let extraClassDeclaration = [{
    /// The theory's form of this layout; asserts (C2).
    ::tpc::Layout getLayout(const ::tpc::Mesh &mesh) const;
    static LayoutAttr get(::mlir::FlatSymbolRefAttr symbol, const ::tpc::Layout &layout, const ::tpc::Mesh &mesh);
    /// Checks C2, C3, C4, C5 against `mesh` and a tensor of rank `rank`.
    ::llvm::LogicalResult verifyOn(::llvm::function_ref<::mlir::InFlightDiagnostic()> emitError,
                                   const ::tpc::Mesh &mesh, int64_t rank) const;
  }];
}

//===-- parameters and slots ----------------------------------------------------===//

def TPC_ParamAttr : TPC_Attr<"Param", "param"> {
  let summary = "a parameter in Hugging Face terms";
  let description = [{
    `#tpc.param<"model.layers.0.self_attn.q_proj.weight", shape = [768, 768], kind = linear, fan_in = 768>`.
    `shape` is the Hugging Face shape; the argument's own shape has the same elements in the same row-major order.
  }];
  let parameters = (ins StringRefParameter<>:$name, OptionalArrayRefParameter<"int64_t">:$shape,
                        EnumParameter<TPC_ParameterKind>:$kind, "int64_t":$fan_in);
  let assemblyFormat = "`<` $name `,` `shape` `=` `[` (`]`) : ($shape^ `]`)? `,` `kind` `=` $kind `,` `fan_in` `=` $fan_in `>`";
}

def TPC_GlobalAttr : TPC_Attr<"Global", "global"> {
  let summary = "what a local tensor is a shard of: the global shape and the layout";
  let parameters = (ins ArrayRefParameter<"int64_t">:$shape, "::tpc::LayoutAttr":$layout);
  let hasCustomAssemblyFormat = 1;
}

def TPC_SlotAttr : TPC_Attr<"Slot", "slot"> {
  let summary = "where a value lives in the rank's arena, in bytes";
  let parameters = (ins EnumParameter<TPC_SlotSpace>:$space, "int64_t":$offset, "int64_t":$bytes,
                        EnumParameter<TPC_SlotCategory>:$category);
  let assemblyFormat = "`<` $space `,` `offset` `=` $offset `,` `bytes` `=` $bytes `,` $category `>`";
}

#endif // TPC_DIALECT_TPCATTRIBUTES_TD
