// --reshard-memory holds for every pass that plans reshards: gathered and sliced, all 64 bytes would lie on a rank.
// RUN: tpc-compile %s --plan none --emit=local | FileCheck %s --check-prefix=FREE
// RUN: tpc-compile %s --plan none --emit=local --reshard-memory=32 | FileCheck %s --check-prefix=CAPPED
// RUN: tpc-compile %s --plan none --emit=local --reshard-memory=32 --verify -o %t.mlir
// RUN: not tpc-compile %s --plan none --emit=local --reshard-memory=8 2>&1 | FileCheck %s --check-prefix=NONE
// RUN: not tpc-compile %s --plan none --emit=local --reshard-memory=-1 2>&1 | FileCheck %s --check-prefix=NEGATIVE
// FREE: tpc.all_gather %{{.*}} dim 0 over @mesh ["x", "y"]
// CAPPED-NOT: ["x", "y"] : tensor<4xf32> -> tensor<16xf32>
// CAPPED: tpc.permute
// CAPPED: tpc.all_gather %{{.*}} dim 0 over @mesh ["x"]
// NONE: error: result 0 cannot be made Shard(0) on y, got Shard(0) on (x, y); a way may need more than the 8 bytes that --reshard-memory allows in between
// NEGATIVE: --reshard-memory: Value -1 not in range
tpc.mesh @mesh <["x"=2, "y"=2]>
func.func @halves(%x: tensor<16xf32> {tpc.layout = #tpc.layout<@mesh, [{"x", "y"}]>}) -> (tensor<16xf32> {tpc.layout = #tpc.layout<@mesh, [{"y"}]>}) {
  %0 = arith.negf %x : tensor<16xf32>
  %1 = tpc.constrain %0 to <@mesh, [{"x", "y"}]> : tensor<16xf32>
  return %1 : tensor<16xf32>
}
