// RUN: tpc-opt --split-input-file --verify-diagnostics %s
// One case per labelled constraint.

// expected-error @below {{mesh axes need distinct names (C1), got 'tp'}}
tpc.mesh @mesh <["tp"=2, "tp"=2]>

// -----

// expected-error @below {{mesh axis 'tp' needs a positive size (C2), got 0}}
tpc.mesh @mesh <["tp"=0]>

// -----

func.func @f(%x: tensor<4xf32>) {
  // expected-error @below {{expects the mesh of its layout to be a tpc.mesh symbol (C1), got @mesh}}
  %0 = tpc.reshard %x to <@mesh, [{"tp"}]> : tensor<4xf32>
  return
}

// -----

tpc.mesh @mesh <["tp"=4]>
func.func @f(%x: tensor<4xf32>) {
  // expected-error @below {{layout names 'ep', which is no axis of the mesh (C2)}}
  %0 = tpc.constrain %x to <@mesh, [{"ep"}]> : tensor<4xf32>
  return
}

// -----

tpc.mesh @mesh <["tp"=4]>
func.func @f(%x: tensor<4x4xf32>) {
  // expected-error @below {{layout uses axis 'tp' twice (C3)}}
  %0 = tpc.constrain %x to <@mesh, [{"tp":(1)2}, {"tp"}]> : tensor<4x4xf32>
  return
}

// -----

tpc.mesh @mesh <["tp"=4]>
func.func @f(%x: tensor<4x4xf32>) {
  // expected-error @below {{layout needs one list of axes per dimension (C4): 2, got 1}}
  %0 = tpc.constrain %x to <@mesh, [{"tp"}]> : tensor<4x4xf32>
  return
}

// -----

