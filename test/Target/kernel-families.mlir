// Which instructions a kernel of each family is made of: in the gpu dialect, in NVVM, in PTX.
// What it computes is tested by running it: test/Python/test_kernels.py and test_kernels_bf16.py.
// RUN: tpc-opt %s --tpc-lower-kernels-to-gpu | FileCheck %s --check-prefix=GPU
// RUN: tpc-opt %s --tpc-lower-kernels-to-gpu --tpc-serialize-kernels=format=nvvm | FileCheck %s --check-prefix=NVVM
// RUN: tpc-opt %s --tpc-lower-kernels-to-gpu --tpc-serialize-kernels=format=ptx \
// RUN:   | sed 's/\\0A/\n/g' | FileCheck %s --check-prefix=PTX

// A thread rotates eight pairs: both halves of a head of 32, their cosines and sines.
// GPU-LABEL: gpu.func @rope(
// GPU-SAME: tpc.grid = {blocks = 2 : i64, threads = 256 : i64}
// GPU-COUNT-2: llvm.load %{{.*}} {alignment = 16 : i64} : !llvm.ptr<1> -> vector<8xi16>
// GPU-COUNT-2: llvm.load %{{.*}} {alignment = 16 : i64} : !llvm.ptr<1> -> vector<8xf32>
// GPU-COUNT-2: llvm.store %{{.*}} {alignment = 16 : i64} : vector<8xi16>, !llvm.ptr<1>
// NVVM-LABEL: llvm.func @rope(
// NVVM: nvvm.read.ptx.sreg.tid.x
// NVVM-COUNT-2: llvm.fpext %{{.*}} : vector<8xbf16> to vector<8xf32>
// NVVM-COUNT-2: llvm.fptrunc %{{.*}} : vector<8xf32> to vector<8xbf16>
// PTX-LABEL: .entry rope(
// PTX-COUNT-6: ld.global.{{(nc.)?}}v4.b32
// PTX-COUNT-4: cvt.rn.bf16x2.f32
// PTX: st.global.v4.b32
// PTX-COUNT-4: cvt.rn.bf16x2.f32
// PTX: st.global.v4.b32
// PTX-NOT: global.b
func.func private @rope(%x: tensor<2x64x2x32xbf16>, %c: tensor<64x16xf32>, %s: tensor<64x16xf32>)
    -> tensor<2x64x2x32xbf16> attributes {tpc.kernel} {
  %0 = tpc.rope %x, %c, %s : tensor<2x64x2x32xbf16>, tensor<64x16xf32>
  return %0 : tensor<2x64x2x32xbf16>
}

// Angles and their functions are float64; what is stored is rounded once.
// GPU-LABEL: gpu.func @rope_table(
// GPU: math.cos %{{.*}} : f64
// GPU: arith.truncf {{.*}} : f64 to f32
// GPU: math.sin %{{.*}} : f64
// NVVM-LABEL: llvm.func @rope_table(
// NVVM: llvm.call @__nv_cos(%{{.*}}) : (f64) -> f64
// NVVM: llvm.call @__nv_sin(%{{.*}}) : (f64) -> f64
// PTX-LABEL: .entry rope_table(
// PTX: cvt.rn.f32.f64
// PTX: st.global.b32
// PTX: cvt.rn.f32.f64
// PTX: st.global.b32
func.func private @rope_table() -> (tensor<64x2xf32>, tensor<64x2xf32>) attributes {tpc.kernel} {
  %cos, %sin = tpc.rope_table frequencies [1.0, 0.01] scale 1.0 : tensor<64x2xf32>, tensor<64x2xf32>
  return %cos, %sin : tensor<64x2xf32>, tensor<64x2xf32>
}

