// RUN: not tpc-opt %s --tpc-serialize-kernels=arch=sm_70 2>&1 | FileCheck %s --check-prefix=ARCH
// ARCH: error: expected arch to be one of sm_80, sm_90, sm_100, sm_120, got sm_70

// RUN: not tpc-opt %s --tpc-serialize-kernels=format=sass 2>&1 | FileCheck %s --check-prefix=FORMAT
// FORMAT: error: expected format to be nvvm, ptx or cubin, got sass

// No toolkit: named, with what to install. PTX needs one too where a kernel calls its library.
// RUN: not tpc-opt %s --tpc-lower-kernels-to-gpu --tpc-serialize-kernels=toolkit=%t/none 2>&1 | FileCheck %s
// RUN: not tpc-opt %s --tpc-lower-kernels-to-gpu --tpc-serialize-kernels="format=ptx toolkit=%t/none" 2>&1 | FileCheck %s
// CHECK: error: the CUDA toolkit in '{{.*}}none' has no bin/ptxas: install the CUDA toolkit ({{.*}}) and set CUDA_HOME

// RUN: mkdir -p %t/half/bin && touch %t/half/bin/ptxas
// RUN: not tpc-opt %s --tpc-lower-kernels-to-gpu --tpc-serialize-kernels=toolkit=%t/half 2>&1 | FileCheck %s --check-prefix=HALF
// HALF: has no nvvm/libdevice/libdevice.10.bc: install the CUDA toolkit

func.func private @exp(%x: tensor<1024xf32>) -> tensor<1024xf32> attributes {tpc.kernel} {
  %0 = math.exp %x : tensor<1024xf32>
  return %0 : tensor<1024xf32>
}
