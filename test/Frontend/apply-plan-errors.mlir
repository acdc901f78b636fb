// RUN: not tpc-opt --tpc-apply-plan=plan=%t.missing.yaml %s 2>&1 | FileCheck %s --check-prefix=MISSING
// MISSING: error: cannot read the plan: No such file or directory

// RUN: not tpc-opt --tpc-apply-plan=plan=%S/Inputs/misspelt.yaml %s 2>&1 | FileCheck %s --check-prefix=KEY
// KEY: misspelt.yaml:2:5: error: 'upp' matches no module; did you mean 'up'?

// RUN: not tpc-opt --tpc-apply-plan=plan=%S/Inputs/style.yaml %s 2>&1 | FileCheck %s --check-prefix=STYLE
// STYLE: style.yaml:2:9: error: SequenceParallel does not apply to 'up', a linear module; it admits ColwiseParallel, RowwiseParallel

// RUN: not tpc-opt --tpc-apply-plan="plan=%S/Inputs/column.yaml policy=fast" %s 2>&1 | FileCheck %s --check-prefix=POLICY
// POLICY: error: policy is optimize or strict, got 'fast'

tpc.mesh @mesh <["tp"=2]>
func.func @f(%x: tensor<2x4x8xf32>, %w: tensor<6x8xf32> {tpc.param = #tpc.param<"up.weight", shape = [6, 8], kind = linear, fan_in = 8>}) -> tensor<2x4x6xf32> {
  %0 = tpc.boundary %x input 0 of linear "up" dims [[0], [1], [2]] : tensor<2x4x8xf32>
  %u = tpc.use %w : tensor<6x8xf32>
  %1 = tpc.contract %0, %u : [b, s, k], [n, k] -> [b, s, n] : (tensor<2x4x8xf32>, tensor<6x8xf32>) -> tensor<2x4x6xf32>
  %2 = tpc.boundary %1 output 0 of linear "up" dims [[0], [1], [2]] : tensor<2x4x6xf32>
  return %2 : tensor<2x4x6xf32>
}