// A warp reduces a row of 256 twice, the maximum first; the row is read once, the target's logit beside it.
// GPU-LABEL: gpu.func @cross_entropy(
// GPU-SAME: tpc.grid = {blocks = 32 : i64, threads = 128 : i64}
// GPU-COUNT-2: llvm.load %{{.*}} {alignment = 16 : i64} : !llvm.ptr<1> -> vector<4xf32>
// GPU-COUNT-5: gpu.shuffle xor
// GPU: math.exp
// GPU-COUNT-5: gpu.shuffle xor
// GPU-NOT: gpu.shuffle
// GPU: llvm.store %{{.*}} : f32, !llvm.ptr<1>
// NVVM-LABEL: llvm.func @cross_entropy(
// NVVM-COUNT-10: nvvm.shfl.sync bfly
// NVVM: llvm.call @__nv_logf
// PTX-LABEL: .entry cross_entropy(
// PTX-COUNT-2: ld.global.nc.v4.b32
// PTX-COUNT-5: shfl.sync.bfly.b32
// PTX-COUNT-8: ex2.approx.ftz.f32
// PTX-COUNT-5: shfl.sync.bfly.b32
// PTX-NOT: v4
// PTX: st.global.b32
func.func private @cross_entropy(%x: tensor<128x256xf32>, %t: tensor<128xi32>) -> tensor<128xf32> attributes {tpc.kernel} {
  %0 = tpc.reduce max %x dims [1] : tensor<128x256xf32> -> tensor<128xf32>
  %1 = tpc.broadcast %0 dims [0] : tensor<128xf32> -> tensor<128x256xf32>
  %2 = arith.subf %x, %1 : tensor<128x256xf32>
  %3 = math.exp %2 : tensor<128x256xf32>
  %4 = tpc.reduce sum %3 dims [1] : tensor<128x256xf32> -> tensor<128xf32>
  %5 = math.log %4 : tensor<128xf32>
  %6 = arith.addf %0, %5 : tensor<128xf32>
  %target, %log_sum_exp = tpc.cross_entropy %x, %t : (tensor<128x256xf32>, tensor<128xi32>) -> tensor<128xf32>
  %7 = arith.subf %6, %target : tensor<128xf32>
  return %7 : tensor<128xf32>
}

// Scalars are read once by each thread; the new values lie where the old ones do, so nothing but them is `noalias`.
// GPU-LABEL: gpu.func @adamw(
// GPU-SAME: tpc.grid = {blocks = 4 : i64, threads = 256 : i64}
// GPU-COUNT-4: llvm.load %{{.*}} {alignment = 16 : i64} : !llvm.ptr<1> -> vector<4xf32>
// GPU: math.sqrt
// GPU-COUNT-3: llvm.store %{{.*}} {alignment = 16 : i64} : vector<4xf32>, !llvm.ptr<1>
// NVVM-LABEL: llvm.func @adamw(
// NVVM: llvm.fdiv
// NVVM-COUNT-3: llvm.store %{{.*}} {alignment = 16 : i64} : vector<4xf32>, !llvm.ptr<1>
// PTX-LABEL: .entry adamw(
// PTX-COUNT-4: ld.global.nc.b32
// PTX-COUNT-4: ld.global.v4.b32
// PTX-COUNT-4: sqrt.approx.f32
// PTX-COUNT-4: div.approx.f32
// PTX-COUNT-3: st.global.v4.b32
func.func private @adamw(%p: tensor<4096xf32>, %g: tensor<4096xf32>, %m: tensor<4096xf32>, %v: tensor<4096xf32>,
                         %b1: tensor<f32>, %b2: tensor<f32>, %rate: tensor<f32>, %eps: tensor<f32>)
    -> (tensor<4096xf32>, tensor<4096xf32>, tensor<4096xf32>) attributes {tpc.kernel = {in_place = [[0], [2], [3]]}} {
  %0 = tpc.broadcast %b1 dims [] : tensor<f32> -> tensor<4096xf32>
  %1 = arith.mulf %m, %0 : tensor<4096xf32>
  %2 = arith.addf %1, %g : tensor<4096xf32>
  %3 = tpc.broadcast %b2 dims [] : tensor<f32> -> tensor<4096xf32>
  %4 = arith.mulf %v, %3 : tensor<4096xf32>
  %5 = arith.mulf %g, %g : tensor<4096xf32>
  %6 = arith.addf %4, %5 : tensor<4096xf32>
  %7 = math.sqrt %6 : tensor<4096xf32>
  %8 = tpc.broadcast %eps dims [] : tensor<f32> -> tensor<4096xf32>
  %9 = arith.addf %7, %8 : tensor<4096xf32>
  %10 = arith.divf %2, %9 : tensor<4096xf32>
  %11 = tpc.broadcast %rate dims [] : tensor<f32> -> tensor<4096xf32>
  %12 = arith.mulf %10, %11 : tensor<4096xf32>
  %13 = arith.subf %p, %12 : tensor<4096xf32>
  return %13, %2, %6 : tensor<4096xf32>, tensor<4096xf32>, tensor<4096xf32>
}

// 16 bytes at a time from one operand or the other.
// GPU-LABEL: gpu.func @concat(
// GPU-SAME: tpc.grid = {blocks = 1 : i64, threads = 128 : i64}
// GPU-COUNT-2: llvm.store %{{.*}} {alignment = 16 : i64} : vector<8xi16>, !llvm.ptr<1>
// NVVM-LABEL: llvm.func @concat(
// NVVM-COUNT-2: llvm.load %{{.*}} {alignment = 16 : i64} : !llvm.ptr<1> -> vector<8xi16>
// PTX-LABEL: .entry concat(
// PTX: ld.global.nc.v4.b32
// PTX: st.global.v4.b32
// PTX: ld.global.nc.v4.b32
// PTX: st.global.v4.b32
func.func private @concat(%a: tensor<8x64xbf16>, %b: tensor<8x64xbf16>) -> tensor<8x128xbf16> attributes {tpc.kernel} {
  %0 = tensor.concat dim(1) %a, %b : (tensor<8x64xbf16>, tensor<8x64xbf16>) -> tensor<8x128xbf16>
  return %0 : tensor<8x128xbf16>
}

