// RUN: tpc-opt --tpc-differentiate --split-input-file --verify-diagnostics %s

// expected-error @below {{expects a function @loss}}
module {}

// -----

// expected-error @below {{expects a result with tpc.output = "loss"}}
func.func @loss(%w: tensor<f32> {tpc.param = #tpc.param<"w", shape = [], kind = norm, fan_in = 1>}) -> tensor<f32> {
  return %w : tensor<f32>
}

// -----

// expected-error @below {{expects the result "loss" to be a float scalar, got 'tensor<4xf32>'}}
func.func @loss(%w: tensor<4xf32> {tpc.param = #tpc.param<"w", shape = [4], kind = norm, fan_in = 1>}) -> (tensor<4xf32> {tpc.output = "loss"}) {
  return %w : tensor<4xf32>
}

// -----

// expected-error @below {{the loss does not depend on parameter 'v'}}
func.func @loss(%w: tensor<f32> {tpc.param = #tpc.param<"w", shape = [], kind = norm, fan_in = 1>},
                %v: tensor<f32> {tpc.param = #tpc.param<"v", shape = [], kind = norm, fan_in = 1>}) -> (tensor<f32> {tpc.output = "loss"}) {
  return %w : tensor<f32>
}

// -----

func.func @loss(%w: tensor<4xf32> {tpc.param = #tpc.param<"w", shape = [4], kind = norm, fan_in = 1>}) -> (tensor<f32> {tpc.output = "loss"}) {
  // expected-error @below {{has no derivative: only sums are differentiable}}
  %0 = tpc.reduce max %w dims [0] : tensor<4xf32> -> tensor<f32>
  return %0 : tensor<f32>
}

// -----

func.func @loss(%w: tensor<f32> {tpc.param = #tpc.param<"w", shape = [], kind = norm, fan_in = 1>}) -> (tensor<f32> {tpc.output = "loss"}) {
  // expected-error @below {{has no derivative, but the loss depends on a parameter through it}}
  %0 = math.floor %w : tensor<f32>
  return %0 : tensor<f32>
}
