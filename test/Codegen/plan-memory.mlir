// RUN: tpc-opt %s --tpc-plan-memory --tpc-verify-memory --split-input-file | FileCheck %s
// Offsets are worked out by hand; slots are multiples of 64 bytes.

func.func private @add(%a: tensor<16xf32>, %b: tensor<16xf32>) -> tensor<16xf32>
    attributes {tpc.kernel = {extent = 16 : i64, grain = 16 : i64, in_place = [[0, 1]]}} {
  %0 = arith.addf %a, %b : tensor<16xf32>
  return %0 : tensor<16xf32>
}
func.func private @mix(%a: tensor<16xf32>) -> tensor<16xf32> attributes {tpc.kernel} {
  return %a : tensor<16xf32>
}

// %0 cannot be in place of an argument, %1 cannot be in place by its kernel, %2 is in place of %1; %0 is dead then, and
// three slots are needed: x, %0, %1.
// CHECK: module attributes {tpc.arena = {activations = 192 : i64, communication = 0 : i64, gradients = 0 : i64, optimizer_state = 0 : i64, parameters = 0 : i64, private = 192 : i64, shared = 0 : i64, workspace_per_thread = 0 : i64}}
// CHECK-LABEL: @in_place
// CHECK-SAME: tpc.slot = #tpc.slot<private, offset = [[X:[0-9]+]], bytes = 64, activations>
// CHECK-SAME: -> (tensor<4x4xf32> {tpc.slot = #tpc.slot<private, offset = [[R:[0-9]+]], bytes = 64, activations>})
func.func @in_place(%x: tensor<16xf32>) -> tensor<4x4xf32> {
  %0 = tpc.launch @add(%x, %x) : (tensor<16xf32>, tensor<16xf32>) -> tensor<16xf32>
  // CHECK: tpc.launch @mix(%{{.*}}) {tpc.slots = [#tpc.slot<private, offset = [[R]], bytes = 64, activations>]}
  %1 = tpc.launch @mix(%0) : (tensor<16xf32>) -> tensor<16xf32>
  // CHECK: tpc.launch @add(%{{.*}}) {tpc.slots = [#tpc.slot<private, offset = [[R]], bytes = 64, activations>]}
  %2 = tpc.launch @add(%1, %x) : (tensor<16xf32>, tensor<16xf32>) -> tensor<16xf32>
  // CHECK: tensor.expand_shape {{.*}} {tpc.slots = [#tpc.slot<private, offset = [[R]], bytes = 64, activations>]}
  %3 = tensor.expand_shape %2 [[0, 1]] output_shape [4, 4] : tensor<16xf32> into tensor<4x4xf32>
  return %3 : tensor<4x4xf32>
}

// -----

