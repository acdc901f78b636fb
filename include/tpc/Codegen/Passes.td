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

def FormKernels : Pass<"tpc-form-kernels", "::mlir::ModuleOp"> {
  let summary = "Turns entry programs into lists of kernel launches, one kernel per distinct body";
  let description = [{
    Compound ops (norms, AdamW, cross-entropy's log-sum-exp, sums of squares) become elementwise ops, broadcasts and
    reductions; those that share an iteration space and depend on each other are outlined together, so that a value
    passes through memory once. A product, or the gradient of an embedding, that is added to a tensor in memory accumulates
    on it. Arithmetic on bf16 is done in f32 between loads and stores. What the runtime computes (contractions, attention,
    embeddings, initial values, dropout), collectives, reshapes and index arithmetic stay in the entry, and so do slices that
    only products and collectives read, if they lie in one piece, at a multiple of 64 bytes.

    Precondition: local shapes, all static; straight-line functions. Postcondition: entries hold launches and the ops
    just named; kernels are private functions with `tpc.kernel` (extent, grain, in_place: see KernelInfo.h), no two of
    them equal. An op that has no place is an error at its location.

    ```mlir
    %0 = arith.addf %x, %y : tensor<4x8xf32>
    %1 = tpc.rms_norm %0, %w eps 1.0e-5 : tensor<4x8xf32>, tensor<8xf32>
    // becomes
    %1:2 = tpc.launch @kernel_addf_rms_norm_4x8(%x, %y, %w)
        : (tensor<4x8xf32>, tensor<4x8xf32>, tensor<8xf32>) -> (tensor<4x8xf32>, tensor<4x8xf32>)
    ```
  }];
  let dependentDialects = ["::mlir::arith::ArithDialect", "::mlir::math::MathDialect", "::mlir::tensor::TensorDialect",
                           "::tpc::TPCDialect"];
}

def PairContracts : Pass<"tpc-pair-contracts", "::mlir::ModuleOp"> {
  let summary = "Turns two products of one shape that share a side into one batched call";
  let description = [{
    The projections to gate and up, or to keys and values, and the gradients of their weights: contractions that are
    alike but for one side become a `tpc.contract_pair` where the second of them stands, if nobody needs the first
    before. A library then fills the device once instead of twice. Memory needs no order for it: in one arena any two
    places are a fixed distance apart, which is the stride of the batch.

    Does nothing for a target whose library has no use for it: a processor.

    Precondition: schedules of tpc-form-kernels, `tpc.target`. Postcondition: as before.

    ```mlir
    %g = tpc.contract %x, %wg : [s, k], [n, k] -> [s, n] : ...
    %u = tpc.contract %x, %wu : [s, k], [n, k] -> [s, n] : ...
    // becomes
    %g, %u = tpc.contract_pair %x, %wg and %x, %wu : [s, k], [n, k] -> [s, n] : ...
    ```
  }];
  let statistics = [Statistic<"numPairs", "pairs", "products that became one call with another">];
  let dependentDialects = ["::tpc::TPCDialect"];
}

def GroupLaunches : Pass<"tpc-group-launches", "::mlir::ModuleOp"> {
  let summary = "Turns launches of kernels that differ in sizes only into one launch"
                " of a kernel for all their tensors";
  let description = [{
    The update of every parameter, the cast of every weight, the squares of every gradient: elementwise kernels and
    kernels of rows of one length that have one body and are ready where the first of them stands. As many as have
    together at most 512 operands and results, which is what the parameters of a GPU's kernel hold, become one launch
    there, unless results would be kept that are dead when the last of them would run. The kernel's body is launches of
    its members (see KernelGroup.h); a target writes the members' body once, and a table says where tensors begin.

    Precondition: schedules and kernels of tpc-form-kernels. Postcondition: as before.

    ```mlir
    %0 = tpc.launch @double_64(%a) : (tensor<64xf32>) -> tensor<64xf32>
    %1 = tpc.launch @double_8x64(%b) : (tensor<8x64xf32>) -> tensor<8x64xf32>
    // becomes
    %0:2 = tpc.launch @double_2_launches(%a, %b)
        : (tensor<64xf32>, tensor<8x64xf32>) -> (tensor<64xf32>, tensor<8x64xf32>)
    ```
  }];
  let dependentDialects = ["::tpc::TPCDialect"];
}

def PlanMemory : Pass<"tpc-plan-memory", "::mlir::ModuleOp"> {
  let summary = "Gives every value of the entry programs an offset in the rank's arena";
  let description = [{
    Precondition: schedules as tpc-form-kernels leaves them; `tpc.target` on the module, unless that is a processor: it
    says how much workspace an op needs. Postcondition: every op with tensor results has
    `tpc.slots` (one per result, then one for its workspace if it needs one), arguments and results of entries have
    `tpc.slot`, the module has `tpc.arena`: bytes of the regions `private` and `shared` (communication) and, at the
    instant at which most is live, bytes of each category (what no value uses then counts as activations or
    communication, so that the categories add up to the regions), `packing`, what of the
    communication region is scratch memory of collectives, and `workspace_per_thread`: what a run adds to the
    private region for each of its threads. The slot of a workspace starts at the end of `private`, the part of the
    first thread; ops share it, because only one runs at a time.

    - Parameters and optimizer state have one place in all entries; transient memory is shared between entries.
    - Reshapes are free; a slice that is still there is a part of its operand's memory. A result is computed in place of an operand that dies there if the kernel's `in_place` allows
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
    operand's, a slice its part of that. (C2) no result is written over a value that is read later or returned, nor over an operand
    of the same op that does not allow it; a started collective needs its operands and has its results until its wait. (C3) a parameter or state has one slot in all entries, nothing else
    overlaps it, and only its `tpc.alias` or `tpc.param` result is written there. (C4) a result with `tpc.alias` has the slot of
    its argument. (C5) a workspace is large enough, starts at the end of the private region and fits into
    `workspace_per_thread`.
  }];
}

def LowerToCpu : Pass<"tpc-lower-to-cpu", "::mlir::ModuleOp"> {
  let summary = "Lowers planned entry programs to LLVM functions that call the runtime";
  let description = [{
    Precondition: schedules with slots; kernels are LLVM functions with `tpc.kernel`. Postcondition: no op of the tpc
    dialect; one function `void tpc_entry_<name>(tpc_context *, char *private, char *communication)` per entry, whose
    body is a list of calls of runtime/include/tpc_runtime.h. Descriptors are constant globals. If the module has
    `tpc.manifest`, `tpc_compiled_program` is defined too, with the backend `tpc_cpu_backend`. A contract that is no batch of matrix products is an error.

    ```mlir
    %1 = tpc.launch @double(%0) {tpc.slots = [#tpc.slot<private, offset = 64, bytes = 64, activations>]} : ...
    // becomes: pointers to both slots in a stack array, then
    llvm.call @tpc_launch(%context, %double, %pointers, %extent, %grain)
    ```
  }];
  let dependentDialects = ["::mlir::LLVM::LLVMDialect"];
}

def LowerToCuda : Pass<"tpc-lower-to-cuda", "::mlir::ModuleOp"> {
  let summary = "Lowers planned entry programs to LLVM functions that give their work to a GPU";
  let description = [{
    As tpc-lower-to-cpu, whose calls of the runtime it makes, with pointers to the GPU's memory. A launch names a
    function of the device code: a kernel in `gpu.module @tpc_kernels`, launched as its `tpc.grid` says with pointers
    to operands and results, index operands by value and, if it has `tpc.workspace`, the pointer to that; then the
    kernel of its `tpc.finish` with the same arguments. `tpc_compiled_program` refers to the backend `tpc_cuda_backend`
    and to the bytes `tpc_device_code`, empty until tpc-embed-kernels fills them.

    ```mlir
    %1 = tpc.launch @double(%0) {tpc.slots = [#tpc.slot<private, offset = 64, bytes = 64, activations>]} : ...
    // becomes: pointers to both slots in a stack array, then
    llvm.call @tpc_launch_device(%context, %descriptor, %pointers)
    ```
  }];
  let dependentDialects = ["::mlir::LLVM::LLVMDialect"];
}

def LowerKernels : Pass<"tpc-lower-kernels", "::mlir::ModuleOp"> {
  let summary = "Writes each kernel as vector loops over its iterations, in the LLVM dialect";
  let description = [{
    A kernel `func.func @name(operands) -> results` becomes `llvm.func @name(buffers, begin, end)` of the same name,
    linkage internal, that computes iterations [begin, end) (`tpc_kernel` in runtime/include/tpc_runtime.h) and keeps
    the attribute `tpc.kernel`. `buffers` has one pointer per operand, then one per result; an index operand is passed
    as a pointer to an int64_t.

    Elementwise kernels are one loop over vectors; row kernels walk over each row once per level of dependent
    reductions, with four vectors of partial results; column kernels add eight rows in registers at a time. What is
    left over of a vector is masked. exp, expm1, log, log2, log1p, tanh, sin, cos and erf of float32 are polynomials;
    other functions, and those of float64, go to libm.
    bf16 is loaded and stored, and extended and rounded in between.
    Results do not depend on how iterations are split over threads.

    Precondition: kernels of tpc-form-kernels. Postcondition: no `func.func` has `tpc.kernel`.
  }];
  let options = [Option<"vectorBits", "vector-bits", "int64_t", "512", "width of the target's vectors">,
                 Option<"expandBf16", "expand-bf16", "bool", "false",
                        "round to bf16 with integer arithmetic, for processors without an instruction for it">];
  let dependentDialects = ["::mlir::LLVM::LLVMDialect", "::mlir::cf::ControlFlowDialect", "::mlir::scf::SCFDialect",
                           "::mlir::vector::VectorDialect"];
}

def LowerKernelsToGpu : Pass<"tpc-lower-kernels-to-gpu", "::mlir::ModuleOp"> {
  let summary = "Writes each kernel as the program of a GPU's thread, in the gpu dialect";
  let description = [{
    A kernel `func.func @name(operands) -> results` becomes `gpu.func @name` in `gpu.module @tpc_kernels`, with
    `tpc.grid`, the blocks and threads of its launch; GpuKernelInfo.h has its parameters. Launches keep naming it.

    A thread of an elementwise kernel computes one vector of 16 bytes. A block computes a row (a warp, or a part of
    one, computes a short row), which stays in registers between reductions if it fits. Reductions down columns
    are made in two stages with a fixed order, through a workspace. Nothing is atomic, so results do not
    depend on scheduling. A block of a group finds its member by bisection in a table of constants.

    Precondition: kernels of tpc-form-kernels. Postcondition: no `func.func` has `tpc.kernel`. tpc-serialize-kernels
    makes machine code of the result.

    ```mlir
    func.func private @double(%x: tensor<1024xf32>) -> tensor<1024xf32> attributes {tpc.kernel} {
      %0 = arith.addf %x, %x : tensor<1024xf32>
      return %0 : tensor<1024xf32>
    }
    // becomes
    gpu.module @tpc_kernels {
      gpu.func @double(%x: !llvm.ptr<1>, %y: !llvm.ptr<1>) kernel
          attributes {tpc.grid = {blocks = 1 : i64, threads = 256 : i64}} {
        %thread = gpu.thread_id x
        ...
        %1 = llvm.load %address {alignment = 16 : i64} : !llvm.ptr<1> -> vector<4xf32>
    ```
  }];
  let dependentDialects = ["::mlir::LLVM::LLVMDialect", "::mlir::arith::ArithDialect", "::mlir::gpu::GPUDialect",
                           "::mlir::math::MathDialect", "::mlir::scf::SCFDialect", "::mlir::vector::VectorDialect"];
}

#endif // TPC_CODEGEN_PASSES_TD