tpc.mesh @mesh <["tp"=4]>
// expected-error @below {{sub-axis (2)4 does not divide axis 'tp' of size 4 (C5)}}
func.func @f(%x: tensor<4xf32> {tpc.layout = #tpc.layout<@mesh, [{"tp":(2)4}]>}) {
  return
}

// -----

tpc.mesh @mesh <["tp"=4]>
func.func @f(%x: tensor<4xf32>) {
  // expected-error @below {{expects one layout per tensor result (1), got []}}
  %0 = arith.negf %x {tpc.layouts = []} : tensor<4xf32>
  return
}

// -----

func.func @f(%x: tensor<2x4xf32>) {
  // expected-error @below {{needs consecutive groups in dims that cover every dimension once (C1)}}
  %0 = tpc.boundary %x input 0 of linear "q_proj" dims [[1], [0]] : tensor<2x4xf32>
  return
}

// -----

func.func @f(%x: tensor<2x4xf32>) {
  // expected-error @below {{needs the name of a module (C2)}}
  %0 = tpc.boundary %x input 0 of linear "" dims [[0], [1]] : tensor<2x4xf32>
  return
}

// -----

func.func @f(%x: tensor<2x4xf32>, %w: tensor<6x5xf32>) -> tensor<2x6xf32> {
  // expected-error @+1 {{tpc.contract_pair' op expects one size per letter (C3), got 4 and 5 for 'k'}}
  %0, %1 = tpc.contract_pair %x, %w and %x, %w : [b, k], [n, k] -> [b, n] : (tensor<2x4xf32>, tensor<6x5xf32>) -> tensor<2x6xf32>
  return %0 : tensor<2x6xf32>
}

// -----

func.func @f(%x: tensor<2x4xf32>, %w: tensor<6x4xf32>, %v: tensor<6x5xf32>) -> tensor<2x6xf32> {
  // expected-error @+1 {{expects one size per letter (C3), got 4 and 5 for 'k'}}
  %0, %1 = "tpc.contract_pair"(%x, %w, %x, %v) {equation = "bk,nk->bn"} : (tensor<2x4xf32>, tensor<6x4xf32>, tensor<2x4xf32>, tensor<6x5xf32>) -> (tensor<2x6xf32>, tensor<2x6xf32>)
  return %0 : tensor<2x6xf32>
}

// -----

func.func @f(%x: tensor<2x4xf32>) {
  // expected-error @below {{expects one letter per dimension (C1), got 'b' for 'tensor<2x4xf32>'}}
  %0 = tpc.contract %x, %x : [b], [n, b] -> [n] : (tensor<2x4xf32>, tensor<2x4xf32>) -> tensor<2xf32>
  return
}

// -----

func.func @f(%x: tensor<2x2xf32>) {
  // expected-error @below {{expects no letter twice in one operand (C2), got 'bb'}}
  %0 = tpc.contract %x, %x : [b, b], [n, b] -> [n] : (tensor<2x2xf32>, tensor<2x2xf32>) -> tensor<2xf32>
  return
}

// -----

func.func @f(%x: tensor<2x4xf32>, %w: tensor<6x5xf32>) {
  // expected-error @below {{expects one size per letter (C3), got 4 and 5 for 'k'}}
  %0 = tpc.contract %x, %w : [b, k], [n, k] -> [b, n] : (tensor<2x4xf32>, tensor<6x5xf32>) -> tensor<2x6xf32>
  return
}

// -----

func.func @f(%x: tensor<2x4xf32>) {
  // expected-error @below {{expects every letter of the result in an operand (C4), got 'z'}}
  %0 = tpc.contract %x, %x : [b, k], [n, k] -> [b, z] : (tensor<2x4xf32>, tensor<2x4xf32>) -> tensor<2x2xf32>
  return
}

// -----

func.func @f(%x: tensor<2x4xf32>, %w: tensor<2x4xf64>) {
  // expected-error @below {{expects one element type, or a result of f32 from narrower operands (C5), got 'f32', 'f64' and 'f32'}}
  %0 = tpc.contract %x, %w : [b, k], [n, k] -> [b, n] : (tensor<2x4xf32>, tensor<2x4xf64>) -> tensor<2x2xf32>
  return
}

// -----

func.func @f(%x: tensor<2x4xf32>) {
  // expected-error @below {{expects one element type, or a result of f32 from narrower operands (C5), got 'f32', 'f32' and 'bf16'}}
  %0 = tpc.contract %x, %x : [b, k], [n, k] -> [b, n] : (tensor<2x4xf32>, tensor<2x4xf32>) -> tensor<2x2xbf16>
  return
}

// -----

func.func @f(%x: tensor<2x4xbf16>) {
  // expected-error @below {{expects one element type, or a result of f32 from narrower operands (C5), got 'bf16', 'bf16' and 'f64'}}
  %0 = tpc.contract %x, %x : [b, k], [n, k] -> [b, n] : (tensor<2x4xbf16>, tensor<2x4xbf16>) -> tensor<2x2xf64>
  return
}

// -----

func.func @f(%ids: tensor<2xi32>, %table: tensor<4x8xf32>) {
  // expected-error @below {{expects one element type of table and result (C2), got 'f32' and 'bf16'}}
  %0 = tpc.embedding %ids, %table : (tensor<2xi32>, tensor<4x8xf32>) -> tensor<2x8xbf16>
  return
}

// -----

func.func @f(%x: tensor<2x4xf32>) {
  // expected-error @below {{expects a letter of one operand alone in the result (C6), got 'b'}}
  %0 = tpc.contract %x, %x : [b, k], [n, k] -> [n] : (tensor<2x4xf32>, tensor<2x4xf32>) -> tensor<2xf32>
  return
}

// -----

// The type of the result is written once: only another form of assembly can say what is wrong.
func.func @f(%x: tensor<2x4xf32>, %y: tensor<2x2xf64>) {
  // expected-error @below {{expects to accumulate on a value of the result's type (C7), got 'tensor<2x2xf64>'}}
  %0 = "tpc.contract"(%x, %x, %y) {equation = "bk,nk->bn"} : (tensor<2x4xf32>, tensor<2x4xf32>, tensor<2x2xf64>) -> tensor<2x2xf32>
  return
}

// -----

func.func @f(%x: tensor<2x4xf32>) {
  // expected-error @below {{expected a dimension of one letter, got 'seq'}}
  %0 = tpc.contract %x, %x : [b, seq], [n, seq] -> [b, n] : (tensor<2x4xf32>, tensor<2x4xf32>) -> tensor<2x2xf32>
  return
}

// -----

func.func @f(%x: tensor<2x4xf32>) {
  // expected-error @below {{expects sorted, distinct dims below 2 (C1), got [1, 0]}}
  %0 = tpc.reduce sum %x dims [1, 0] : tensor<2x4xf32> -> tensor<f32>
  return
}

// -----

func.func @f(%x: tensor<2x4xf32>) {
  // expected-error @below {{expects a result of the other dimensions (C2), got 'tensor<2xf32>'}}
  %0 = tpc.reduce sum %x dims [0] : tensor<2x4xf32> -> tensor<2xf32>
  return
}

// -----

func.func @f(%x: tensor<4xf32>) {
  // expected-error @below {{expects equal sizes (C2)}}
  %0 = tpc.broadcast %x dims [0] : tensor<4xf32> -> tensor<2x4xf32>
  return
}

// -----

func.func @f(%x: tensor<2x4xf32>) {
  // expected-error @below {{expects a permutation of the dimensions (C1), got [0, 0]}}
  %0 = tpc.transpose %x permutation [0, 0] : tensor<2x4xf32> -> tensor<2x2xf32>
  return
}

// -----

func.func @f(%ids: tensor<2x8xi32>, %w: tensor<6x4xf32>) {
  // expected-error @below {{expects ids' shape followed by the table's width (C1), got 'tensor<2x8x6xf32>'}}
  %0 = tpc.embedding %ids, %w : (tensor<2x8xi32>, tensor<6x4xf32>) -> tensor<2x8x6xf32>
  return
}

// -----

func.func @f(%x: tensor<2x4xf32>, %w: tensor<2xf32>) {
  // expected-error @below {{expects a weight of the last dimension's size (C1), got 'tensor<2xf32>'}}
  %0 = tpc.rms_norm %x, %w eps 1.0e-5 : tensor<2x4xf32>, tensor<2xf32>
  return
}

// -----

func.func @f(%x: tensor<2x4xf32>, %w: tensor<2xf32>) {
  // expected-error @below {{expects a weight of the last dimension's size (C1), got 'tensor<2xf32>'}}
  %0 = tpc.layer_norm %x, %w, %w eps 1.0e-5 : tensor<2x4xf32>, tensor<2xf32>
  return
}

// -----

func.func @f(%x: tensor<4xf32>, %w: tensor<2xf32>) {
  // expected-error @below {{expects a weight of the last dimension's size (C1), got 'tensor<2xf32>'}}
  %0:3 = tpc.layer_norm_grad %x, %w, %x eps 1.0e-5 : tensor<4xf32>, tensor<2xf32>
  return
}

// -----

func.func @f(%x: tensor<2x4xf32>, %seed: tensor<i64>) {
  // expected-error @below {{expects a global shape of the result's rank, at most 8 (C1), got [8]}}
  %0 = tpc.dropout %x seed(%seed) probability 0.1 stream "s" global [8] : tensor<2x4xf32>, tensor<i64>
  return
}

// -----

func.func @f(%x: tensor<2x4xf32>, %seed: tensor<i64>, %i: index) {
  // expected-error @below {{expects no less than the global shape, or one offset per dimension (C2), got 1 offsets and 'tensor<2x4xf32>'}}
  %0 = tpc.dropout %x seed(%seed) probability 0.1 stream "s" global [4, 4] offsets(%i) : tensor<2x4xf32>, tensor<i64>
  return
}

// -----

func.func @f(%x: tensor<4xf32>, %seed: tensor<i64>) {
  // expected-error @below {{expects a probability of at least 0 and below 1 (C3), got 1.000000e+00}}
  %0 = tpc.dropout %x seed(%seed) probability 1.0 stream "s" global [4] : tensor<4xf32>, tensor<i64>
  return
}

// -----

func.func @f(%x: tensor<4xf32>, %seed: tensor<i64>) {
  // expected-error @below {{expects the name of a stream (C4), got ""}}
  %0 = tpc.dropout %x seed(%seed) probability 0.5 stream "" global [4] : tensor<4xf32>, tensor<i64>
  return
}

// -----

func.func @f(%x: tensor<2x8x3x4xf32>, %c: tensor<8x4xf32>) {
  // expected-error @below {{expects tables [positions, head_dim / 2] (C1), got 'tensor<8x4xf32>'}}
  %0 = tpc.rope %x, %c, %c : tensor<2x8x3x4xf32>, tensor<8x4xf32>
  return
}

// -----

func.func @f(%q: tensor<2x8x4x2x4xf32>, %k: tensor<2x8x3x4xf32>) {
  // expected-error @below {{expects equal batch, kv heads and head dimension (C2)}}
  %o, %l = tpc.attention %q, %k, %k scale 0.5 : tensor<2x8x4x2x4xf32>, tensor<2x8x3x4xf32> -> tensor<2x8x4x2xf32>
  return
}

// -----

func.func @f(%x: tensor<2x8x6xf32>, %t: tensor<2xi32>) {
  // expected-error @below {{expects targets and results of the logits' shape but for the last dimension (C1)}}
  %0, %1 = tpc.cross_entropy %x, %t : (tensor<2x8x6xf32>, tensor<2xi32>) -> tensor<2xf32>
  return
}

// -----

func.func @f(%seed: tensor<i64>, %scheme: tensor<i32>) {
  // expected-error @below {{expects no less than the global shape, or one offset per dimension (C2), got 0 offsets and 'tensor<4xf32>'}}
  %1 = tpc.init seed(%seed) scheme(%scheme) <"w", shape = [8], kind = norm, fan_in = 8> range 0.02 global [8] : (tensor<i64>, tensor<i32>) -> tensor<4xf32>
  return
}

// -----

func.func @f() {
  // expected-error @below {{expects a dimension of its result (C1), got 2 of 2}}
  %0 = tpc.within 3 dim 2 : tensor<4x4xi1>
  return
}

// -----

func.func @f() {
  // expected-error @below {{expects a positive extent (C2), got 0}}
  %0 = tpc.within 0 dim 0 : tensor<4xi1>
  return
}

// -----

tpc.mesh @mesh <["tp"=4]>
func.func @f(%x: tensor<2x4xf32>) {
  // expected-error @below {{expects a dimension of its operand (C1), which has 2, got 2}}
  %0 = tpc.all_gather %x dim 2 over @mesh ["tp"] : tensor<2x4xf32> -> tensor<2x4xf32>
  return
}

// -----

tpc.mesh @mesh <["tp"=4]>
func.func @f(%x: tensor<2x4xf32>) {
  // expected-error @below {{expects dimension 1 to differ by the group size 4 and all else to be equal (C2), got 'tensor<2x4xf32>' and 'tensor<2x8xf32>'}}
  %0 = tpc.all_gather %x dim 1 over @mesh ["tp"] : tensor<2x4xf32> -> tensor<2x8xf32>
  return
}

// -----

tpc.mesh @mesh <["tp"=4]>
func.func @f(%x: tensor<2x4xf32>, %y: tensor<2xf32>) {
  // expected-error @below {{expects a dimension of its operand (C1), which has 1, got 1}}
  %0:2 = tpc.all_gather %x, %y dim 1 over @mesh ["tp"] : tensor<2x4xf32>, tensor<2xf32> -> tensor<2x16xf32>, tensor<8xf32>
  return
}

// -----

tpc.mesh @mesh <["tp"=4]>
func.func @f(%x: tensor<2xf32>, %y: tensor<2xf64>) {
  // expected-error @below {{expects one element type (C1), got 'f32' and 'f64'}}
  %0:2 = tpc.all_gather %x, %y dim 0 over @mesh ["tp"] : tensor<2xf32>, tensor<2xf64> -> tensor<8xf32>, tensor<8xf64>
  return
}

// -----

tpc.mesh @mesh <["tp"=4]>
func.func @f(%x: tensor<8xf32>, %y: tensor<8xf32>) {
  // expected-error @below {{expects dimension 0 to differ by the group size 4 and all else to be equal (C2), got 'tensor<4xf32>' and 'tensor<8xf32>'}}
  %0:2 = tpc.reduce_scatter sum %x, %y dim 0 over @mesh ["tp"] : tensor<8xf32>, tensor<8xf32> -> tensor<2xf32>, tensor<4xf32>
  return
}

// -----

tpc.mesh @mesh <["tp"=4]>
func.func @f(%x: tensor<2xf32>, %y: tensor<2xf32>) {
  // expected-error @below {{expects a tensor for each operand (C2), got 1}}
  %0 = tpc.all_gather %x, %y dim 0 over @mesh ["tp"] : tensor<2xf32>, tensor<2xf32> -> tensor<8xf32>
  return
}

// -----

tpc.mesh @mesh <["tp"=4]>
func.func @f(%x: tensor<2x4xf32>) {
  // expected-error @below {{expects equal types in its global form (C2)}}
  %0 = tpc.all_gather %x dim 1 over @mesh ["tp"] {tpc.layouts = [#tpc.layout<@mesh, [{}, {}]>]} : tensor<2x4xf32> -> tensor<2x16xf32>
  return
}

// -----

tpc.mesh @mesh <["tp"=4]>
func.func @f(%x: tensor<2x4xf32>) {
  // expected-error @below {{expects axes of the mesh (C3), got "ep"}}
  %0 = tpc.all_reduce sum %x over @mesh ["ep"] : tensor<2x4xf32>
  return
}

// -----

tpc.mesh @mesh <["tp"=4]>
func.func @f(%x: tensor<2x4xf32>) {
  // expected-error @below {{expects distinct axes (C3), got "tp" twice}}
  %0 = tpc.all_reduce sum %x over @mesh ["tp", "tp":(1)2] : tensor<2x4xf32>
  return
}

// -----

tpc.mesh @mesh <["tp"=4]>
func.func @f(%x: tensor<2x4xf32>, %y: tensor<f64>) {
  // expected-error @below {{expects one element type (C1), got 'f32' and 'f64'}}
  %0:2 = tpc.all_reduce sum %x, %y over @mesh ["tp"] : tensor<2x4xf32>, tensor<f64>
  return
}

// -----

tpc.mesh @mesh <["tp"=4]>
func.func @f(%x: tensor<4x4xf32>) {
  // expected-error @below {{expects different dimensions (C1), got 1 twice}}
  %0 = tpc.all_to_all %x split 1 concat 1 over @mesh ["tp"] : tensor<4x4xf32> -> tensor<4x4xf32>
  return
}

// -----

tpc.mesh @mesh <["tp"=2]>
func.func @f(%x: tensor<4xf32>) {
  // expected-error @below {{expects each of the 2 positions once as source and once as destination (C1)}}
  %0 = tpc.permute %x pairs [0, 1] over @mesh ["tp"] : tensor<4xf32>
  return
}

// -----

tpc.mesh @mesh <["tp"=2]>
func.func @f(%x: tensor<4xf32>) {
  // expected-error @below {{cannot be started in its global form (C4)}}
  %0 = tpc.all_reduce sum %x over @mesh ["tp"] {tpc.layouts = []} : tensor<4xf32> -> !tpc.pending<tensor<4xf32>>
  %1 = tpc.wait %0 : !tpc.pending<tensor<4xf32>>
  return
}

// -----

tpc.mesh @mesh <["tp"=2]>
func.func @f(%x: tensor<4xf32>) {
  // expected-error @below {{expects a tpc.wait in the same block as the only user of its pending result (C4), got 0 users}}
  %0 = tpc.all_reduce sum %x over @mesh ["tp"] : tensor<4xf32> -> !tpc.pending<tensor<4xf32>>
  return
}

// -----

tpc.mesh @mesh <["tp"=2]>
func.func @f(%x: tensor<4xf32>) {
  // expected-error @below {{expects a tpc.wait in the same block as the only user of its pending result (C4), got 2 users}}
  %0 = tpc.all_gather %x dim 0 over @mesh ["tp"] : tensor<4xf32> -> !tpc.pending<tensor<8xf32>>
  %1 = tpc.wait %0 : !tpc.pending<tensor<8xf32>>
  %2 = tpc.wait %0 : !tpc.pending<tensor<8xf32>>
  return
}

// -----

tpc.mesh @mesh <["tp"=2]>
func.func @f(%x: tensor<4xf32>) -> !tpc.pending<tensor<4xf32>> {
  // expected-error @below {{expects a tpc.wait in the same block as the only user of its pending result (C4), got 1 users}}
  %0 = tpc.permute %x pairs [0, 1, 1, 0] over @mesh ["tp"] : tensor<4xf32> -> !tpc.pending<tensor<4xf32>>
  return %0 : !tpc.pending<tensor<4xf32>>
}

// -----

tpc.mesh @mesh <["tp"=2]>
func.func @f(%x: tensor<4xf32>) {
  // expected-error @below {{expects results of the operands' types (C2), got '!tpc.pending<tensor<8xf32>>'}}
  %0 = tpc.all_reduce sum %x over @mesh ["tp"] : tensor<4xf32> -> !tpc.pending<tensor<8xf32>>
  %1 = tpc.wait %0 : !tpc.pending<tensor<8xf32>>
  return
}

// -----

tpc.mesh @mesh <["tp"=2]>
func.func @f(%x: tensor<4xf32>) {
  // expected-error @below {{expects a tensor for each operand (C2), got 2}}
  %0 = tpc.reduce_scatter sum %x dim 0 over @mesh ["tp"] : tensor<4xf32> -> !tpc.pending<tensor<2xf32>, tensor<2xf32>>
  %1:2 = tpc.wait %0 : !tpc.pending<tensor<2xf32>, tensor<2xf32>>
  return
}

// -----

func.func @f(%p: !tpc.pending<tensor<4xf32>>) {
  // expected-error @below {{expects the result of a started collective (C1)}}
  %0 = tpc.wait %p : !tpc.pending<tensor<4xf32>>
  return
}

// -----

func.func @plain(%x: tensor<4xf32>) -> tensor<4xf32> {
  return %x : tensor<4xf32>
}
func.func @f(%x: tensor<4xf32>) {
  // expected-error @below {{expects 'plain' to be a function with tpc.kernel (C1)}}
  %0 = tpc.launch @plain(%x) : (tensor<4xf32>) -> tensor<4xf32>
  return
}

// -----

func.func private @kernel(%x: tensor<4xf32>) -> tensor<4xf32> attributes {tpc.kernel} {
  return %x : tensor<4xf32>
}
func.func @f(%x: tensor<8xf32>) {
  // expected-error @below {{expects the types of its kernel (C2), which are '(tensor<4xf32>) -> tensor<4xf32>'}}
  %0 = tpc.launch @kernel(%x) : (tensor<8xf32>) -> tensor<8xf32>
  return
}

// -----

func.func @f(%x: tensor<4xf32>) {
  // expected-error @below {{expects one entry of dims per operand dimension (C1), got 2}}
  %0 = tpc.broadcast %x dims [0, 1] : tensor<4xf32> -> tensor<4x4xf32>
  return
}

// -----

func.func @f(%x: tensor<2x3xf32>) {
  // expected-error @below {{expects the permuted sizes (C2), got 'tensor<2x3xf32>' and 'tensor<2x3xf32>'}}
  %0 = tpc.transpose %x permutation [1, 0] : tensor<2x3xf32> -> tensor<2x3xf32>
  return
}

// -----

func.func @f() {
  // expected-error @below {{expects two results [positions, number of frequencies] (C1), got 'tensor<8x3xf32>' and 'tensor<8x3xf32>'}}
  %cos, %sin = tpc.rope_table frequencies [1.0, 0.1] scale 1.0 : tensor<8x3xf32>, tensor<8x3xf32>
  return
}

// -----

func.func @f(%x: tensor<8x4xf32>, %t: tensor<4x2xf32>) {
  // expected-error @below {{expects an operand of rank 3 or more (C2), got 'tensor<8x4xf32>'}}
  %0 = tpc.rope %x, %t, %t : tensor<8x4xf32>, tensor<4x2xf32>
  return
}

// -----

func.func @f(%q: tensor<2x8x3x4xf32>, %k: tensor<2x8x3x4xf32>) {
  // expected-error @below {{expects q of rank 5 and k, v of rank 4 (C1), got 'tensor<2x8x3x4xf32>' and 'tensor<2x8x3x4xf32>'}}
  %o, %lse = tpc.attention causal %q, %k, %k scale 0.5 : tensor<2x8x3x4xf32>, tensor<2x8x3x4xf32> -> tensor<2x8x3xf32>
  return
}

// -----

func.func @f(%q: tensor<2x8x3x2x4xf32>, %k: tensor<2x8x3x4xf32>) {
  // expected-error @below {{expects log_sum_exp [b, s, h, g] (C3), got 'tensor<2x8x3xf32>'}}
  %o, %lse = tpc.attention causal %q, %k, %k scale 0.5 : tensor<2x8x3x2x4xf32>, tensor<2x8x3x4xf32> -> tensor<2x8x3xf32>
  return
}

// -----

func.func @f(%x: tensor<2x8x6xf32>, %ids: tensor<2x4xi32>, %l: tensor<2x8xf32>) {
  // expected-error @below {{expects targets and log_sum_exp of the logits' shape but for the last dimension (C1), got 'tensor<2x4xi32>' and 'tensor<2x8xf32>'}}
  %0 = tpc.cross_entropy_grad %x, %ids, %l, %l, %l : tensor<2x8x6xf32>, tensor<2x4xi32>, tensor<2x8xf32>
  return
}

// -----

func.func @f(%x: tensor<4xf32>) {
  // expected-error @below {{expects a tpc.mesh symbol (C3), got @mesh}}
  %0 = tpc.all_reduce sum %x over @mesh ["tp"] : tensor<4xf32>
  return
}

// -----

tpc.mesh @mesh <["tp"=2]>
func.func @f() {
  // expected-error @below {{expects at least one operand (C1)}}
  "tpc.all_reduce"() <{axes = [#tpc<axis"tp">], kind = #tpc.reduction<sum>, mesh = @mesh}> : () -> ()
  return
}

// -----

tpc.mesh @mesh <["tp"=2]>
func.func @f(%x: tensor<4xf32>) {
  // expected-error @below {{expects one pending result (C4), got 2}}
  %0:2 = "tpc.all_reduce"(%x, %x) <{axes = [#tpc<axis"tp">], kind = #tpc.reduction<sum>, mesh = @mesh}> : (tensor<4xf32>, tensor<4xf32>) -> (!tpc.pending<tensor<4xf32>>, !tpc.pending<tensor<4xf32>>)
  %1 = tpc.wait %0#0 : !tpc.pending<tensor<4xf32>>
  %2 = tpc.wait %0#1 : !tpc.pending<tensor<4xf32>>
  return
}

// -----

tpc.mesh @mesh <["tp"=4]>
func.func @f(%x: tensor<4x6xf32>) {
  // expected-error @below {{expects dimension 1 to be a multiple of the group size 4 (C2), got 'tensor<4x6xf32>'}}
  %0 = tpc.all_to_all %x split 1 concat 0 over @mesh ["tp"] : tensor<4x6xf32> -> tensor<16x1xf32>
  return
}

// -----

tpc.mesh @mesh <["tp"=4]>
func.func @f(%x: tensor<4x8xf32>) {
  // expected-error @below {{expects the split dimension to shrink and the other to grow by the group size 4 (C2), got 'tensor<4x8xf32>' and 'tensor<16x4xf32>'}}
  %0 = tpc.all_to_all %x split 1 concat 0 over @mesh ["tp"] : tensor<4x8xf32> -> tensor<16x4xf32>
  return
}

// -----

// expected-error @below {{expected 'sum', 'max' or 'min', got 'mean'}}
func.func @f() attributes {kind = #tpc.reduction<mean>} { return }

// -----

func.func @f(%ids: tensor<2xi32>, %x: tensor<2x4xbf16>, %g: tensor<6x4xbf16>) {
  // expected-error @below {{expects to accumulate on the type of the result (C2), got 'tensor<6x4xbf16>'}}
  %0 = tpc.embedding_grad %ids, %x accumulate(%g : tensor<6x4xbf16>) : (tensor<2xi32>, tensor<2x4xbf16>) -> tensor<6x4xf32>
  return
}
