//===- Passes.td - the plan becomes constraints ------------------*- tablegen -*-===//

#ifndef TPC_FRONTEND_PASSES_TD
#define TPC_FRONTEND_PASSES_TD

include "mlir/Pass/PassBase.td"

def ApplyDataParallel : Pass<"tpc-apply-data-parallel", "::mlir::ModuleOp"> {
  let summary = "Sets where parameters, gradients and optimizer state are stored: ddp, zero1, zero2 or fsdp.";
  let description = [{
    Precondition: parameters have the layouts of the plan (`tpc-apply-plan`); a training step, if there is to be one, is
    complete (`tpc-append-optimizer`). Postcondition: arguments and results that are parameters, state or gradients
    have the layouts of the mode over the storage axis, `dp`, or `shard` of a mesh with `replica` and `shard`:

    | mode | parameters | gradients | state |
    |---|---|---|---|
    | `ddp` | whole | whole | whole |
    | `zero1`, `zero2` | whole | sharded | sharded |
    | `fsdp` | sharded | sharded | sharded |

    "Whole" and "sharded" are on top of the plan's split. The storage axis goes to the first dimension that it divides,
    as the most minor axis there; without one, to the dimension that is padded least (`tpc-pad-uneven`). A parameter with
    more ranks than elements in any dimension is whole on every rank, with a remark.

    Gradients pass a `tpc.reshard` where they are made if the batch is split: one sum over the data-parallel ranks into
    the layout in which they are kept. Except with `ddp`, every `tpc.use` gets the plan's layout, which is how the
    parameter is used, and new parameters pass a `tpc.reshard`, too. With `fsdp`, backward has uses of its own behind a `tpc.barrier`: so a
    parameter is gathered twice and kept in between by nobody; `reshard-after-forward=false` leaves it one use. Nothing
    here inserts a collective: that a layout of storage differs from one of use is enough for the passes that follow.

    The modes zero1 and zero2 differ in the gradients that stay between the micro-steps of one update (whole or
    sharded), so not in a program of one micro-step.

    ```mlir
    tpc.mesh @mesh <["dp"=2]>
    func.func @forward(%x: tensor<2x8xf32> {tpc.input = "x"},
                       %w: tensor<4x8xf32> {tpc.param = #tpc.param<"w", shape = [4, 8], kind = linear, fan_in = 8>}) -> tensor<2x4xf32> {
      %0 = tpc.use %w : tensor<4x8xf32>
      %1 = tpc.contract %x, %0 : [b, k], [n, k] -> [b, n] : (tensor<2x8xf32>, tensor<4x8xf32>) -> tensor<2x4xf32>
      return %1 : tensor<2x4xf32>
    }
    ```
    With `mode=fsdp`, `%w` has `tpc.layout = #tpc.layout<@mesh, [{"dp"}, {} ]>` and the use
    `tpc.layouts = [#tpc.layout<@mesh, [{}, {} ]>]`.
  }];
  let options = [
    Option<"mode", "mode", "std::string", /*default=*/"\"ddp\"", "ddp, zero1, zero2 or fsdp">,
    Option<"reshardAfterForward", "reshard-after-forward", "bool", /*default=*/"true",
           "fsdp: parameters are gathered again in backward instead of being kept">,
  ];
  let statistics = [Statistic<"numGathers", "gathers", "parameters that backward gathers again">];
  let dependentDialects = ["::tpc::TPCDialect"];
}

