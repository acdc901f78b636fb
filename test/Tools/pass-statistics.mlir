// RUN: tpc-opt %s --tpc-expand-reshards --mlir-pass-statistics -o /dev/null 2>&1 | FileCheck %s --check-prefix=EXPAND
// RUN: tpc-opt %s --tpc-expand-reshards --tpc-localize --tpc-simplify-collectives --tpc-combine-collectives --mlir-pass-statistics -o /dev/null 2>&1 | FileCheck %s
// RUN: tpc-opt %s --tpc-expand-reshards -o /dev/null 2>&1 | FileCheck %s --check-prefix=SILENT --allow-empty
// RUN: tpc-compile %examples/tiny-llama --plan %examples/plans/tutorial.yaml --mesh tp=2 --batch 2 --seq 16 --mlir-pass-statistics --emit=local -o %t.mlir 2>&1 | FileCheck %s --check-prefix=COMPILE
// RUN: not tpc-opt %s --tpc-expand-reshards=machine=abacus --mlir-pass-statistics -o /dev/null 2>&1 | FileCheck %s --check-prefix=FAILED
// What passes count, in one table, pass by pass.

// SILENT-NOT: statistics
// FAILED: unknown machine 'abacus'
// FAILED: pass statistics
// FAILED-NOT: tpc-expand-reshards

// f32 over two ranks. @gathers: 8x4 is 128 bytes, half of them received, twice. @parts: an all-reduce of 256 bytes, of which each
// rank then takes a part; @small: two all-reduces of 16 bytes.
// EXPAND-LABEL: pass statistics
// EXPAND-NEXT: tpc-expand-reshards
// EXPAND-NEXT: 5 collectives -
// EXPAND-NEXT: 416 bytes -

// The second gather goes (64 bytes), the all-reduce only scatters (128 bytes), the small ones travel together.
// CHECK-LABEL: pass statistics
// CHECK-NEXT: tpc-expand-reshards
// CHECK: tpc-simplify-collectives
// CHECK-NEXT: 1 merged -
// CHECK-NEXT: 1 scattered -
// CHECK-NEXT: 0 gathers-moved -
// CHECK-NEXT: 0 sums-joined -
// CHECK-NEXT: 1 saved-collectives -
// CHECK-NEXT: 192 saved-bytes -
// CHECK-NEXT: tpc-combine-collectives
// CHECK-DAG: 2 combined -
// CHECK-DAG: 1 saved-collectives -
// CHECK-DAG: 0 saved-bytes -

// COMPILE-LABEL: pass statistics
// COMPILE: tpc-insert-reshards
// COMPILE: tpc-simplify-collectives

tpc.mesh @mesh <["tp"=2]>

func.func @gathers(%x: tensor<8x4xf32> {tpc.layout = #tpc.layout<@mesh, [{"tp"}, {}]>}) -> (tensor<8x4xf32> {tpc.layout = #tpc.layout<@mesh, [{}, {}]>}, tensor<8x4xf32> {tpc.layout = #tpc.layout<@mesh, [{}, {}]>}) {
  %0 = tpc.reshard %x to <@mesh, [{}, {}]> {tpc.layouts = [#tpc.layout<@mesh, [{}, {}]>]} : tensor<8x4xf32>
  %1 = tpc.reshard %x to <@mesh, [{}, {}]> {tpc.layouts = [#tpc.layout<@mesh, [{}, {}]>]} : tensor<8x4xf32>
  return %0, %1 : tensor<8x4xf32>, tensor<8x4xf32>
}

func.func @parts(%x: tensor<8x4xf32> {tpc.layout = #tpc.layout<@mesh, [{}, {"tp"}]>}, %w: tensor<8x4xf32> {tpc.layout = #tpc.layout<@mesh, [{}, {"tp"}]>}) -> (tensor<8x8xf32> {tpc.layout = #tpc.layout<@mesh, [{"tp"}, {}]>}) {
  %0 = tpc.contract %x, %w : [m, k], [n, k] -> [m, n] {tpc.layouts = [#tpc.layout<@mesh, [{}, {}], partial = sum {"tp"}>]} : (tensor<8x4xf32>, tensor<8x4xf32>) -> tensor<8x8xf32>
  %1 = tpc.reshard %0 to <@mesh, [{}, {}]> {tpc.layouts = [#tpc.layout<@mesh, [{}, {}]>]} : tensor<8x8xf32>
  %2 = tpc.reshard %1 to <@mesh, [{"tp"}, {}]> {tpc.layouts = [#tpc.layout<@mesh, [{"tp"}, {}]>]} : tensor<8x8xf32>
  return %2 : tensor<8x8xf32>
}

func.func @small(%x: tensor<8x4xf32> {tpc.layout = #tpc.layout<@mesh, [{"tp"}, {}]>}, %y: tensor<8x4xf32> {tpc.layout = #tpc.layout<@mesh, [{"tp"}, {}]>}) -> (tensor<4xf32> {tpc.layout = #tpc.layout<@mesh, [{}]>}, tensor<4xf32> {tpc.layout = #tpc.layout<@mesh, [{}]>}) {
  %0 = tpc.reduce sum %x dims [0] {tpc.layouts = [#tpc.layout<@mesh, [{}], partial = sum {"tp"}>]} : tensor<8x4xf32> -> tensor<4xf32>
  %1 = tpc.reduce sum %y dims [0] {tpc.layouts = [#tpc.layout<@mesh, [{}], partial = sum {"tp"}>]} : tensor<8x4xf32> -> tensor<4xf32>
  %2 = tpc.reshard %0 to <@mesh, [{}]> {tpc.layouts = [#tpc.layout<@mesh, [{}]>]} : tensor<4xf32>
  %3 = tpc.reshard %1 to <@mesh, [{}]> {tpc.layouts = [#tpc.layout<@mesh, [{}]>]} : tensor<4xf32>
  return %2, %3 : tensor<4xf32>, tensor<4xf32>
}
