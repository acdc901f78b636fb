//===- ScheduleOps.td - what an entry program is after tpc-form-kernels -*- tablegen -*-===//

#ifndef TPC_DIALECT_SCHEDULEOPS_TD
#define TPC_DIALECT_SCHEDULEOPS_TD

include "tpc/Dialect/TPCOpBase.td"

def TPC_LaunchOp : TPC_Op<"launch", [Pure, TPC_Cost, DeclareOpInterfaceMethods<SymbolUserOpInterface>]> {
  let summary = "runs an outlined kernel";
  let description = [{
    A call of a private function with the attribute `tpc.kernel`; many launches share one kernel.

    ```mlir
    %y = tpc.launch @swiglu(%gate, %up) : (tensor<4096xf32>, tensor<4096xf32>) -> tensor<4096xf32>
    ```
    Constraints: (C1) the callee is a function with `tpc.kernel`. (C2) operand and result types are its, until it is
    lowered to a function of pointers.
  }];
  let arguments = (ins FlatSymbolRefAttr:$kernel, Variadic<AnyType>:$inputs);
  let results = (outs Variadic<TPC_Tensor>:$results);
  let assemblyFormat = "$kernel `(` $inputs `)` attr-dict `:` functional-type($inputs, $results)";
}

def TPC_ContractPairOp : TPC_Op<"contract_pair", [Pure, TPC_Cost]> {
  let summary = "two contractions of one shape, done together";
  let description = [{
    As two `tpc.contract` with the same equation and types. The two left or right sides may be one value: the projections
    to gate and up, or to keys and values, become one batched product of a library.

    ```mlir
    %g, %u = tpc.contract_pair %x, %wg and %x, %wu : [s, k], [n, k] -> [s, n]
               : (tensor<512x768xf32>, tensor<3072x768xf32>) -> tensor<512x3072xf32>
    ```
    Constraints: those of `tpc.contract` for each.
  }];
  let arguments = (ins TPC_Float:$lhs, TPC_Float:$rhs, TPC_Float:$other_lhs, TPC_Float:$other_rhs, StrAttr:$equation);
  let results = (outs TPC_Float:$result, TPC_Float:$other_result);
  let hasCustomAssemblyFormat = 1;
  let hasVerifier = 1;
  let extraClassDeclaration = [{
    std::array<::tpc::Contraction, 2> getContractions();
    ::tpc::WorkKind getWorkKind() { return ::tpc::WorkKind::Contract; }
  }];
}

def TPC_CopyOp : TPC_Op<"copy", [Pure, TPC_Cost, SameOperandsAndResultType]> {
  let summary = "the same value in a buffer of its own";
  let description = [{
    Identity on values. The memory planner inserts it where a result must lie in the buffer of an argument that is
    still read.
    ```mlir
    %y = tpc.copy %x : tensor<4096xf32>
    ```
  }];
  let arguments = (ins TPC_Tensor:$input);
  let results = (outs TPC_Tensor:$result);
  let assemblyFormat = "$input attr-dict `:` type($input)";
}

#endif // TPC_DIALECT_SCHEDULEOPS_TD
