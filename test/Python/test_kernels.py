"""Generated kernels against float64 NumPy: every family, odd sizes. For the CPU with both vector widths, whole and in
pieces; for a GPU as its threads would run them, by test/Emulator."""
import math
import os
import re

import kernel_record
import numpy as np
import pytest
from gpu_emulation import EMULATE, EmulatedProgram
from kernel_harness import BUILD, LLVM, PIECES, Program

pytestmark = pytest.mark.skipif(not os.path.exists(f"{LLVM}/mlir-translate") or not os.path.exists(f"{LLVM}/clang")
                                or not os.path.exists(os.path.join(BUILD, "bin", "tpc-opt")),
                                reason="needs mlir-translate, clang and tpc-opt")
WIDTHS = [256, 512] if "avx512f" in open("/proc/cpuinfo", encoding="ascii").read() else [256]


def make_program(kind, text, folder, passes):
    if kind != "gpu":
        return Program(text, folder, passes, vector_bits=kind)
    if not os.path.exists(EMULATE):
        pytest.skip("needs tpc-emulate-kernels")
    return EmulatedProgram(text, folder, passes)


@pytest.fixture
def rng():
    return np.random.default_rng(7)


@pytest.fixture(params=[*WIDTHS, "gpu"])
def check(request, tmp_path):
    """check(text, arguments, expected): runs the program whole and in pieces; relative to the largest value."""
    def run(text, arguments, expected, tolerance=1e-6, axis_index=0, passes=("--tpc-form-kernels",)):
        if kernel_record.FOLDER and request.param == "gpu":
            bounds = [(0, tolerance * np.abs(np.asarray(wanted, np.float64)).max()) for wanted in expected]
            kernel_record.record(request.node.name, text, arguments, expected, bounds, axis_index, passes)
        program = make_program(request.param, text, tmp_path, passes)
        for pieces in PIECES:
            results = program.run(*arguments, axis_index=axis_index, pieces=pieces)
            assert len(results) == len(expected)
            for got, wanted in zip(results, expected):
                wanted = np.asarray(wanted)
                assert got.shape == wanted.shape
                if not np.issubdtype(got.dtype, np.floating):
                    assert (got == wanted).all()
                    continue
                scale = max(np.abs(wanted).max(), 1e-30)
                assert np.isfinite(got).all()
                assert np.abs(got - wanted).max() <= tolerance * scale
        return program
    return run


def normal(rng, *shape):
    return rng.standard_normal(shape).astype(np.float32)


def f64(*arrays):
    return [array.astype(np.float64) for array in arrays]


def t(*shape, dtype="f32"):
    return "tensor<" + "".join(f"{size}x" for size in shape) + dtype + ">"


#===-- elementwise -------------------------------------------------------------===#

@pytest.mark.parametrize("shape", [(1,), (3, 5), (4, 64), (5, 4099)])
def test_swiglu(check, rng, shape):
    x = t(*shape)
    gate, up = normal(rng, *shape) * 5, normal(rng, *shape)
    g, u = f64(gate, up)
    check(f"""func.func @f(%g: {x}, %u: {x}) -> {x} {{
      %one = arith.constant dense<1.0> : {x}
      %n = arith.negf %g : {x}
      %e = math.exp %n : {x}
      %d = arith.addf %e, %one : {x}
      %s = arith.divf %g, %d : {x}
      %m = arith.mulf %s, %u : {x}
      return %m : {x}
    }}""", [gate, up], [g / (1 + np.exp(-g)) * u])


def test_exp_and_log_over_their_range(check, rng):
    x = t(4001)
    values = np.linspace(-80, 80, 4001).astype(np.float32)
    program = check(f"""func.func @f(%x: {x}) -> ({x}, {x}) {{
      %e = math.exp %x : {x}
      %l = math.log %e : {x}
      return %e, %l : {x}, {x}
    }}""", [values], [np.exp(values.astype(np.float64)), values.astype(np.float64)])
    exp = np.exp(values.astype(np.float64))
    assert np.abs(program.run(values)[0] / exp - 1).max() < 1e-6