// Two entries: the parameters have one place, the transient memory of @eval is that of @step.
tpc.mesh @mesh <["dp"=2, "tp"=2]>
func.func private @update(%p: tensor<16xf32>, %g: tensor<16xf32>, %m: tensor<16xf32>) -> (tensor<16xf32>, tensor<16xf32>)
    attributes {tpc.kernel = {extent = 16 : i64, grain = 16 : i64, in_place = [[0], [2]]}} {
  return %p, %m : tensor<16xf32>, tensor<16xf32>
}
func.func private @loss(%p: tensor<16xf32>, %x: tensor<16xf32>) -> tensor<16xf32> attributes {tpc.kernel} {
  return %p : tensor<16xf32>
}
// Peak: parameter, state, x, gradient (which the all-reduce changes in place) = 4 * 64.
// CHECK: tpc.arena = {activations = 64 : i64, communication = 0 : i64, gradients = 64 : i64, optimizer_state = 64 : i64, parameters = 64 : i64, private = 192 : i64, shared = 64 : i64, workspace_per_thread = 0 : i64}
// CHECK-LABEL: @step
// CHECK-SAME: (%arg0: {{[^)]*}}fan_in = 1>, tpc.slot = #tpc.slot<private, offset = 0, bytes = 64, parameters>}
// CHECK-SAME: tpc.slot = #tpc.slot<private, offset = 64, bytes = 64, optimizer_state>, tpc.state = "exp_avg"
// CHECK-SAME: tpc.slot = #tpc.slot<private, offset = 128, bytes = 64, activations>
// CHECK-SAME: -> (tensor<16xf32> {tpc.alias = 0 : i64, tpc.slot = #tpc.slot<private, offset = 0, bytes = 64, parameters>}
// CHECK-SAME: tensor<16xf32> {tpc.alias = 1 : i64, tpc.slot = #tpc.slot<private, offset = 64, bytes = 64, optimizer_state>}
// CHECK-SAME: tensor<16xf32> {tpc.gradient = "w", tpc.slot = #tpc.slot<communication, offset = 0, bytes = 64, gradients>}
func.func @step(%p: tensor<16xf32> {tpc.param = #tpc.param<"w", shape = [16], kind = norm, fan_in = 1>},
                %m: tensor<16xf32> {tpc.param = #tpc.param<"w", shape = [16], kind = norm, fan_in = 1>, tpc.state = "exp_avg"},
                %x: tensor<16xf32>)
    -> (tensor<16xf32> {tpc.alias = 0 : i64}, tensor<16xf32> {tpc.alias = 1 : i64}, tensor<16xf32> {tpc.gradient = "w"}) {
  // CHECK: tpc.launch @loss(%{{.*}}) {tpc.slots = [#tpc.slot<communication, offset = 0, bytes = 64, gradients>]}
  %0 = tpc.launch @loss(%p, %x) : (tensor<16xf32>, tensor<16xf32>) -> tensor<16xf32>
  // CHECK: tpc.all_reduce {{.*}} {tpc.slots = [#tpc.slot<communication, offset = 0, bytes = 64, gradients>]}
  %g = tpc.all_reduce sum %0 over @mesh ["dp"] : tensor<16xf32>
  // CHECK: tpc.launch @update({{.*}}) {tpc.slots = [#tpc.slot<private, offset = 0, bytes = 64, parameters>, #tpc.slot<private, offset = 64, bytes = 64, optimizer_state>]}
  %1:2 = tpc.launch @update(%p, %g, %m) : (tensor<16xf32>, tensor<16xf32>, tensor<16xf32>) -> (tensor<16xf32>, tensor<16xf32>)
  return %1#0, %1#1, %g : tensor<16xf32>, tensor<16xf32>, tensor<16xf32>
}
// CHECK-LABEL: @eval
// CHECK-SAME: {tpc.slot = #tpc.slot<private, offset = 128, bytes = 64, activations>}
// CHECK-SAME: tpc.slot = #tpc.slot<private, offset = 0, bytes = 64, parameters>
func.func @eval(%x: tensor<16xf32>, %p: tensor<16xf32> {tpc.param = #tpc.param<"w", shape = [16], kind = norm, fan_in = 1>}) {
  return
}
// CHECK-LABEL: @init
// CHECK-SAME: tpc.slot = #tpc.slot<private, offset = 0, bytes = 64, parameters>
func.func @init() -> (tensor<16xf32> {tpc.param = #tpc.param<"w", shape = [16], kind = norm, fan_in = 1>}) {
  // CHECK: {tpc.slots = [#tpc.slot<private, offset = 0, bytes = 64, parameters>]}
  %0 = tpc.launch @one() : () -> tensor<16xf32>
  return %0 : tensor<16xf32>
}
func.func private @one() -> tensor<16xf32> attributes {tpc.kernel} {
  %0 = arith.constant dense<1.0> : tensor<16xf32>
  return %0 : tensor<16xf32>
}

// -----

// The old value is read after the update, and two arguments change places: copies.
func.func private @double(%a: tensor<16xf32>) -> tensor<16xf32>
    attributes {tpc.kernel = {extent = 16 : i64, grain = 16 : i64, in_place = [[0]]}} {
  %0 = arith.addf %a, %a : tensor<16xf32>
  return %0 : tensor<16xf32>
}
// CHECK-LABEL: @read_later
func.func @read_later(%x: tensor<16xf32>, %z: tensor<16xf32>)
    -> (tensor<16xf32> {tpc.alias = 0 : i64}, tensor<16xf32>, tensor<16xf32>) {
  %0 = tpc.launch @double(%x) : (tensor<16xf32>) -> tensor<16xf32>
  %1 = tpc.launch @double(%x) : (tensor<16xf32>) -> tensor<16xf32>
  // CHECK: %[[OLD:.*]] = tpc.copy %arg0
  // CHECK-NEXT: %[[NEW:.*]] = tpc.copy %0
  // CHECK-NEXT: return %[[NEW]], %1, %[[OLD]]
  return %0, %1, %x : tensor<16xf32>, tensor<16xf32>, tensor<16xf32>
}
// CHECK-LABEL: @swap
func.func @swap(%x: tensor<16xf32>, %y: tensor<16xf32>)
    -> (tensor<16xf32> {tpc.alias = 0 : i64}, tensor<16xf32> {tpc.alias = 1 : i64}) {
  // CHECK-NEXT: %[[Y:.*]] = tpc.copy %arg1
  // CHECK-NEXT: %[[X:.*]] = tpc.copy %arg0
  // CHECK-NEXT: %[[NX:.*]] = tpc.copy %[[Y]]
  // CHECK-NEXT: %[[NY:.*]] = tpc.copy %[[X]]
  // CHECK-NEXT: return %[[NX]], %[[NY]]
  return %y, %x : tensor<16xf32>, tensor<16xf32>
}
// CHECK-LABEL: @unchanged
func.func @unchanged(%x: tensor<16xf32>) -> (tensor<16xf32> {tpc.alias = 0 : i64}, tensor<16xf32>) {
  // CHECK-NEXT: return %arg0, %arg0
  return %x, %x : tensor<16xf32>, tensor<16xf32>
}

// -----

// Workspace per thread: 4 bytes x 2 x 64 query rows x keys, 4096 for 8 keys and 8192 for 16. One runs after the other, so
// both have it in the same place, at the end of the private region.
// CHECK: tpc.arena = {{{.*}}private = [[END:[0-9]+]] : i64, shared = 0 : i64, workspace_per_thread = 8192 : i64}
// CHECK-LABEL: @workspace
func.func @workspace(%q: tensor<1x8x1x2x4xf32>, %k: tensor<1x8x1x4xf32>, %long: tensor<1x16x1x4xf32>) -> tensor<1x8x1x2x4xf32> {
  // CHECK: tpc.attention {{.*}} {tpc.slots = [#tpc.slot<private, offset = {{[0-9]+}}, bytes = 256, activations>, #tpc.slot<private, offset = {{[0-9]+}}, bytes = 64, activations>, #tpc.slot<private, offset = [[END]], bytes = 4096, workspace>]
  %o, %l = tpc.attention causal %q, %k, %k scale 0.5 : tensor<1x8x1x2x4xf32>, tensor<1x8x1x4xf32> -> tensor<1x8x1x2xf32>
  // CHECK: tpc.attention {{.*}}, #tpc.slot<private, offset = [[END]], bytes = 8192, workspace>]
  %p, %m = tpc.attention causal %o, %long, %long scale 0.5 : tensor<1x8x1x2x4xf32>, tensor<1x16x1x4xf32> -> tensor<1x8x1x2xf32>
  return %p : tensor<1x8x1x2x4xf32>
}

// -----

// Dropout works in place of an operand that dies there.
func.func private @move(%a: tensor<16xf32>) -> tensor<16xf32> attributes {tpc.kernel} {
  return %a : tensor<16xf32>
}
// CHECK-LABEL: @dropout
func.func @dropout(%x: tensor<16xf32>, %seed: tensor<i64>) -> tensor<16xf32> {
  // CHECK: tpc.launch @move(%{{.*}}) {tpc.slots = [[SLOTS:.*]]} :
  %0 = tpc.launch @move(%x) : (tensor<16xf32>) -> tensor<16xf32>
  // CHECK: tpc.dropout {{.*}} {tpc.slots = [[SLOTS]]} :
  %1 = tpc.dropout %0 seed(%seed) probability 0.5 stream "s" global [16] : tensor<16xf32>, tensor<i64>
  return %1 : tensor<16xf32>
}

// -----

// A started collective: its operand and its result are kept from the start to the wait, so the two kernels in between get
// memory of their own (two slots each region); what lies there is free afterwards. The second reduction's operand is read
// by no one else, so the result is made in its place.
tpc.mesh @mesh <["tp"=2]>
func.func private @copy(%a: tensor<16xf32>) -> tensor<16xf32> attributes {tpc.kernel} {
  return %a : tensor<16xf32>
}
func.func private @join(%a: tensor<16xf32>, %b: tensor<16xf32>, %c: tensor<16xf32>) -> tensor<16xf32> attributes {tpc.kernel} {
  return %a : tensor<16xf32>
}
// CHECK-LABEL: @started
func.func @started(%x: tensor<16xf32>) -> tensor<16xf32> {
  // CHECK: tpc.launch @copy(%{{.*}}) {tpc.slots = [#tpc.slot<communication, offset = [[A:[0-9]+]], bytes = 64, communication>]}
  %a = tpc.launch @copy(%x) : (tensor<16xf32>) -> tensor<16xf32>
  // CHECK: tpc.all_reduce sum %{{.*}} over @mesh ["tp"] : tensor<16xf32> -> !tpc.pending
  %p = tpc.all_reduce sum %a over @mesh ["tp"] : tensor<16xf32> -> !tpc.pending<tensor<16xf32>>
  // CHECK: tpc.launch @copy(%{{.*}}) {tpc.slots = [#tpc.slot<communication, offset = [[B:[0-9]+]], bytes = 64, communication>]}
  %b = tpc.launch @copy(%a) : (tensor<16xf32>) -> tensor<16xf32>
  // CHECK: tpc.wait %{{.*}} {tpc.slots = [#tpc.slot<communication, offset = [[R:[0-9]+]], bytes = 64, communication>]}
  %r = tpc.wait %p : !tpc.pending<tensor<16xf32>>
  // CHECK: tpc.all_reduce
  %q = tpc.all_reduce sum %b over @mesh ["tp"] : tensor<16xf32> -> !tpc.pending<tensor<16xf32>>
  // CHECK: tpc.launch @copy(%{{.*}}) {tpc.slots = [#tpc.slot<private,
  %c = tpc.launch @copy(%r) : (tensor<16xf32>) -> tensor<16xf32>
  // CHECK: tpc.wait %{{.*}} {tpc.slots = [#tpc.slot<communication, offset = [[B]], bytes = 64, communication>]}
  %s = tpc.wait %q : !tpc.pending<tensor<16xf32>>
  %y = tpc.launch @join(%r, %s, %c) : (tensor<16xf32>, tensor<16xf32>, tensor<16xf32>) -> tensor<16xf32>
  return %y : tensor<16xf32>
}

// -----

// What a product accumulates on dies there in the second product, whose sum takes its place, but not in the first: an
// argument stays. x, w, %0 (and %1), %2: four slots of 64 bytes.
// CHECK: tpc.arena = {{.*}}private = 256 : i64
// CHECK-LABEL: @accumulate
func.func @accumulate(%x: tensor<4x4xf32>, %w: tensor<4x4xf32>) -> tensor<4x4xf32> {
  // CHECK: tpc.contract %arg0, %arg1 accumulate %arg0 {{.*}}offset = [[SUM:[0-9]+]]
  %0 = tpc.contract %x, %w accumulate %x : [s, k], [n, k] -> [s, n] : (tensor<4x4xf32>, tensor<4x4xf32>) -> tensor<4x4xf32>
  // CHECK-NEXT: tpc.contract %arg1, %arg0 accumulate %0 {{.*}}offset = [[SUM]],
  %1 = tpc.contract %w, %x accumulate %0 : [s, k], [n, k] -> [s, n] : (tensor<4x4xf32>, tensor<4x4xf32>) -> tensor<4x4xf32>
  // A factor is read until the end: %2 does not lie in the place of %1.
  // CHECK-NOT: offset = [[SUM]],
  // CHECK: return
  %2 = tpc.contract %1, %x accumulate %1 : [s, k], [n, k] -> [s, n] : (tensor<4x4xf32>, tensor<4x4xf32>) -> tensor<4x4xf32>
  return %2 : tensor<4x4xf32>
}
