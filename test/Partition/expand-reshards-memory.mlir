// A way that never takes more than memory-cap bytes on a rank in between, where the cheapest one does: 64 bytes of all,
// 32 of a half. The cap is the pass's or the module's.
// RUN: tpc-opt %s --tpc-expand-reshards | FileCheck %s --check-prefix=FREE
// RUN: tpc-opt %s --tpc-expand-reshards=memory-cap=32 -o %t.capped.mlir && FileCheck %s --check-prefix=CAPPED < %t.capped.mlir
// RUN: sed -e 's/^module {/module attributes {tpc.reshard_memory = 32} {/' %s > %t.said.mlir
// RUN: tpc-opt %t.said.mlir --tpc-expand-reshards | FileCheck %s --check-prefix=CAPPED
// RUN: tpc-opt %t.capped.mlir --tpc-localize --tpc-verify-local | tpc-interpret --against=%s --precision=exact
// RUN: not tpc-opt %s --tpc-expand-reshards=memory-cap=8 2>&1 | FileCheck %s --check-prefix=NONE
// RUN: not tpc-opt %s --tpc-expand-reshards=memory-cap=-1 2>&1 | FileCheck %s --check-prefix=NEGATIVE
// FREE: tpc.all_gather %{{.*}} dim 0 over @mesh ["x", "y"]
// FREE: tpc.shard_slice %{{.*}} dim 0 over @mesh ["y"]
// CAPPED-NOT: tpc.shard_slice
// CAPPED: tpc.permute
// CAPPED: tpc.all_gather %{{.*}} dim 0 over @mesh ["x"]
// NONE: error: 'tpc.reshard' op no way from Shard(0) on (x, y) to Shard(0) on y within 8 bytes of intermediate memory
// NEGATIVE: error: memory-cap is a number of bytes, got -1
module {
  tpc.mesh @mesh <["x"=2, "y"=2]>
  func.func @halves(%x: tensor<16xf32> {tpc.layout = #tpc.layout<@mesh, [{"x", "y"}]>}) -> (tensor<16xf32> {tpc.layout = #tpc.layout<@mesh, [{"y"}]>}) {
    %0 = tpc.reshard %x to <@mesh, [{"y"}]> {tpc.layouts = [#tpc.layout<@mesh, [{"y"}]>]} : tensor<16xf32>
    return %0 : tensor<16xf32>
  }
}
