//===- Passes.td - what leaves the compiler ------------------------*- tablegen -*-===//

#ifndef TPC_TARGET_PASSES_TD
#define TPC_TARGET_PASSES_TD

include "mlir/Pass/PassBase.td"

def CountFlops : Pass<"tpc-count-flops", "::mlir::ModuleOp"> {
  let summary = "Counts the floating-point operations of matrix products and attention in each entry program";
  let description = [{
    Attaches the operations that model FLOPs utilization (MFU) counts to every public function, by both conventions:
    `tpc.flops` without the pairs that a causal mask leaves out, `tpc.palm_flops` with them. Scores that attention's gradient
    computes again count in neither. Precondition: the global program, where nothing is counted twice because ranks repeat it,
    without calls, loops and linalg; the manifest's `flops_per_step` is what `tpc.flops` says of `@step` or `@forward`. With `machine` the module gets `tpc.peak`:
    that model's rate of one device for the element type of most products, which the manifest hands to the runtime's `mfu`.

    ```mlir
    // 2 * 4 * 6 * 8 operations
    func.func @f(%x: tensor<4x8xf32>, %w: tensor<6x8xf32>) -> tensor<4x6xf32> attributes {tpc.flops = 3.840000e+02 : f64, tpc.palm_flops = 3.840000e+02 : f64} {
      %0 = tpc.contract %x, %w : [m, k], [n, k] -> [m, n] : (tensor<4x8xf32>, tensor<6x8xf32>) -> tensor<4x6xf32>
    ```
  }];
  let options = [Option<"machine", "machine", "std::string", "\"\"", "what the utilization is relative to: a preset or a YAML file">];
}

def BuildManifest : Pass<"tpc-build-manifest", "::mlir::ModuleOp"> {
  let summary = "Writes down what the runtime must know of a planned program";
  let description = [{
    Precondition: planned memory, one `tpc.mesh`. Postcondition: `tpc.manifest` on the module, the JSON text of
    docs/manifest.md, which `tpc-lower-to-cpu` embeds in `tpc_compiled_program`. An unknown processor is an error.
  }];
  let options = [Option<"cpu", "cpu", "std::string", "\"native\"",
                        "processor to compile for: native, x86-64-v2, x86-64-v3, x86-64-v4 or a name LLVM knows">];
}

def EmbedKernels : Pass<"tpc-embed-kernels", "::mlir::ModuleOp"> {
  let summary = "Puts the machine code of kernels into the program's constant data";
  let description = [{
    The bytes of the only object in `gpu.binary @tpc_kernels` become the contents of the constant `tpc_device_code`,
    which tpc-lower-to-cuda has left empty and `tpc_compiled_program` refers to; the binary goes. A module without
    kernels stays as it is.
  }];
  let dependentDialects = ["::mlir::LLVM::LLVMDialect"];
}

def SerializeKernels : Pass<"tpc-serialize-kernels", "::mlir::ModuleOp"> {
  let summary = "Makes PTX or machine code of the kernels of a GPU";
  let description = [{
    `gpu.module @tpc_kernels` becomes `gpu.binary @tpc_kernels` with one object: PTX, or the cubin that the CUDA
    toolkit's ptxas makes of it. Functions of libdevice are linked in; one that is left unresolved is an error, and so
    is a missing toolkit where it is needed. A module without kernels stays as it is. For reading, the format nvvm leaves
    a `gpu.module` with functions of the LLVM and NVVM dialects, as they are translated.

    Precondition: tpc-lower-kernels-to-gpu, and entries that no longer name the kernels.
  }];
  let options = [Option<"arch", "arch", "std::string", "\"sm_90\"", "sm_80, sm_90, sm_100 or sm_120">,
                 Option<"format", "format", "std::string", "\"cubin\"", "nvvm, ptx or cubin">,
                 Option<"toolkit", "toolkit", "std::string", "\"\"",
                        "folder of the CUDA toolkit; empty: $CUDA_HOME, /usr/local/cuda, or that of the ptxas on the PATH">];
  let dependentDialects = ["::mlir::LLVM::LLVMDialect", "::mlir::NVVM::NVVMDialect", "::mlir::cf::ControlFlowDialect"];
}

#endif // TPC_TARGET_PASSES_TD
