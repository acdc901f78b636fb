// RUN: tpc-opt --tpc-append-optimizer --split-input-file --verify-diagnostics %s

// expected-error @below {{expects a function @step: run tpc-differentiate first}}
module {}

// -----

// expected-error @below {{expects a gradient of 'w': run tpc-differentiate first}}
func.func @step(%w: tensor<f32> {tpc.param = #tpc.param<"w", shape = [], kind = norm, fan_in = 1>}) -> (tensor<f32> {tpc.output = "loss"}) {
  return %w : tensor<f32>
}

// -----

// expected-error @below {{has no parameters to train}}
func.func @step(%x: tensor<f32> {tpc.input = "x"}) -> (tensor<f32> {tpc.output = "loss"}) {
  return %x : tensor<f32>
}
