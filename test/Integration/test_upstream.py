"""Executables of modules with upstream ops, calls and loops, and with dropout: NumPy's bits on every mesh."""
import numpy as np
import pytest
import random_numpy

from test_linear import Executable, assert_equal, quarters

MESHES = [{"dp": 1, "tp": 1}, {"dp": 1, "tp": 2}, {"dp": 2, "tp": 2}]
ROWS, COLUMNS = '<@mesh, [{"dp"}, {}]>', '<@mesh, [{}, {"tp"}]>'

CUT = f"""
func.func @cut(%x: tensor<4x8xf32> {{tpc.layout = #tpc.layout{ROWS}}}, %y: tensor<4x8xf32> {{tpc.layout = #tpc.layout{COLUMNS}}})
    -> (tensor<4xf32>, tensor<4x10xf32>, tensor<6x8xf32>, tensor<4x8xf32>) {{
  %one = arith.constant 1.0 : f32
  %0 = tensor.extract_slice %x[0, 3] [4, 1] [1, 1] : tensor<4x8xf32> to tensor<4xf32>
  %1 = tensor.extract_slice %y[0, 5] [4, 2] [1, 1] : tensor<4x8xf32> to tensor<4x2xf32>
  %2 = tensor.concat dim(1) %x, %1 : (tensor<4x8xf32>, tensor<4x2xf32>) -> tensor<4x10xf32>
  %3 = tensor.pad %y low[2, 0] high[0, 0] {{
  ^bb0(%i: index, %j: index):
    tensor.yield %one : f32
  }} : tensor<4x8xf32> to tensor<6x8xf32>
  %4 = tensor.insert_slice %1 into %x[0, 2] [4, 2] [1, 1] : tensor<4x2xf32> into tensor<4x8xf32>
  return %0, %2, %3, %4 : tensor<4xf32>, tensor<4x10xf32>, tensor<6x8xf32>, tensor<4x8xf32>
}}
"""

LAYERS = """
func.func @layers(%x: tensor<4x8xf32> {tpc.layout = #tpc.layout<@mesh, [{"dp"}, {}]>},
                  %up: tensor<3x8x6xf32> {tpc.layout = #tpc.layout<@mesh, [{}, {}, {"tp"}]>},
                  %down: tensor<3x6x8xf32> {tpc.layout = #tpc.layout<@mesh, [{}, {"tp"}, {}]>}) -> tensor<4x8xf32> {
  %zero = arith.constant 0 : index
  %one = arith.constant 1 : index
  %three = arith.constant 3 : index
  %0 = scf.for %i = %zero to %three step %one iter_args(%h = %x) -> tensor<4x8xf32> {
    %u = tensor.extract_slice %up[%i, 0, 0] [1, 8, 6] [1, 1, 1] : tensor<3x8x6xf32> to tensor<8x6xf32>
    %d = tensor.extract_slice %down[%i, 0, 0] [1, 6, 8] [1, 1, 1] : tensor<3x6x8xf32> to tensor<6x8xf32>
    %y = func.call @layer(%h, %u, %d) : (tensor<4x8xf32>, tensor<8x6xf32>, tensor<6x8xf32>) -> tensor<4x8xf32>
    scf.yield %y : tensor<4x8xf32>
  }
  return %0 : tensor<4x8xf32>
}
func.func private @layer(%x: tensor<4x8xf32>, %up: tensor<8x6xf32>, %down: tensor<6x8xf32>) -> tensor<4x8xf32> {
  %zero = arith.constant 0.0 : f32
  %e = tensor.empty() : tensor<4x6xf32>
  %f = linalg.fill ins(%zero : f32) outs(%e : tensor<4x6xf32>) -> tensor<4x6xf32>
  %0 = linalg.matmul ins(%x, %up : tensor<4x8xf32>, tensor<8x6xf32>) outs(%f : tensor<4x6xf32>) -> tensor<4x6xf32>
  %1 = linalg.matmul ins(%0, %down : tensor<4x6xf32>, tensor<6x8xf32>) outs(%x : tensor<4x8xf32>) -> tensor<4x8xf32>
  return %1 : tensor<4x8xf32>
}
"""

DROPOUT = """
func.func @dropout(%x: tensor<4x8xf32> {tpc.layout = #tpc.layout<@mesh, [{"dp"}, {"tp"}]>}) -> tensor<4x8xf32> {
  %seed = arith.constant dense<42> : tensor<i64>
  %0 = tpc.dropout %x seed(%seed) probability 0.5 stream "mlp" global [4, 8] : tensor<4x8xf32>, tensor<i64>
  return %0 : tensor<4x8xf32>
}
"""


@pytest.fixture(params=MESHES, ids=lambda mesh: "".join(f"{axis}{size}" for axis, size in mesh.items()))
def mesh(request):
    return request.param


def test_slices_concatenation_padding(tmp_path, mesh):
    x, y = (quarters(np.random.default_rng(seed), 4, 8) for seed in (1, 2))
    part, inserted = y[:, 5:7], x.copy()
    inserted[:, 2:4] = part
    padded = np.concatenate([np.ones((2, 8), np.float32), y])
    assert_equal(Executable(tmp_path, mesh, [CUT], [x, y]).run("cut"),
                 [x[:, 3], np.concatenate([x, part], 1), padded, inserted])


def test_loop_of_calls_of_linalg(tmp_path, mesh):
    rng = np.random.default_rng(3)
    x, up, down = quarters(rng, 4, 8), np.sign(quarters(rng, 3, 8, 6)), np.sign(quarters(rng, 3, 6, 8))
    expected = x.astype(np.float64)
    for u, d in zip(up, down):
        expected = expected + expected @ u @ d
    assert_equal(Executable(tmp_path, mesh, [LAYERS], [x, up, down]).run("layers"), [expected])


def test_dropout_has_the_mask_of_the_reference(tmp_path, mesh):
    x = quarters(np.random.default_rng(4), 4, 8)
    assert_equal(Executable(tmp_path, mesh, [DROPOUT], [x]).run("dropout", threads=2),
                 [random_numpy.dropout(x, 42, "mlp", 0.5)])