// A block sums up a row, warp by warp, and scales what it holds in registers.
// GPU-LABEL: gpu.func @rows(
// GPU-SAME: tpc.grid = {blocks = 8 : i64, threads = 256 : i64}
// GPU: llvm.load %{{.*}} {alignment = 16 : i64} : !llvm.ptr<1> -> vector<8xi16>
// GPU: gpu.barrier
// GPU-NOT: !llvm.ptr<1> -> vector
// GPU: math.rsqrt
// GPU: llvm.store %{{.*}} {alignment = 16 : i64} : vector<8xi16>, !llvm.ptr<1>
// NVVM-LABEL: llvm.func @rows(
// NVVM-COUNT-5: nvvm.shfl.sync bfly
// NVVM: nvvm.barrier
// NVVM-COUNT-3: nvvm.shfl.sync bfly
// PTX-LABEL: .entry rows(
// PTX: ld.global.v4.b32
// PTX-COUNT-5: shfl.sync.bfly.b32
// PTX: st.shared.b32
// PTX: bar.sync
// PTX: ld.shared.b32
// PTX-COUNT-3: shfl.sync.bfly.b32
// PTX-NOT: ld.global
// PTX: rsqrt.approx.f32
// PTX: st.global.v4.b32
func.func private @rows(%x: tensor<8x2048xbf16>) -> tensor<8x2048xbf16> attributes {tpc.kernel} {
  %w = arith.extf %x : tensor<8x2048xbf16> to tensor<8x2048xf32>
  %0 = arith.mulf %w, %w : tensor<8x2048xf32>
  %1 = tpc.reduce sum %0 dims [1] : tensor<8x2048xf32> -> tensor<8xf32>
  %2 = math.rsqrt %1 : tensor<8xf32>
  %3 = tpc.broadcast %2 dims [0] : tensor<8xf32> -> tensor<8x2048xf32>
  %4 = arith.mulf %w, %3 : tensor<8x2048xf32>
  %5 = arith.truncf %4 : tensor<8x2048xf32> to tensor<8x2048xbf16>
  return %5 : tensor<8x2048xbf16>
}

// Chunks of rows into a workspace of 64 x 768 numbers, and a second kernel that sums them up. Nothing is atomic.
// GPU-LABEL: gpu.func @columns(
// GPU-SAME: tpc.grid = {blocks = 384 : i64, threads = 256 : i64}
// GPU-SAME: tpc.workspace = 196608 : i64
// GPU: gpu.func @columns_finish(
// GPU-SAME: tpc.grid = {blocks = 6 : i64, threads = 256 : i64}
// NVVM-LABEL: llvm.func @columns(
// NVVM-COUNT-3: nvvm.barrier
// PTX-LABEL: .entry columns(
// PTX-NOT: {{atom|red}}.
// PTX: ld.global.nc.v4.b32
// PTX: st.shared.v4.b32
// PTX: ld.shared.v4.b32
// PTX: st.global.v4.b32
// PTX: .entry columns_finish(
func.func private @columns(%x: tensor<4096x768xf32>) -> tensor<768xf32> attributes {tpc.kernel} {
  %0 = tpc.reduce sum %x dims [0] : tensor<4096x768xf32> -> tensor<768xf32>
  return %0 : tensor<768xf32>
}

// A tile of 32 x 32 through shared memory: neighbours read and write neighbours.
// GPU-LABEL: gpu.func @transpose(
// GPU-SAME: tpc.grid = {blocks = 6 : i64, threads = 256 : i64}
// GPU: llvm.store %{{.*}} : f32, !llvm.ptr<3>
// GPU: gpu.barrier
// GPU: llvm.load %{{.*}} : !llvm.ptr<3> -> f32
// NVVM-LABEL: llvm.func @transpose(
// NVVM: nvvm.barrier
// PTX-LABEL: .entry transpose(
// PTX-COUNT-4: st.shared.b32
// PTX: bar.sync
// PTX-COUNT-4: ld.shared.b32
func.func private @transpose(%x: tensor<64x96xf32>) -> tensor<96x64xf32> attributes {tpc.kernel} {
  %0 = tpc.transpose %x permutation [1, 0] : tensor<64x96xf32> -> tensor<96x64xf32>
  return %0 : tensor<96x64xf32>
}
