//===- TPCDialect.td - the tpc dialect ---------------------------*- tablegen -*-===//

#ifndef TPC_DIALECT_TPCDIALECT_TD
#define TPC_DIALECT_TPCDIALECT_TD

include "mlir/IR/OpBase.td"

def TPC_Dialect : Dialect {
  let name = "tpc";
  let cppNamespace = "::tpc";
  let summary = "tensor parallelism: meshes, layouts, the compute ops upstream lacks, collectives";
  let description = [{
    Compute ops are value-semantic on static-shaped ranked tensors. Before `tpc-localize` shapes are global
    (logical), after it they are one rank's. Elementwise math is `arith` and `math` on tensors, shape changes are
    `tensor`, control is `func`; this dialect holds only what upstream lacks.

    Layouts are discardable attributes and exist between `tpc-apply-plan` and `tpc-localize` only:
    `tpc.layouts` on an op, one `#tpc.layout` per tensor result; `tpc.layout` on function arguments and results.
  }];
  let dependentDialects = [
    "::mlir::arith::ArithDialect", "::mlir::math::MathDialect", "::mlir::tensor::TensorDialect"
  ];
  let useDefaultAttributePrinterParser = 1;
  let useDefaultTypePrinterParser = 1;
  let hasOperationAttrVerify = 1;
  let hasRegionArgAttrVerify = 1;
  let extraClassDeclaration = [{
    void registerAttributes();
    void registerTypes();
    /// Reshard planners of this context, by what they plan for: passes share what was planned. One pass
    /// at a time may use one.
    ::llvm::StringMap<::std::unique_ptr<::tpc::ReshardPlanner>> planners;
    static constexpr ::llvm::StringLiteral kLayouts = "tpc.layouts"; ///< on ops: array of #tpc.layout
    static constexpr ::llvm::StringLiteral kLayout = "tpc.layout";   ///< on arguments and results
    /// On arguments that are parameters: another #tpc.layout that they may have instead.
    static constexpr ::llvm::StringLiteral kAlternative = "tpc.alternative";
    static constexpr ::llvm::StringLiteral kParam = "tpc.param";     ///< on arguments: #tpc.param
    static constexpr ::llvm::StringLiteral kState = "tpc.state";     ///< on arguments: "exp_avg", "exp_avg_sq"
    static constexpr ::llvm::StringLiteral kInput = "tpc.input";     ///< on arguments: name of the input
    static constexpr ::llvm::StringLiteral kOutput = "tpc.output";   ///< on results: name of the output
    static constexpr ::llvm::StringLiteral kAlias = "tpc.alias";     ///< on results: argument that it updates
    static constexpr ::llvm::StringLiteral kGradient = "tpc.gradient"; ///< on results: name of the parameter
    static constexpr ::llvm::StringLiteral kGlobal = "tpc.global";   ///< on arguments and results: #tpc.global
    static constexpr ::llvm::StringLiteral kLogicalShape = "tpc.logical_shape"; ///< on padded arguments and results: the shape without padding
    static constexpr ::llvm::StringLiteral kSlots = "tpc.slots";     ///< on ops: array of #tpc.slot
    static constexpr ::llvm::StringLiteral kSlot = "tpc.slot";       ///< on arguments and results
    static constexpr ::llvm::StringLiteral kArena = "tpc.arena";     ///< on the module: bytes of the planned memory
    static constexpr ::llvm::StringLiteral kManifest = "tpc.manifest"; ///< on the module: docs/manifest.md as text
    static constexpr ::llvm::StringLiteral kKernel = "tpc.kernel";   ///< on functions outlined as kernels
    static constexpr ::llvm::StringLiteral kFlops = "tpc.flops";     ///< on functions (tpc-count-flops)
    static constexpr ::llvm::StringLiteral kPalmFlops = "tpc.palm_flops"; ///< with what causal masks leave out
    static constexpr ::llvm::StringLiteral kModel = "tpc.model";     ///< on the module: the model's dictionary
  }];
}

#endif // TPC_DIALECT_TPCDIALECT_TD
