// RUN: tpc-opt %s --tpc-lower-kernels | FileCheck %s
// RUN: tpc-opt %s --tpc-lower-kernels=vector-bits=256 | FileCheck %s --check-prefix=AVX2
// What the loops compute is tested by running them: test/Python/test_kernels.py.

// The library functions of @libm.
// CHECK: llvm.func @"\01cbrt"(f64) -> f64
// CHECK: llvm.func @"\01erfcf"(f32) -> f32

// One loop over vectors; 20 = 16 + 4 elements, so the rest is masked.
// CHECK-LABEL: llvm.func internal @double(
// CHECK-SAME: %[[BUFFERS:.*]]: !llvm.ptr, %[[BEGIN:.*]]: i64, %[[END:.*]]: i64)
// CHECK-SAME: tpc.kernel = {extent = 20 : i64
// CHECK: llvm.load %{{.*}} {alignment = 4 : i64} : !llvm.ptr -> vector<16xf32>
// CHECK: llvm.fadd %{{.*}} : vector<16xf32>
// CHECK: llvm.store %{{.*}} : vector<16xf32>, !llvm.ptr
// CHECK: llvm.intr.masked.load
// CHECK: llvm.intr.masked.store
// AVX2-LABEL: @double
// AVX2: llvm.fadd %{{.*}} : vector<8xf32>
func.func private @double(%x: tensor<20xf32>) -> tensor<20xf32> attributes {tpc.kernel} {
  %0 = arith.addf %x, %x : tensor<20xf32>
  return %0 : tensor<20xf32>
}

// A row of 128 columns: four vectors of partial sums, twice, and no tail.
// CHECK-LABEL: @row_sum
// CHECK-NOT: masked
// CHECK-COUNT-4: llvm.fadd %{{.*}} : vector<16xf32>
// CHECK: "llvm.intr.vector.reduce.fadd"({{.*}}) <{fastmathFlags = #llvm.fastmath<reassoc>}>
// CHECK-NOT: masked
// CHECK: llvm.return
func.func private @row_sum(%x: tensor<3x128xf32>) -> tensor<3xf32> attributes {tpc.kernel} {
  %0 = tpc.reduce sum %x dims [1] : tensor<3x128xf32> -> tensor<3xf32>
  return %0 : tensor<3xf32>
}

// exp and erf of float32 are polynomials, of float64 calls.
// CHECK-LABEL: @exps
// CHECK-NOT: llvm.call
// CHECK: llvm.intr.exp(%{{.*}}) : (vector<16xf64>)
// CHECK-NOT: llvm.intr.exp{{.*}}f32
// CHECK-NOT: llvm.call
// CHECK: llvm.return
func.func private @exps(%x: tensor<16xf32>, %y: tensor<16xf64>) -> (tensor<16xf64>, tensor<16xf32>) attributes {tpc.kernel} {
  %0 = math.exp %y : tensor<16xf64>
  %1 = math.exp %x : tensor<16xf32>
  %2 = math.erf %1 : tensor<16xf32>
  return %0, %2 : tensor<16xf64>, tensor<16xf32>
}

// What LLVM has no function for is called lane by lane; the symbol cannot be that of an entry.
// CHECK-LABEL: llvm.func internal @libm(
// CHECK-COUNT-16: llvm.call @"\01erfcf"(%{{.*}}) : (f32) -> f32
// CHECK-NOT: @"\01erfcf"
// CHECK: llvm.call @"\01cbrt"
func.func private @libm(%x: tensor<16xf32>, %y: tensor<16xf64>) -> (tensor<16xf32>, tensor<16xf64>) attributes {tpc.kernel} {
  %0 = math.erfc %x : tensor<16xf32>
  %1 = math.cbrt %y : tensor<16xf64>
  return %0, %1 : tensor<16xf32>, tensor<16xf64>
}

// Lanes behind the last element divide by one.
// CHECK-LABEL: llvm.func internal @divide(
// CHECK: %[[ONES:.*]] = llvm.mlir.constant(dense<1> : vector<16xi32>) : vector<16xi32>
// CHECK: llvm.sdiv
// CHECK: %[[D:.*]] = llvm.select %{{.*}}, %{{.*}}, %[[ONES]] : vector<16xi1>, vector<16xi32>
// CHECK: llvm.sdiv %{{.*}}, %[[D]] : vector<16xi32>
func.func private @divide(%x: tensor<20xi32>, %y: tensor<20xi32>) -> tensor<20xi32> attributes {tpc.kernel} {
  %0 = arith.divsi %x, %y : tensor<20xi32>
  return %0 : tensor<20xi32>
}

// Frequencies lie beside the function.
// CHECK: llvm.mlir.global private constant @table_frequencies(dense<[1.000000e+00, 5.000000e-01]> : tensor<2xf64>)
// CHECK-LABEL: llvm.func internal @table(
// CHECK: llvm.intr.cos(%{{.*}}) : (f64)
func.func private @table() -> (tensor<4x2xf32>, tensor<4x2xf32>) attributes {tpc.kernel} {
  %0, %1 = tpc.rope_table frequencies [1.0, 0.5] scale 1.0 : tensor<4x2xf32>, tensor<4x2xf32>
  return %0, %1 : tensor<4x2xf32>, tensor<4x2xf32>
}

// A group: a loop over its members, each of which has a part of the iterations; the members are gone.
// CHECK: llvm.mlir.global private constant @group_first(dense<[0, 1024, 1088]> : tensor<3xi64>)
// CHECK-LABEL: llvm.func internal @group(
// CHECK-SAME: tpc.kernel = {extent = 1088 : i64
// CHECK: llvm.intr.smax
// CHECK: llvm.intr.smin
// CHECK: llvm.fadd %{{.*}} : vector<16xf32>
// CHECK-NOT: @double
func.func private @double_1024(%x: tensor<1024xf32>) -> tensor<1024xf32> attributes {tpc.kernel = {extent = 1024 : i64}} {
  %0 = arith.addf %x, %x : tensor<1024xf32>
  return %0 : tensor<1024xf32>
}
func.func private @double_64(%x: tensor<64xf32>) -> tensor<64xf32> attributes {tpc.kernel = {extent = 64 : i64}} {
  %0 = arith.addf %x, %x : tensor<64xf32>
  return %0 : tensor<64xf32>
}
func.func private @group(%x: tensor<1024xf32>, %y: tensor<64xf32>) -> (tensor<1024xf32>, tensor<64xf32>) attributes {tpc.kernel} {
  %0 = tpc.launch @double_1024(%x) : (tensor<1024xf32>) -> tensor<1024xf32>
  %1 = tpc.launch @double_64(%y) : (tensor<64xf32>) -> tensor<64xf32>
  return %0, %1 : tensor<1024xf32>, tensor<64xf32>
}
