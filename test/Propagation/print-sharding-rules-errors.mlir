// RUN: tpc-opt %s --split-input-file --verify-diagnostics --tpc-print-sharding-rules -o /dev/null
// A table that left out an op would look complete, and a rule for sizes nobody knows would be wrong.

func.func private @callee(tensor<4xf32>) -> tensor<4xf32>
func.func @call(%x: tensor<4xf32>) -> tensor<4xf32> {
  // expected-error@+1 {{'func.call' op has no sharding rule, so its tensors cannot be given layouts: implement ShardingRuleOpInterface or write it with ops that have it}}
  %0 = func.call @callee(%x) : (tensor<4xf32>) -> tensor<4xf32>
  return %0 : tensor<4xf32>
}

// -----

// The scalar ops inside have rules, the product has none before tpc-convert-linalg.
func.func @linalg(%x: tensor<8x8xf32>) -> tensor<8x8xf32> {
  // expected-error@+1 {{'linalg.matmul' op has no sharding rule}}
  %0 = linalg.matmul ins(%x, %x : tensor<8x8xf32>, tensor<8x8xf32>) outs(%x : tensor<8x8xf32>) -> tensor<8x8xf32>
  return %0 : tensor<8x8xf32>
}

// -----

func.func @unknown_size(%x: tensor<?x6xf32>) -> tensor<?x6xf32> {
  // expected-error@+1 {{'arith.addf' op expects tensors of static shape, got 'tensor<?x6xf32>'}}
  %0 = arith.addf %x, %x : tensor<?x6xf32>
  return %0 : tensor<?x6xf32>
}

// -----

func.func @unknown_rank(%x: tensor<*xf32>) -> tensor<*xf32> {
  // expected-error@+1 {{'math.exp' op expects tensors of static shape, got 'tensor<*xf32>'}}
  %0 = math.exp %x : tensor<*xf32>
  return %0 : tensor<*xf32>
}

// -----

func.func @vector(%x: vector<4xf32>) -> vector<4xf32> {
  // expected-error@+1 {{'arith.negf' op expects tensors of static shape, got 'vector<4xf32>'}}
  %0 = arith.negf %x : vector<4xf32>
  return %0 : vector<4xf32>
}
