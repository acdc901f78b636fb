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

def PlanMemory : Pass<"tpc-plan-memory", "::mlir::ModuleOp"> {
  let summary = "Gives every value of the entry programs an offset in the rank's arena";
  let description = [{
    Precondition: schedules as tpc-form-kernels leaves them. Postcondition: every op with tensor results has
    `tpc.slots` (one per result, then one for its workspace if it needs one), arguments and results of entries have
    `tpc.slot`, the module has `tpc.arena`: bytes of the regions `private` and `shared` (communication) and, at the
    instant at which most is live, bytes of each category (what no value uses then counts as activations or
    communication, so that the categories add up to the arena).

    - Parameters and optimizer state have one place in all entries; transient memory is shared between entries.
    - Reshapes are free. A result is computed in place of an operand that dies there if the kernel's `in_place` allows
      it; an all_reduce always does. A result with `tpc.alias` lies in the argument's memory, by `tpc.copy` if the
      old value is read later.
    - Operands and results of collectives lie in the communication region, where shared memory reduces in place,
      but for parameters, state and inputs.

    ```mlir
    func.func @f(%x: tensor<16xf32>) -> tensor<16xf32> {
      %0 = tpc.launch @double(%x) : (tensor<16xf32>) -> tensor<16xf32>
      return %0 : tensor<16xf32>
    }
    // becomes
    func.func @f(%x: tensor<16xf32> {tpc.slot = #tpc.slot<private, offset = 0, bytes = 64, activations>})
        -> (tensor<16xf32> {tpc.slot = #tpc.slot<private, offset = 64, bytes = 64, activations>}) {
      %0 = tpc.launch @double(%x) {tpc.slots = [#tpc.slot<private, offset = 64, bytes = 64, activations>]} : ...
    ```
  }];
  let dependentDialects = ["::tpc::TPCDialect"];
}

def VerifyMemory : Pass<"tpc-verify-memory", "::mlir::ModuleOp"> {
  let summary = "Checks that no two values that live at once overlap in memory";
  let description = [{
    Independent of the planner: recomputes from the program which values are read later and replays the schedule.
    Checked: (C1) every value has a slot of its size, aligned to 64 bytes, inside `tpc.arena`; a reshape has its
    operand's. (C2) no result or workspace is written over a value that is read later or returned, nor over an operand
    of the same op that does not allow it. (C3) a parameter or state has one slot in all entries, no transient value
    overlaps it, and only its `tpc.alias` or `tpc.param` result is written there. (C4) a result with `tpc.alias` has the slot of its argument.
  }];
}

def LowerToCpu : Pass<"tpc-lower-to-cpu", "::mlir::ModuleOp"> {
  let summary = "Lowers planned entry programs to LLVM functions that call the runtime";
  let description = [{
    Precondition: schedules with slots; kernels are LLVM functions with `tpc.kernel`. Postcondition: no op of the tpc
    dialect; one function `void tpc_entry_<name>(tpc_context *, char *private, char *communication)` per entry, whose
    body is a list of calls of runtime/include/tpc_runtime.h. Descriptors are constant globals. If the module has
    `tpc.manifest`, `tpc_compiled_program` is defined too. A contract that is no batch of matrix products is an error.

    ```mlir
    %1 = tpc.launch @double(%0) {tpc.slots = [#tpc.slot<private, offset = 64, bytes = 64, activations>]} : ...
    // becomes: pointers to both slots in a stack array, then
    llvm.call @tpc_launch(%context, %double, %pointers, %extent, %grain)
    ```
  }];
  let dependentDialects = ["::mlir::LLVM::LLVMDialect"];
}

#endif // TPC_CODEGEN_PASSES_TD