def ApplyPlan : Pass<"tpc-apply-plan", "::mlir::ModuleOp"> {
  let summary = "Turns a parallel plan into layout constraints at the boundaries of modules.";
  let description = [{
    Precondition: modules' inputs and outputs pass through `tpc.boundary`; a mesh with the axes `dp`, or `replica`
    and `shard` (the batch) and `tp` (the styles). Postcondition: no boundary is left; `tpc.constrain` ops, located at the plan's lines, stand where
    the plan asks for a layout that the value is not known to have; every parameter and every input has a `tpc.layout`.

    A layout on tp means: Replicate, or Shard of one of Hugging Face's dimensions, into parts that need not divide it
    (`tpc-pad-uneven` makes them); an error only if tp exceeds the query heads that it splits. Attention heads are split whole:
    key/value heads by their greatest common divisor with tp; the rest of tp splits the query heads of each group, and the
    head dimension of key and value projections, whose outputs are then gathered.

    `plan` is a file or a word: `auto` derives the standard plan from the graph (pairs of column-wise and row-wise
    modules, sequence parallelism between them, tables and the loss split over the vocabulary), `hf` takes the one that
    Hugging Face gives the model, `none` replicates everything over tp.

    Requests inside a block (a module all of whose modules are leaves, such as self_attn or mlp, with requests for all that
    enters and leaves it) are `interior`. With `policy=optimize` key/value projections that are split inside heads have the
    layout with whole heads as `tpc.alternative`; `tpc-choose-layouts` decides on both. A producer of another
    layout than `input_layouts` claims is a warning, and with `policy=strict` an error.

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
    Option<"plan", "plan", "std::string", /*default=*/"\"auto\"", "plan file, or auto, hf, none">,
    Option<"policy", "policy", "std::string", /*default=*/"\"optimize\"", "optimize or strict">,
  ];
  let statistics = [Statistic<"numConstraints", "constraints", "layouts that the plan asks for">];
  let dependentDialects = ["::tpc::TPCDialect"];
}

def ConvertLinalg : Pass<"tpc-convert-linalg", "::mlir::ModuleOp"> {
  let summary = "Rewrites linalg ops and tensor.pad in terms of ops with sharding rules.";
  let description = [{
    Precondition: static shapes; no layouts. Postcondition: no op of linalg and no `tensor.pad`, the same values. A
    `linalg.generic` (named ops are generalized first) whose indexing maps select loops becomes

    - a `tpc.contract`, if it adds up products of two operands,
    - otherwise transposes and broadcasts of its operands, its body as elementwise ops, a `tpc.reduce` where it has
      reduction loops, and one more op that joins it with its initial value, unless that is a neutral constant.

    `linalg.fill` becomes a constant, `tensor.pad` an insertion into one. Anything else (windows, several outputs,
    indices) is an error at the op.

    ```mlir
    %0 = linalg.fill ins(%zero : f32) outs(%empty : tensor<4x6xf32>) -> tensor<4x6xf32>
    %1 = linalg.matmul ins(%x, %w : tensor<4x8xf32>, tensor<8x6xf32>) outs(%0 : tensor<4x6xf32>) -> tensor<4x6xf32>
    // becomes
    %1 = tpc.contract %x, %w : [a, c], [c, b] -> [a, b] : (tensor<4x8xf32>, tensor<8x6xf32>) -> tensor<4x6xf32>
    ```
  }];
  let dependentDialects = ["::mlir::arith::ArithDialect", "::mlir::linalg::LinalgDialect", "::mlir::tensor::TensorDialect",
                           "::tpc::TPCDialect"];
}

def FlattenControlFlow : Pass<"tpc-flatten-control-flow", "::mlir::ModuleOp"> {
  let summary = "Inlines calls and unrolls loops, so that public functions are straight lists of operations.";
  let description = [{
    Precondition: `func.call` of private functions, `scf.for` of constant bounds. Postcondition: neither is left in a
    public function; private functions without a use are gone. Index arithmetic on what became constant is evaluated. So
    every call and every round of a loop gets layouts of its own. A function that becomes longer than `max-ops` is an
    error, as is recursion.

    ```mlir
    %1 = scf.for %i = %zero to %two step %one iter_args(%x = %0) -> tensor<4xf32> {
      %2 = func.call @layer(%x) : (tensor<4xf32>) -> tensor<4xf32>
      scf.yield %2 : tensor<4xf32>
    }
    // becomes, with @layer(%x) = -x
    %1 = arith.negf %0 : tensor<4xf32>
    %2 = arith.negf %1 : tensor<4xf32>
    ```
  }];
  let options = [Option<"maxOps", "max-ops", "int64_t", "1000000", "longest list that a function may become">];
  let dependentDialects = ["::mlir::arith::ArithDialect", "::mlir::scf::SCFDialect"];
}

#endif // TPC_FRONTEND_PASSES_TD
