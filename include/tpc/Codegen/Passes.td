//===- Passes.td - kernels formed, memory planned, lowered ---------*- tablegen -*-===//

#ifndef TPC_CODEGEN_PASSES_TD
#define TPC_CODEGEN_PASSES_TD

include "mlir/Pass/PassBase.td"

def FoldLocalCollectives : Pass<"tpc-fold-local-collectives", "::mlir::ModuleOp"> {
  let summary = "Removes collectives whose groups are single ranks";
  let description = [{
    An axis of size 1 costs nothing: a collective over such axes only is its operand, its index is 0. Precondition:
    local shapes. Postcondition: every collective of the entry programs has groups of at least two ranks.

    ```mlir
    tpc.mesh @mesh <["dp"=1, "tp"=2]>
    %y = tpc.all_reduce sum %x over @mesh ["dp"] : tensor<4xf32>   // becomes %x
    ```
  }];
}

#endif // TPC_CODEGEN_PASSES_TD