@pytest.mark.parametrize("shape", [(5,), (3, 64), (7, 129)])
def test_library_functions(check, rng, shape):
    x, values = t(*shape), normal(rng, *shape)
    wide, positive = values.astype(np.float64), np.square(values.astype(np.float64)) + 1
    functions = {"erf": np.vectorize(math.erf)(wide), "erfc": np.vectorize(math.erfc)(wide), "cbrt": np.cbrt(wide),
                 "exp2": np.exp2(wide), "expm1": np.expm1(wide), "log1p": np.log1p(positive), "atan": np.arctan(wide),
                 "asinh": np.arcsinh(wide), "sinh": np.sinh(wide), "floor": np.floor(wide), "roundeven": np.rint(wide)}
    newline, lines = "\n", [f"%{name} = math.{name} {'%positive' if name == 'log1p' else '%x'} : {x}" for name in functions]
    check(f"""func.func @f(%x: {x}) -> ({', '.join([x] * len(functions))}) {{
      %one = arith.constant dense<1.0> : {x}
      %positive = math.fma %x, %x, %one : {x}
      {newline.join(lines)}
      return {', '.join('%' + name for name in functions)} : {', '.join([x] * len(functions))}
    }}""", [values], list(functions.values()))


@pytest.mark.parametrize("shape", [(5,), (3, 64), (7, 129)])
def test_integer_division(check, rng, shape):
    """The lanes behind the last element divide by nothing that traps."""
    i = t(*shape, dtype="i32")
    a = rng.integers(-40, 40, shape).astype(np.int32)
    b = (rng.integers(1, 7, shape) * rng.choice([-1, 1], shape)).astype(np.int32)
    quotient = np.trunc(a / b).astype(np.int32)
    check(f"""func.func @f(%a: {i}, %b: {i}) -> ({i}, {i}, {i}, {i}) {{
      %q = arith.divsi %a, %b : {i}
      %r = arith.remsi %a, %b : {i}
      %f = arith.floordivsi %a, %b : {i}
      %c = arith.ceildivsi %a, %b : {i}
      return %q, %r, %f, %c : {i}, {i}, {i}, {i}
    }}""", [a, b], [quotient, a - quotient * b, a // b, -(-a // b)])


def test_select_compare_and_masks_in_memory(check, rng):
    x, i, b = t(37), t(37, dtype="i32"), t(37, dtype="i1")
    ids, values = rng.integers(0, 3, 37).astype(np.int32), normal(rng, 37)
    check(f"""func.func @f(%i: {i}, %ignore: tensor<i32>, %x: {x}) -> ({b}, {x}) {{
      %all = tpc.broadcast %ignore dims [] : tensor<i32> -> {i}
      %v = arith.cmpi ne, %i, %all : {i}
      %z = arith.constant dense<0.0> : {x}
      %s = arith.select %v, %x, %z : {b}, {x}
      return %v, %s : {b}, {x}
    }}""", [ids, np.array(1, np.int32), values], [ids != 1, np.where(ids != 1, values, 0)])


def test_mask_from_memory(check, rng):
    x, b = t(3, 21), t(3, 21, dtype="i1")
    mask, values = rng.integers(0, 2, (3, 21)).astype(np.uint8), normal(rng, 3, 21)
    check(f"""func.func @f(%v: {b}, %x: {x}) -> ({x}, {x}) {{
      %z = arith.constant dense<0.0> : {x}
      %s = arith.select %v, %x, %z : {b}, {x}
      %c = arith.uitofp %v : {b} to {x}
      return %s, %c : {x}, {x}
    }}""", [mask, values], [np.where(mask, values, 0), mask])


def test_constants_are_written_where_the_entry_needs_them(check):
    check(f"""func.func @f() -> ({t(33)}, tensor<f32>) {{
      %0 = arith.constant dense<2.5> : {t(33)}
      %1 = arith.constant dense<-1.0> : tensor<f32>
      return %0, %1 : {t(33)}, tensor<f32>
    }}""", [], [np.full(33, 2.5), np.array(-1.0)])


HYPERS = [np.float32(value) for value in (0.5, 1e-3, 0.9, 0.999, 1e-8, 0.1)]
STEP = 3


def make_moments(rng, shape):
    """Parameter, gradient, exp_avg, exp_avg_sq."""
    return [*(normal(rng, *shape) for _ in range(3)), normal(rng, *shape) ** 2]


def adamw(*tensors):
    """The three results in float64."""
    scale, lr, beta1, beta2, eps, decay = (float(value) for value in HYPERS)
    P, G, M, V = f64(*tensors)
    G = G * scale
    M = beta1 * M + (1 - beta1) * G
    V = beta2 * V + (1 - beta2) * G * G
    P = P * (1 - lr * decay) - lr * (M / (1 - beta1 ** STEP)) / (np.sqrt(V / (1 - beta2 ** STEP)) + eps)
    return [P, M, V]


@pytest.mark.parametrize("shape", [(1,), (1000,), (70, 601)])
def test_adamw(check, rng, shape):
    x = t(*shape)
    moments = make_moments(rng, shape)
    check(f"""func.func @f(%p: {x}, %g: {x}, %m: {x}, %v: {x}, %s: tensor<f32>, %lr: tensor<f32>, %b1: tensor<f32>,
                           %b2: tensor<f32>, %e: tensor<f32>, %w: tensor<f32>, %t: tensor<i32>) -> ({x}, {x}, {x}) {{
      %0:3 = tpc.adamw %p, %g, %m, %v scale(%s) lr(%lr) betas(%b1, %b2) eps(%e) weight_decay(%w) step(%t)
        : {x}, tensor<f32>, tensor<f32>, tensor<f32>, tensor<f32>, tensor<f32>, tensor<f32>, tensor<i32>
      return %0#0, %0#1, %0#2 : {x}, {x}, {x}
    }}""", [*moments, *HYPERS, np.array(STEP, np.int32)], adamw(*moments))


#===-- many tensors in one launch ----------------------------------------------===#

GROUPED = ("--tpc-form-kernels", "--tpc-group-launches")


def test_adamw_of_many_tensors(check, rng):
    shapes = [(16,), (3, 1024), (64, 1600), (48,), (4096,)]
    arguments, expected, parameters, body, types = [], [], "", "", []
    for number, shape in enumerate(shapes):
        moments, x = make_moments(rng, shape), t(*shape)
        arguments += moments
        expected += adamw(*moments)
        parameters += "".join(f"%{name}{number}: {x}, " for name in "pgmv")
        body += (f"%r{number}:3 = tpc.adamw %p{number}, %g{number}, %m{number}, %v{number} scale(%s) lr(%lr) betas(%b1, %b2) "
                 f"eps(%e) weight_decay(%w) step(%t) : {x}, tensor<f32>, tensor<f32>, tensor<f32>, tensor<f32>, tensor<f32>, "
                 "tensor<f32>, tensor<i32>\n")
        types += [x] * 3
    results = ", ".join(f"%r{number}#{result}" for number in range(len(shapes)) for result in range(3))
    program = check(f"""func.func @f({parameters}%s: tensor<f32>, %lr: tensor<f32>, %b1: tensor<f32>, %b2: tensor<f32>,
                                      %e: tensor<f32>, %w: tensor<f32>, %t: tensor<i32>) -> ({", ".join(types)}) {{
      {body} return {results} : {", ".join(types)}
    }}""", [*arguments, *HYPERS, np.array(STEP, np.int32)], expected, passes=GROUPED)
    # One for what the hyper-parameters come to, one for all tensors.
    assert program.entry_text.count("tpc.launch") == 2 and "@kernel_adamw_5_launches" in program.entry_text


def test_squares_of_many_tensors(check, rng):
    """The first stages of large tensors are rows of one length."""
    shapes = [(2048, 64), (300, 4096), (1024, 128), (2048, 48)]
    tensors = [normal(rng, *shape) for shape in shapes]
    types = [t(*shape) for shape in shapes]
    program = check(f"""func.func @f({", ".join(f"%{i}: {x}" for i, x in enumerate(types))}) -> ({", ".join(["tensor<f32>"] * 4)}) {{
      {"".join(f"%r{i} = tpc.sum_squares %{i} : {x} -> tensor<f32> " for i, x in enumerate(types))}
      return %r0, %r1, %r2, %r3 : {", ".join(["tensor<f32>"] * 4)}
    }}""", tensors, [np.array((tensor.astype(np.float64) ** 2).sum()) for tensor in tensors], passes=GROUPED)
    assert re.search(r"@kernel_sum_squares_\d_launches", program.entry_text)


#===-- rows ---------------------------------------------------------------------===#

ROWS = [(1, 1), (2, 5, 16), (3, 65), (2, 1000)]


@pytest.mark.parametrize("shape", ROWS)
def test_residual_and_rms_norm(check, rng, shape):
    x, w = t(*shape), t(shape[-1])
    a, b, weight = normal(rng, *shape), normal(rng, *shape), normal(rng, shape[-1])
    A, B, W = f64(a, b, weight)
    H = A + B
    check(f"""func.func @f(%a: {x}, %b: {x}, %w: {w}) -> ({x}, {x}) {{
      %h = arith.addf %a, %b : {x}
      %y = tpc.rms_norm %h, %w eps 1.0e-5 : {x}, {w}
      return %h, %y : {x}, {x}
    }}""", [a, b, weight], [H, H / np.sqrt((H * H).mean(-1, keepdims=True) + 1e-5) * W])


@pytest.mark.parametrize("shape", [*ROWS, (517, 33)])
def test_rms_norm_grad(check, rng, shape):
    x, w = t(*shape), t(shape[-1])
    a, weight, dy = normal(rng, *shape), normal(rng, shape[-1]), normal(rng, *shape)
    A, W, D = f64(a, weight, dy)
    n = shape[-1]
    r = 1 / np.sqrt((A * A).mean(-1, keepdims=True) + 1e-5)
    dx = r * (W * D - A * r * r / n * (W * D * A).sum(-1, keepdims=True))
    dw = (D * A * r).reshape(-1, n).sum(0)
    check(f"""func.func @f(%x: {x}, %w: {w}, %dy: {x}) -> ({x}, {w}) {{
      %dx, %dw = tpc.rms_norm_grad %x, %w, %dy eps 1.0e-5 : {x}, {w}
      return %dx, %dw : {x}, {w}
    }}""", [a, weight, dy], [dx, dw], tolerance=2e-6)


@pytest.mark.parametrize("mean", [0, 300])
@pytest.mark.parametrize("shape", ROWS)
def test_layer_norm(check, rng, shape, mean):
    x, w = t(*shape), t(shape[-1])
    a, weight, bias = normal(rng, *shape) + np.float32(mean), normal(rng, shape[-1]), normal(rng, shape[-1])
    A, W, B = f64(a, weight, bias)
    Z = (A - A.mean(-1, keepdims=True)) / np.sqrt(A.var(-1, keepdims=True) + 1e-5)
    check(f"""func.func @f(%a: {x}, %w: {w}, %b: {w}) -> {x} {{
      %y = tpc.layer_norm %a, %w, %b eps 1.0e-5 : {x}, {w}
      return %y : {x}
    }}""", [a, weight, bias], [Z * W + B], tolerance=1e-4 if mean else 2e-6)


@pytest.mark.parametrize("shape", [*ROWS[1:], (517, 33)])
def test_layer_norm_grad(check, rng, shape):
    x, w = t(*shape), t(shape[-1])
    a, weight, dy = normal(rng, *shape), normal(rng, shape[-1]), normal(rng, *shape)
    A, W, D = f64(a, weight, dy)
    n = shape[-1]
    r = 1 / np.sqrt(A.var(-1, keepdims=True) + 1e-5)
    Z = (A - A.mean(-1, keepdims=True)) * r
    dx = r * (W * D - (W * D).mean(-1, keepdims=True) - Z * (W * D * Z).mean(-1, keepdims=True))
    check(f"""func.func @f(%x: {x}, %w: {w}, %dy: {x}) -> ({x}, {w}, {w}) {{
      %dx, %dw, %db = tpc.layer_norm_grad %x, %w, %dy eps 1.0e-5 : {x}, {w}
      return %dx, %dw, %db : {x}, {w}, {w}
    }}""", [a, weight, dy], [dx, (D * Z).reshape(-1, n).sum(0), D.reshape(-1, n).sum(0)], tolerance=3e-6)


@pytest.mark.parametrize("columns,first", [(1, None), (5, None), (100, None), (1027, None), (64, 1), (50000, None)])
def test_cross_entropy(check, rng, columns, first):
    logits, rows = normal(rng, 2, 3, columns) * 4, t(2, 3)
    targets = rng.integers(0, columns * (2 if first is not None else 1), (2, 3)).astype(np.int32)
    dt, dl = normal(rng, 2, 3), normal(rng, 2, 3)
    L = logits.astype(np.float64)
    offset = first * columns if first is not None else 0
    inside = (targets >= offset) & (targets < offset + columns)
    local = np.where(inside, targets - offset, 0)
    target = np.where(inside, np.take_along_axis(L, local[..., None], 2)[..., 0], 0)
    top = L.max(-1)
    lse = top + np.log(np.exp(L - top[..., None]).sum(-1))
    grad = np.exp(L - lse[..., None]) * dl[..., None]
    one_hot = np.zeros_like(L)
    np.put_along_axis(one_hot, local[..., None], np.where(inside, dt, 0)[..., None], 2)
    x, i = t(2, 3, columns), t(2, 3, dtype="i32")
    use = " first(%o)" if first is not None else ""
    check(f"""tpc.mesh @mesh <["tp"=2]>
    func.func @f(%x: {x}, %t: {i}, %dt: {rows}, %dl: {rows}) -> ({rows}, {rows}, {x}) {{
      %n = arith.constant {columns} : index
      %r = tpc.axis_index over @mesh ["tp"]
      %o = arith.muli %r, %n : index
      %a, %b = tpc.cross_entropy %x, %t{use} : ({x}, {i}) -> {rows}
      %g = tpc.cross_entropy_grad %x, %t, %b, %dt, %dl{use} : {x}, {i}, {rows}
      return %a, %b, %g : {rows}, {rows}, {x}
    }}""", [logits, targets, dt, dl], [target, lse, grad + one_hot], tolerance=2e-6, axis_index=first or 0)


def test_softmax_of_a_computed_value(check, rng):
    x, r = t(5, 130), t(5)
    a = normal(rng, 5, 130)
    A = 2 * a.astype(np.float64)
    E = np.exp(A - A.max(-1, keepdims=True))
    check(f"""func.func @f(%a: {x}) -> {x} {{
      %x = arith.addf %a, %a : {x}
      %m = tpc.reduce max %x dims [1] : {x} -> {r}
      %mb = tpc.broadcast %m dims [0] : {r} -> {x}
      %s = arith.subf %x, %mb : {x}
      %e = math.exp %s : {x}
      %z = tpc.reduce sum %e dims [1] : {x} -> {r}
      %zb = tpc.broadcast %z dims [0] : {r} -> {x}
      %y = arith.divf %e, %zb : {x}
      return %y : {x}
    }}""", [a], [E / E.sum(-1, keepdims=True)])


def test_bias_of_several_dimensions(check, rng):
    x, w = t(2, 3, 2, 5, 7), t(2, 5, 7)
    a, bias = normal(rng, 2, 3, 2, 5, 7), normal(rng, 2, 5, 7)
    check(f"""func.func @f(%a: {x}, %w: {w}) -> ({x}, {w}) {{
      %b = tpc.broadcast %w dims [2, 3, 4] : {w} -> {x}
      %y = arith.addf %a, %b : {x}
      %g = tpc.reduce sum %a dims [0, 1] : {x} -> {w}
      return %y, %g : {x}, {w}
    }}""", [a, bias], [a.astype(np.float64) + bias, a.astype(np.float64).sum((0, 1))])


#===-- reductions ---------------------------------------------------------------===#

@pytest.mark.parametrize("dims", [(0,), (1,), (0, 1), (1, 2), (0, 2), (0, 1, 2), (1, 3), (0, 2, 3)])
def test_reduce(check, rng, dims):
    shape = (3, 11, 5, 18)
    a = normal(rng, *shape)
    total, top = a.astype(np.float64).sum(dims), a.max(dims)
    x, y = t(*shape), t(*top.shape)
    check(f"""func.func @f(%a: {x}) -> ({y}, {y}) {{
      %0 = tpc.reduce sum %a dims {list(dims)} : {x} -> {y}
      %1 = tpc.reduce max %a dims {list(dims)} : {x} -> {y}
      return %0, %1 : {y}, {y}
    }}""", [a], [total, top])


@pytest.mark.parametrize("shape", [(1,), (31,), (300, 500), (1000003,), (2048, 1024)])
def test_sum_squares(check, rng, shape):
    a = normal(rng, *shape)
    x = t(*shape)
    check(f"""func.func @f(%a: {x}) -> tensor<f32> {{
      %0 = tpc.sum_squares %a : {x} -> tensor<f32>
      return %0 : tensor<f32>
    }}""", [a], [np.array((a.astype(np.float64) ** 2).sum())])


def test_sum_of_everything_in_two_stages(check, rng):
    a = rng.random((96, 1024)).astype(np.float32)
    x = t(96, 1024)
    check(f"""func.func @f(%a: {x}) -> tensor<f32> {{
      %0 = tpc.reduce sum %a dims [0, 1] : {x} -> tensor<f32>
      return %0 : tensor<f32>
    }}""", [a], [np.array(a.astype(np.float64).sum())])


def test_integer_sum(check, rng):
    a = rng.integers(-50, 50, (6, 19)).astype(np.int32)
    x = t(6, 19, dtype="i32")
    check(f"""func.func @f(%a: {x}) -> (tensor<6xi32>, tensor<19xi32>, tensor<6xi32>) {{
      %0 = tpc.reduce sum %a dims [1] : {x} -> tensor<6xi32>
      %1 = tpc.reduce sum %a dims [0] : {x} -> tensor<19xi32>
      %2 = tpc.reduce min %a dims [1] : {x} -> tensor<6xi32>
      return %0, %1, %2 : tensor<6xi32>, tensor<19xi32>, tensor<6xi32>
    }}""", [a], [a.sum(1), a.sum(0), a.min(1)])


#===-- rope ---------------------------------------------------------------------===#

@pytest.mark.parametrize("half", [1, 5, 16, 32])
def test_rope_and_its_inverse(check, rng, half):
    shape, table = (2, 7, 3, 2, 2 * half), (7, half)
    a, c, s = normal(rng, *shape), normal(rng, *table), normal(rng, *table)
    A, C, S = f64(a, c, s)
    C, S = (value.reshape(7, 1, 1, half) for value in (C, S))
    x1, x2 = A[..., :half], A[..., half:]
    forth = np.concatenate([x1 * C - x2 * S, x2 * C + x1 * S], -1)
    back = np.concatenate([x1 * C + x2 * S, x2 * C - x1 * S], -1)
    x, y = t(*shape), t(*table)
    check(f"""func.func @f(%x: {x}, %c: {y}, %s: {y}) -> ({x}, {x}) {{
      %0 = tpc.rope %x, %c, %s : {x}, {y}
      %1 = tpc.rope inverse %x, %c, %s : {x}, {y}
      return %0, %1 : {x}, {x}
    }}""", [a, c, s], [forth, back])


@pytest.mark.parametrize("first", [0, 1])
def test_rope_table(check, rng, first):
    frequencies = [1.0, 0.31, 0.1, 1e-4]
    angle = (np.arange(9) + 100000 * first)[:, None] * np.array(frequencies)
    y = t(9, 4)
    use = " first(%o)" if first else ""
    check(f"""tpc.mesh @mesh <["tp"=2]>
    func.func @f() -> ({y}, {y}) {{
      %n = arith.constant 100000 : index
      %r = tpc.axis_index over @mesh ["tp"]
      %o = arith.muli %r, %n : index
      %c, %s = tpc.rope_table frequencies {frequencies} scale 1.5{use} : {y}, {y}
      return %c, %s : {y}, {y}
    }}""", [], [1.5 * np.cos(angle), 1.5 * np.sin(angle)], axis_index=first)


#===-- data movement --------------------------------------------------------------===#

@pytest.mark.parametrize("permutation", [(1, 0, 2), (2, 1, 0), (0, 2, 1), (2, 0, 1)])
def test_transpose(check, rng, permutation):
    a = normal(rng, 5, 17, 33)
    wanted = a.transpose(permutation)
    x, y = t(5, 17, 33), t(*wanted.shape)
    check(f"""func.func @f(%x: {x}) -> {y} {{
      %0 = tpc.transpose %x permutation {list(permutation)} : {x} -> {y}
      return %0 : {y}
    }}""", [a], [wanted], tolerance=0)


@pytest.mark.parametrize("dims", [(), (0,), (1,), (0, 1), (1, 2), (0, 2)])
def test_broadcast(check, rng, dims):
    shape = (3, 5, 18)
    a = normal(rng, *(shape[dim] for dim in dims))
    wanted = np.broadcast_to(a.reshape([shape[dim] if dim in dims else 1 for dim in range(3)]), shape)
    x, y = t(*a.shape), t(*shape)
    check(f"""func.func @f(%x: {x}) -> {y} {{
      %0 = tpc.broadcast %x dims {list(dims)} : {x} -> {y}
      return %0 : {y}
    }}""", [a], [wanted], tolerance=0)


@pytest.mark.parametrize("dim", [0, 1, 2])
@pytest.mark.parametrize("index", [0, 1])
def test_shard_slice(check, rng, dim, index):
    a = normal(rng, 4, 6, 10)
    wanted = np.split(a, 2, dim)[index]
    x, y = t(4, 6, 10), t(*wanted.shape)
    check(f"""tpc.mesh @mesh <["tp"=2]>
    func.func @f(%x: {x}) -> {y} {{
      %0 = tpc.shard_slice %x dim {dim} over @mesh ["tp"] : {x} -> {y}
      return %0 : {y}
    }}""", [a], [wanted], tolerance=0, axis_index=index)


@pytest.mark.parametrize("dim", [0, 1])
def test_concat_and_insert(check, rng, dim):
    a, b = normal(rng, 3, 20), normal(rng, 3, 20)
    joined = np.concatenate([a, b], dim)
    inserted = joined.copy()
    inserted[1:3, 2:19] = a[:2, :17]
    x, y = t(3, 20), t(*joined.shape)
    check(f"""func.func @f(%a: {x}, %b: {x}) -> {y} {{
      %0 = tensor.concat dim({dim}) %a, %b : ({x}, {x}) -> {y}
      %1 = tensor.extract_slice %a[0, 0] [2, 17] [1, 1] : {x} to tensor<2x17xf32>
      %2 = tensor.insert_slice %1 into %0[1, 2] [2, 17] [1, 1] : tensor<2x17xf32> into {y}
      return %2 : {y}
    }}""", [a, b], [inserted], tolerance=0)


def test_cross_entropy_of_computed_logits(check, rng):
    x, i, r = t(6, 45), t(6, dtype="i32"), t(6)
    a, b = normal(rng, 6, 45), normal(rng, 6, 45)
    targets = rng.integers(0, 45, 6).astype(np.int32)
    S = a.astype(np.float64) + b
    check(f"""func.func @f(%a: {x}, %b: {x}, %t: {i}) -> ({r}, {r}) {{
      %s = arith.addf %a, %b : {x}
      %p, %l = tpc.cross_entropy %s, %t : ({x}, {i}) -> {r}
      return %p, %l : {r}, {r}
    }}""", [a, b, targets], [S[np.arange(6), targets], np.log(np.exp(S).sum(-1))])
