//===- Passes.td - the plan becomes constraints ------------------*- tablegen -*-===//

#ifndef TPC_FRONTEND_PASSES_TD
#define TPC_FRONTEND_PASSES_TD

include "mlir/Pass/PassBase.td"

def ApplyPlan : Pass<"tpc-apply-plan", "::mlir::ModuleOp"> {
  let summary = "Turns a parallel plan into layout constraints at the boundaries of modules.";
  let description = [{
    Precondition: modules' inputs and outputs pass through `tpc.boundary`; a mesh with the axes `dp` (the batch) and
    `tp` (the styles). Postcondition: no boundary is left; `tpc.constrain` ops, located at the plan's lines, stand where
    the plan asks for a layout that the value is not known to have; every parameter and every input has a `tpc.layout`.

    A layout on tp means: Replicate, or Shard of one of Hugging Face's dimensions. Attention heads are split whole:
    key/value heads by their greatest common divisor with tp; the rest of tp splits the query heads of each group, and the
    head dimension of key and value projections, whose outputs are then gathered. Without a plan everything is
    replicated over tp.

    `policy=optimize` keeps the heads of an attention sharded where the plan gathers queries, keys and values and
    splits the result again, which gives the same values for less, and says so in a remark; a producer of another
    layout than `input_layouts` claims is a warning. `policy=strict` keeps every layout of the plan; such a producer is
    an error.

    Before, with `up: ColwiseParallel(output_layouts=Replicate())` and tp=2:
    ```mlir
    %0 = tpc.boundary %x input 0 of linear "up" dims [[0], [1], [2]] : tensor<2x4x8xf32>
    %1 = tpc.use %w : tensor<16x8xf32>
    %2 = tpc.contract %0, %1 : [b, s, k], [f, k] -> [b, s, f] : ...
    %3 = tpc.boundary %2 output 0 of linear "up" dims [[0], [1], [2]] : tensor<2x4x16xf32>
    ```
    After, with `tpc.layout = #tpc.layout<@mesh, [{"tp"}, {} ]>` on the argument `%w`:
    ```mlir
    %0 = tpc.constrain %x to <@mesh, [{}, {}, {} ]> of "up" : tensor<2x4x8xf32>
    %1 = tpc.use %w : tensor<16x8xf32>
    %2 = tpc.contract %0, %1 : [b, s, k], [f, k] -> [b, s, f] : ...
    %3 = tpc.constrain %2 to <@mesh, [{}, {}, {} ]> of "up" : tensor<2x4x16xf32>
    ```
  }];
  let options = [
    Option<"plan", "plan", "std::string", /*default=*/"\"\"", "plan file; empty: everything replicated over tp">,
    Option<"policy", "policy", "std::string", /*default=*/"\"optimize\"", "optimize or strict">,
  ];
  let statistics = [Statistic<"numConstraints", "constraints", "layouts that the plan asks for">];
  let dependentDialects = ["::tpc::TPCDialect"];
}

#endif // TPC_FRONTEND_PASSES_TD
