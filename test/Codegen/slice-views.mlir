// RUN: tpc-opt %s --tpc-form-kernels | FileCheck %s --check-prefix=FORM
// RUN: tpc-opt %s --tpc-form-kernels --tpc-plan-memory --tpc-verify-memory | FileCheck %s
// RUN: tpc-opt %s --tpc-form-kernels --tpc-plan-memory | tpc-interpret --against %s --inputs random
// A slice that lies in one piece and that products and collectives read is no copy, but a part of its operand's memory.

tpc.mesh @mesh <["tp"=2]>

// FORM-LABEL: func.func @rows
// FORM-NOT: tpc.launch
// FORM: return
// CHECK-LABEL: func.func @rows
// CHECK-SAME: %[[W:.*]]: tensor<8x16xf32> {tpc.slot = #tpc.slot<private, offset = 0, bytes = 512, activations>}
// CHECK: tensor.extract_slice %[[W]][4, 0] {{.*}} {tpc.slots = [#tpc.slot<private, offset = 256, bytes = 128, activations>]}
// CHECK: tensor.expand_shape {{.*}} {tpc.slots = [#tpc.slot<private, offset = 256, bytes = 128, activations>]}
// CHECK: tensor.extract_slice {{.*}}[0, 1, 0] {{.*}} {tpc.slots = [#tpc.slot<private, offset = 320, bytes = 64, activations>]}
func.func @rows(%w: tensor<8x16xf32>, %x: tensor<4x16xf32>) -> (tensor<4x2xf32>, tensor<1x1x4xf32>) {
  %part = tensor.extract_slice %w[4, 0] [2, 16] [1, 1] : tensor<8x16xf32> to tensor<2x16xf32>
  %y = tpc.contract %x, %part : [m, k], [n, k] -> [m, n] : (tensor<4x16xf32>, tensor<2x16xf32>) -> tensor<4x2xf32>
  %shaped = tensor.expand_shape %part [[0, 1], [2]] output_shape [1, 2, 16] : tensor<2x16xf32> into tensor<1x2x16xf32>
  %one = tensor.extract_slice %shaped[0, 1, 0] [1, 1, 16] [1, 1, 1] : tensor<1x2x16xf32> to tensor<1x1x16xf32>
  %z = tpc.contract %one, %x : [b, n, k], [m, k] -> [b, n, m] : (tensor<1x1x16xf32>, tensor<4x16xf32>) -> tensor<1x1x4xf32>
  return %y, %z : tensor<4x2xf32>, tensor<1x1x4xf32>
}

// What communicates lies with all of its operand in the region for that.
// CHECK-LABEL: func.func @communicates
// CHECK: tpc.launch {{.*}} {tpc.slots = [#tpc.slot<communication, offset = 512, bytes = 256, communication>]}
// CHECK: tensor.extract_slice {{.*}}[2, 0] {{.*}} {tpc.slots = [#tpc.slot<communication, offset = 640, bytes = 128, communication>]}
// A sum is not written over a part of what is still read.
// CHECK: tpc.all_reduce {{.*}} {tpc.slots = [#tpc.slot<communication, offset = 768, bytes = 128, communication>]}
// CHECK: tpc.all_gather
func.func @communicates(%x: tensor<4x16xf32> {tpc.global = #tpc.global<[4, 16], <@mesh, [{}, {}]>>})
    -> (tensor<2x16xf32> {tpc.global = #tpc.global<[2, 16], <@mesh, [{}, {}]>>},
        tensor<8x16xf32> {tpc.global = #tpc.global<[8, 16], <@mesh, [{}, {}]>>}) {
  %0 = math.sin %x : tensor<4x16xf32>
  %part = tensor.extract_slice %0[2, 0] [2, 16] [1, 1] : tensor<4x16xf32> to tensor<2x16xf32>
  %sum = tpc.all_reduce sum %part over @mesh ["tp"] : tensor<2x16xf32>
  %all = tpc.all_gather %0 dim 0 over @mesh ["tp"] : tensor<4x16xf32> -> tensor<8x16xf32>
  return %sum, %all : tensor<2x16xf32>, tensor<8x16xf32>
}

// Copied are columns, what does not begin at a multiple of 64 bytes, and what a kernel or the caller reads.
// FORM-LABEL: func.func @copied
// FORM-COUNT-4: tpc.launch @kernel_extract_slice
// FORM-NOT: tensor.extract_slice
// FORM: return
func.func @copied(%w: tensor<8x12xf32>, %x: tensor<4x12xf32>, %v: tensor<2x6xf32>)
    -> (tensor<4x2xf32>, tensor<8x2xf32>, tensor<4x12xf32>, tensor<4x12xf32>) {
  %odd = tensor.extract_slice %w[1, 0] [2, 12] [1, 1] : tensor<8x12xf32> to tensor<2x12xf32>
  %y = tpc.contract %x, %odd : [m, k], [n, k] -> [m, n] : (tensor<4x12xf32>, tensor<2x12xf32>) -> tensor<4x2xf32>
  %columns = tensor.extract_slice %w[0, 0] [8, 6] [1, 1] : tensor<8x12xf32> to tensor<8x6xf32>
  %z = tpc.contract %columns, %v : [m, k], [n, k] -> [m, n] : (tensor<8x6xf32>, tensor<2x6xf32>) -> tensor<8x2xf32>
  %read = tensor.extract_slice %w[4, 0] [4, 12] [1, 1] : tensor<8x12xf32> to tensor<4x12xf32>
  %s = math.sin %read : tensor<4x12xf32>
  %returned = tensor.extract_slice %w[0, 0] [4, 12] [1, 1] : tensor<8x12xf32> to tensor<4x12xf32>
  return %y, %z, %s, %returned : tensor<4x2xf32>, tensor<8x2xf32>, tensor<4x12xf32>, tensor<4x12xf32>
}
