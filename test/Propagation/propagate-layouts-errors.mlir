// RUN: tpc-opt %s --allow-unregistered-dialect --split-input-file --verify-diagnostics --tpc-propagate-layouts

// expected-error@+1 {{needs exactly one tpc.mesh, got 0}}
module {
  func.func @no_mesh(%x: tensor<4xf32>) {
    return
  }
}

// -----

// expected-error@+1 {{needs exactly one tpc.mesh, got 2}}
module {
  // expected-note@+1 {{here is @a}}
  tpc.mesh @a <["tp"=2]>
  // expected-note@+1 {{here is @b}}
  tpc.mesh @b <["tp"=2]>
}

// -----

// Result attributes are checked here, argument attributes by the dialect already.
tpc.mesh @mesh <["tp"=2]>
func.func @other_mesh(%x: tensor<4xf32>)
    // expected-error@-1 {{result 0: expects a layout on @mesh, the module's mesh, got @elsewhere}}
    -> (tensor<4xf32> {tpc.layout = #tpc.layout<@elsewhere, [{}]>}) {
  return %x : tensor<4xf32>
}

// -----

// All arguments at fault are named at once, parameters by name.
tpc.mesh @mesh <["dp"=2, "tp"=4]>
func.func @partial_arguments(
    // expected-error@+1 {{parameter 'model.norm.weight': a layout that is asked for cannot be Partial, got Partial(sum) on dp}}
    %w: tensor<4xf32> {tpc.param = #tpc.param<"model.norm.weight", shape = [4], kind = norm, fan_in = 4>, tpc.layout = #tpc.layout<@mesh, [{}], partial = sum {"dp"}>},
    // expected-error@+1 {{argument 1 of @partial_arguments: a layout that is asked for cannot be Partial}}
    %x: tensor<3xf32> {tpc.layout = #tpc.layout<@mesh, [{}], partial = sum {"tp"}>}) {
  return
}

// -----

tpc.mesh @mesh <["tp"=2]>
func.func @partial_request(%x: tensor<4xf32>) {
  // expected-error@+1 {{a layout that is asked for cannot be Partial, got Partial(sum) on tp: ask for Shard or Replicate, and the sum is formed there}}
  %0 = tpc.constrain %x to <@mesh, [{}], partial = sum {"tp"}> : tensor<4xf32>
  return
}

// -----

tpc.mesh @mesh <["tp"=2]>
func.func @forward(
    // expected-note@+1 {{which has it as #tpc.layout<@mesh, [{"tp"}, {}]>}}
    %w: tensor<4x4xf32> {tpc.param = #tpc.param<"w", shape = [4, 4], kind = linear, fan_in = 4>, tpc.layout = #tpc.layout<@mesh, [{"tp"}, {}]>}) {
  return
}
func.func @step(
    // expected-error@+1 {{parameter 'w' must have one layout in all functions, got #tpc.layout<@mesh, [{}, {"tp"}]>}}
    %w: tensor<4x4xf32> {tpc.param = #tpc.param<"w", shape = [4, 4], kind = linear, fan_in = 4>, tpc.layout = #tpc.layout<@mesh, [{}, {"tp"}]>}) {
  return
}

// -----

tpc.mesh @mesh <["tp"=2]>
// expected-error@+1 {{result 0 is the gradient of 'v', which is no parameter of the module}}
func.func @unknown_gradient(%w: tensor<4xf32> {tpc.param = #tpc.param<"w", shape = [4], kind = norm, fan_in = 4>})
    -> (tensor<4xf32> {tpc.gradient = "v"}) {
  return %w : tensor<4xf32>
}

// -----

tpc.mesh @mesh <["tp"=2]>
// expected-error@+1 {{result 0 is said to update argument 1, which is no argument of its type}}
func.func @wrong_alias(%w: tensor<4xf32>, %x: tensor<8xf32>) -> (tensor<4xf32> {tpc.alias = 1 : i64}) {
  return %w : tensor<4xf32>
}

// -----

tpc.mesh @mesh <["tp"=2]>
// expected-error@+1 {{result 0 updates argument 0 and must lie as it does, got #tpc.layout<@mesh, [{}]>}}
func.func @moving_alias(
    // expected-note@+1 {{the argument is Shard(0) on tp}}
    %w: tensor<4xf32> {tpc.layout = #tpc.layout<@mesh, [{"tp"}]>})
    -> (tensor<4xf32> {tpc.alias = 0 : i64, tpc.layout = #tpc.layout<@mesh, [{}]>}) {
  return %w : tensor<4xf32>
}

// -----

tpc.mesh @mesh <["tp"=2]>
func.func private @callee(tensor<4xf32>) -> tensor<4xf32>
func.func @no_rule(%x: tensor<4xf32>) -> tensor<4xf32> {
  // expected-error@+1 {{'func.call' op has no sharding rule, so its tensors cannot be given layouts: implement ShardingRuleOpInterface or write it with ops that have it}}
  %0 = func.call @callee(%x) : (tensor<4xf32>) -> tensor<4xf32>
  return %0 : tensor<4xf32>
}

// -----

tpc.mesh @mesh <["tp"=2]>
func.func @no_rule_upstream(%x: tensor<4xi32>) -> tensor<4xi32> {
  // expected-error@+1 {{'math.ctpop' op has no sharding rule}}
  %0 = math.ctpop %x : tensor<4xi32>
  return %0 : tensor<4xi32>
}

// -----

tpc.mesh @mesh <["tp"=2]>
// expected-error@+1 {{needs a body of one block to be given layouts, got 2}}
func.func @two_blocks(%x: tensor<4xf32>) -> tensor<4xf32> {
  "test.branch"()[^next] : () -> ()
^next:
  return %x : tensor<4xf32>
}

// -----

tpc.mesh @mesh <["tp"=2]>
// expected-error@+1 {{expects tensors of static shape, got 'tensor<?x6xf32>'}}
func.func @unknown_size(%x: tensor<?x6xf32>) -> tensor<?x6xf32> {
  %0 = arith.addf %x, %x : tensor<?x6xf32>
  return %0 : tensor<?x6xf32>
}
