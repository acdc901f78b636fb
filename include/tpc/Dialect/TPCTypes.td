//===- TPCTypes.td - handles of what is under way ----------------*- tablegen -*-===//

#ifndef TPC_DIALECT_TPCTYPES_TD
#define TPC_DIALECT_TPCTYPES_TD

include "mlir/IR/AttrTypeBase.td"
include "tpc/Dialect/TPCDialect.td"

def TPC_PendingType : TypeDef<TPC_Dialect, "Pending"> {
  let mnemonic = "pending";
  let summary = "the tensors that a started collective will deliver";
  let description = [{
    `!tpc.pending<tensor<768xf32>, tensor<f32>>`, one tensor per operand of the collective. Only `tpc.wait` takes it. MPI's
    request, Shard's and XLA's async-start token.
  }];
  let parameters = (ins ArrayRefParameter<"::mlir::RankedTensorType">:$tensors);
  let assemblyFormat = "`<` $tensors `>`";
}

#endif // TPC_DIALECT_TPCTYPES_TD
