// RUN: tpc-opt %s --tpc-propagate-layouts --tpc-insert-reshards="machine=h100x8 policy=strict" 2>%t.strict | FileCheck %s --check-prefix=STRICT
// RUN: FileCheck %s --check-prefix=QUIET --allow-empty < %t.strict
// RUN: tpc-opt %s --tpc-propagate-layouts --tpc-insert-reshards=machine=h100x8 2>%t.optimize | FileCheck %s --check-prefix=OPTIMIZE
// RUN: FileCheck %s --check-prefix=REMARK < %t.optimize
// RUN: tpc-opt %s --tpc-propagate-layouts --tpc-insert-reshards=policy=strict --tpc-expand-reshards --tpc-localize --tpc-verify-local -o %t.mlir 2>/dev/null
// RUN: tpc-interpret %t.mlir --against=%s
// RUN: not tpc-opt %s --tpc-insert-reshards=policy=lax 2>&1 | FileCheck %s --check-prefix=LAX
// LAX: error: policy is optimize or strict, got 'lax'

// A gather that is asked for and that nobody needs: strict makes it and uses it, optimize says what it saves
// (16 x 8 floats, half of them received).

tpc.mesh @mesh <["tp"=2]>

// STRICT-LABEL: @gather
// STRICT: %[[G:.*]] = tpc.reshard %arg0 to <@mesh, [{}, {}]>
// STRICT: %[[S:.*]] = tpc.reshard %[[G]] to <@mesh, [{}, {"tp"}]>
// STRICT: arith.negf %[[S]]
// QUIET-NOT: remark

// OPTIMIZE-LABEL: @gather
// OPTIMIZE-NEXT: arith.negf %arg0
// REMARK: insert-reshards-policy.mlir:[[#@LINE+5]]:{{.*}}: remark: every user takes this value as Shard(1) on tp; not making it Replicate saves each rank 256 bytes
// REMARK-NOT: remark
func.func @gather(%x: tensor<16x8xf32> {tpc.layout = #tpc.layout<@mesh, [{}, {"tp"}]>})
    -> (tensor<16x8xf32> {tpc.layout = #tpc.layout<@mesh, [{}, {"tp"}]>}) {

  %0 = tpc.constrain %x to <@mesh, [{}, {}]> : tensor<16x8xf32>
  %1 = arith.negf %0 : tensor<16x8xf32>
  return %1 : tensor<16x8xf32>
}
