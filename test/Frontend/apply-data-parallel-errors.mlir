// RUN: split-file %s %t
// RUN: not tpc-opt %t/ok.mlir --tpc-apply-data-parallel=mode=zero3 2>&1 | FileCheck %s --check-prefix=MODE
// MODE: error: mode is ddp, zero1, zero2 or fsdp, got 'zero3'
// RUN: not tpc-opt %t/none.mlir --tpc-apply-data-parallel=mode=fsdp 2>&1 | FileCheck %s --check-prefix=NONE
// NONE: error: expects one tpc.mesh
// RUN: not tpc-opt %t/tp.mlir --tpc-apply-data-parallel=mode=zero1 2>&1 | FileCheck %s --check-prefix=AXIS
// AXIS: tp.mlir:1:1: error: zero1 stores parts of the model on the ranks of the mesh axis dp, or replica and shard, which this mesh has not: add dp=1 or more
// RUN: not tpc-opt %t/replica.mlir --tpc-apply-data-parallel=mode=fsdp 2>&1 | FileCheck %s --check-prefix=REPLICA
// REPLICA: replica.mlir:1:1: error: the mesh axes replica and shard come together, got replica alone: name a single data-parallel axis dp
// RUN: not tpc-opt %t/both.mlir --tpc-apply-data-parallel=mode=fsdp 2>&1 | FileCheck %s --check-prefix=BOTH
// BOTH: both.mlir:1:1: error: the mesh axis dp is replica and shard in one, got dp beside shard: name either dp, or replica and shard
// RUN: not tpc-opt %t/taken.mlir --tpc-apply-data-parallel=mode=zero2 2>&1 | FileCheck %s --check-prefix=TAKEN
// TAKEN: taken.mlir:2:14: error: parameter 'w' is split over dp already, got Shard(0) on dp: that axis is for the data-parallel mode to use

// An axis of size one splits nothing, and a mode of sharing on it is ddp with requests that cost nothing.
// RUN: tpc-opt %t/ok.mlir --tpc-apply-data-parallel=mode=fsdp | FileCheck %s --check-prefix=ONE
// ONE: func.func @f(%{{.*}}: tensor<4x6xf32> {tpc.layout = #tpc.layout<@mesh, [{}, {}]>
//--- ok.mlir
tpc.mesh @mesh <["dp"=1]>
func.func @f(%w: tensor<4x6xf32> {tpc.param = #tpc.param<"w", shape = [4, 6], kind = linear, fan_in = 6>}) {
  return
}
//--- none.mlir
func.func @f() {
  return
}
//--- tp.mlir
tpc.mesh @mesh <["tp"=2]>
//--- replica.mlir
tpc.mesh @mesh <["replica"=2, "tp"=2]>
//--- both.mlir
tpc.mesh @mesh <["dp"=2, "shard"=2]>
//--- taken.mlir
tpc.mesh @mesh <["dp"=2]>
func.func @f(%w: tensor<4x6xf32> {tpc.layout = #tpc.layout<@mesh, [{"dp"}, {}]>, tpc.param = #tpc.param<"w", shape = [4, 6], kind = linear, fan_in = 6>}) {
  return
}
