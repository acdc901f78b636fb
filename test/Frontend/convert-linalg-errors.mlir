// RUN: tpc-opt %s --split-input-file --verify-diagnostics --tpc-convert-linalg

func.func @window(%x: tensor<8xf32>, %w: tensor<3xf32>, %o: tensor<6xf32>) -> tensor<6xf32> {
  // expected-error@+1 {{expects an indexing map that selects loops, got affine_map<(d0, d1) -> (d0 + d1)>}}
  %0 = linalg.conv_1d ins(%x, %w : tensor<8xf32>, tensor<3xf32>) outs(%o : tensor<6xf32>) -> tensor<6xf32>
  return %0 : tensor<6xf32>
}

// -----

func.func @dynamic(%x: tensor<?x4xf32>, %w: tensor<4x4xf32>, %o: tensor<?x4xf32>) -> tensor<?x4xf32> {
  // expected-error@+1 {{expects static shapes to be partitioned, got 'tensor<?x4xf32>'}}
  %0 = linalg.matmul ins(%x, %w : tensor<?x4xf32>, tensor<4x4xf32>) outs(%o : tensor<?x4xf32>) -> tensor<?x4xf32>
  return %0 : tensor<?x4xf32>
}

// -----

func.func @memory(%x: memref<4x4xf32>, %o: memref<4x4xf32>) {
  // expected-error@+1 {{expects tensors and one output to be partitioned}}
  linalg.matmul ins(%x, %x : memref<4x4xf32>, memref<4x4xf32>) outs(%o : memref<4x4xf32>)
  return
}

// -----

func.func @index(%o: tensor<4xindex>) -> tensor<4xindex> {
  // expected-error@+1 {{expects a body of elementwise operations on its operands}}
  %0 = linalg.generic {indexing_maps = [affine_map<(i) -> (i)>], iterator_types = ["parallel"]} outs(%o : tensor<4xindex>) {
  ^bb0(%a: index):
    %i = linalg.index 0 : index
    linalg.yield %i : index
  } -> tensor<4xindex>
  return %0 : tensor<4xindex>
}

// -----

func.func @product_of_all(%x: tensor<4xf32>, %o: tensor<f32>) -> tensor<f32> {
  // expected-error@+1 {{expects a body that ends in the sum, maximum or minimum with its output}}
  %0 = linalg.reduce { arith.mulf } ins(%x : tensor<4xf32>) outs(%o : tensor<f32>) dimensions = [0]
  return %0 : tensor<f32>
}

// -----

func.func @fill(%s: f32, %o: tensor<4xf32>) -> tensor<4xf32> {
  // expected-error@+1 {{expects a constant scalar and a tensor}}
  %0 = linalg.fill ins(%s : f32) outs(%o : tensor<4xf32>) -> tensor<4xf32>
  return %0 : tensor<4xf32>
}

// -----

func.func @scalar(%x: tensor<4xf32>, %s: f32, %o: tensor<4xf32>) -> tensor<4xf32> {
  // expected-error@+1 {{expects constants for its scalar operands}}
  %0 = linalg.generic {indexing_maps = [affine_map<(i) -> (i)>, affine_map<(i) -> ()>, affine_map<(i) -> (i)>], iterator_types = ["parallel"]}
      ins(%x, %s : tensor<4xf32>, f32) outs(%o : tensor<4xf32>) {
  ^bb0(%a: f32, %b: f32, %c: f32):
    %m = arith.mulf %a, %b : f32
    linalg.yield %m : f32
  } -> tensor<4xf32>
  return %0 : tensor<4xf32>
}

// -----

func.func @pad(%x: tensor<4xf32>, %s: f32) -> tensor<6xf32> {
  // expected-error@+1 {{expects static widths and a constant value around}}
  %0 = tensor.pad %x low[1] high[1] {
  ^bb0(%i: index):
    tensor.yield %s : f32
  } : tensor<4xf32> to tensor<6xf32>
  return %0 : tensor<6xf32>
}
