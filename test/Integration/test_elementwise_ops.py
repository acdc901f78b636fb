"""Executables of modules with every elementwise function of arith and math: NumPy's float64 results on two ranks."""
import math

import numpy as np
import pytest

from harness import call, complain, tool
from test_linear import Executable, function

SHAPE = (6, 37)  # no multiple of a vector's lanes per rank
MESH, SPLIT, WHOLE = {"tp": 2}, '<@mesh, [{"tp"}, {}]>', "<@mesh, [{}, {}]>"
DTYPES = {"f32": np.float32, "f64": np.float64, "i32": np.int32}
TOLERANCES = {"f32": 1e-6, "f64": 1e-14}


def half_away(x):
    return np.copysign(np.floor(np.abs(x) + 0.5), x)


# By op: NumPy's function and its operands, names of INPUTS.
FLOATS = {
    "arith.maxnumf": (np.fmax, "x y"), "arith.minnumf": (np.fmin, "x y"), "arith.remf": (np.fmod, "x y"),
    "math.absf": (np.abs, "x"), "math.acos": (np.arccos, "unit"), "math.acosh": (np.arccosh, "above"),
    "math.asin": (np.arcsin, "unit"), "math.asinh": (np.arcsinh, "x"), "math.atan": (np.arctan, "x"),
    "math.atan2": (np.arctan2, "x y"), "math.atanh": (np.arctanh, "unit"), "math.cbrt": (np.cbrt, "x"),
    "math.ceil": (np.ceil, "x"), "math.copysign": (np.copysign, "x y"), "math.cosh": (np.cosh, "x"),
    "math.erf": (np.vectorize(math.erf), "x"), "math.erfc": (np.vectorize(math.erfc), "x"),
    "math.exp2": (np.exp2, "x"), "math.expm1": (np.expm1, "x"), "math.floor": (np.floor, "x"),
    "math.fma": (lambda a, b, c: a * b + c, "x y positive"), "math.log10": (np.log10, "positive"),
    "math.log1p": (np.log1p, "positive"), "math.log2": (np.log2, "positive"), "math.powf": (np.power, "positive y"),
    "math.round": (half_away, "x"), "math.roundeven": (np.rint, "x"), "math.sinh": (np.sinh, "x"),
    "math.tan": (np.tan, "unit"), "math.trunc": (np.trunc, "x"),
}
INTEGERS = {
    "arith.ceildivsi": (lambda a, b: -(-a // b), "i j"), "arith.floordivsi": (np.floor_divide, "i j"),
    "math.absi": (np.abs, "i"),
}


def signed(rng, low, high):
    return rng.uniform(low, high, SHAPE) * rng.choice([-1, 1], SHAPE)


def make_inputs(dtype):
    rng = np.random.default_rng(11)
    x = signed(rng, 0.01, 6)
    x[0] = np.arange(SHAPE[1]) / 2 - 9  # halves, and zero
    x[1] = signed(rng, 1e-6, 1e-4)[1]  # where exp(x) - 1 and log(1 + x) lose digits
    y = signed(rng, 0.5, 3)
    inputs = {"x": x, "y": y, "unit": signed(rng, 0, 0.95), "positive": rng.uniform(1e-4, 8, SHAPE),
              "above": rng.uniform(1.01, 9, SHAPE)}
    inputs = {name: value.astype(DTYPES[dtype]) for name, value in inputs.items()}
    return {**inputs, "i": rng.integers(-40, 40, SHAPE).astype(np.int32),
            "j": (rng.integers(1, 7, SHAPE) * rng.choice([-1, 1], SHAPE)).astype(np.int32)}


def element_of(name, dtype):
    return "i32" if name in "ij" else dtype


def tensor(element):
    return f"tensor<{SHAPE[0]}x{SHAPE[1]}x{element}>"


def module(ops, dtype, inputs):
    """One function whose results are those of `ops`, in their order."""
    arguments = {name: (tensor(element_of(name, dtype)), SPLIT if name in ("x", "i") else WHOLE) for name in inputs}
    body, results = [], []
    for number, (op, (_, operands)) in enumerate(ops.items()):
        kind = tensor(element_of(operands[0], dtype))
        values = ", ".join("%" + operand for operand in operands.split())
        body.append(f"%{number} = {op} {values} : {kind}")
        results.append((f"%{number}", kind, WHOLE))
    return function("f", arguments, results, body)


@pytest.fixture(params=["f32", "f64"])
def dtype(request):
    return request.param


def test_functions(tmp_path, dtype):
    inputs, ops = make_inputs(dtype), {**FLOATS, **INTEGERS}
    program = Executable(tmp_path, MESH, [module(ops, dtype, inputs)], list(inputs.values()))
    wide = {name: value.astype(np.float64 if value.dtype != np.int32 else np.int64) for name, value in inputs.items()}
    for (op, (reference, operands)), found in zip(ops.items(), program.run("f"), strict=True):
        expected = reference(*(wide[operand] for operand in operands.split()))
        assert found.dtype == DTYPES[element_of(operands[0], dtype)], op
        if op in INTEGERS:
            assert (found == expected).all(), op
        else:
            np.testing.assert_allclose(found, expected, rtol=TOLERANCES[dtype], atol=TOLERANCES[dtype] / 10, err_msg=op)


def test_casts_to_integers(tmp_path, dtype):
    x = make_inputs(dtype)["x"]
    body = [f"%0 = arith.fptosi %x : {tensor(dtype)} to {tensor('i32')}"]
    program = Executable(tmp_path, MESH, [function("f", {"x": (tensor(dtype), SPLIT)}, [("%0", tensor("i32"), WHOLE)], body)], [x])
    assert (program.run("f")[0] == np.trunc(x)).all()


def test_quotients_of_uneven_shards(tmp_path):
    """Padding holds zeros, and nobody divides by it."""
    i, j = np.arange(-3, 4, dtype=np.int32), np.array([2, -2, 3, -3, 1, 5, 7], np.int32)
    kind, split = "tensor<7xi32>", '<@mesh, [{"tp"}]>'
    text = function("f", {"i": (kind, split), "j": (kind, split)}, [("%0", kind, split), ("%1", kind, split)],
                    [f"%0 = arith.floordivsi %i, %j : {kind}", f"%1 = arith.remsi %i, %j : {kind}"])
    quotients, remainders = Executable(tmp_path, MESH, [text], [i, j]).run("f")
    assert (quotients == i // j).all() and (remainders == np.fmod(i, j)).all()


def test_special_values(tmp_path):
    """NaN, infinities and signed zeros, as IEEE 754 has them."""
    special = np.array([np.nan, np.inf, -np.inf, 0.0, -0.0, 1.5, 2.5, -2.5], np.float32)
    kind, split = "tensor<8xf32>", '<@mesh, [{"tp"}]>'
    ops = {op: FLOATS[op] for op in ("arith.maxnumf", "arith.minnumf", "math.copysign", "math.erf", "math.erfc", "math.cbrt",
                                     "math.expm1", "math.atan", "math.round", "math.roundeven", "math.floor")}
    body = [f"%{number} = {op} {', '.join(['%x', '%y'][:len(operands.split())])} : {kind}"
            for number, (op, (_, operands)) in enumerate(ops.items())]
    results = [(f"%{number}", kind, "<@mesh, [{}]>") for number in range(len(ops))]
    text = function("f", {"x": (kind, split), "y": (kind, split)}, results, body)
    program = Executable(tmp_path, MESH, [text], [special, special[::-1].copy()])
    wide = special.astype(np.float64)
    for (op, (reference, operands)), found in zip(ops.items(), program.run("f"), strict=True):
        expected = reference(*[wide, wide[::-1]][:len(operands.split())])
        np.testing.assert_allclose(found, expected, rtol=1e-6, err_msg=op)
        if op not in ("arith.maxnumf", "arith.minnumf", "math.erf"):  # either zero is the larger one; erf(-0) is 0
            assert (np.signbit(found) == np.signbit(expected))[~np.isnan(expected)].all(), op


def test_entry_named_after_a_library_function(tmp_path):
    x = np.linspace(-2, 2, 8)
    text = function("erf", {"x": ("tensor<8xf64>", '<@mesh, [{"tp"}]>')}, [("%0", "tensor<8xf64>", "<@mesh, [{}]>")],
                    ["%0 = math.erf %x : tensor<8xf64>"])
    found, = Executable(tmp_path, MESH, [text], [x]).run("erf")
    np.testing.assert_allclose(found, [math.erf(value) for value in x], rtol=1e-14)


@pytest.mark.parametrize("op, kinds", [("math.ctpop", "tensor<8xi32>"), ("arith.bitcast", "tensor<8xi32> to tensor<8xf32>"),
                                       ("arith.shli", "tensor<8xi32>")])
def test_ops_without_a_rule(tmp_path, op, kinds):
    operands = "%x, %x" if op == "arith.shli" else "%x"
    result = kinds.split(" to ")[-1]
    (tmp_path / "m.mlir").write_text(
        f'tpc.mesh @mesh <["tp"=2]>\nfunc.func @f(%x: tensor<8xi32>) -> {result} {{\n'
        f"  %0 = {op} {operands} : {kinds}\n  return %0 : {result}\n}}\n")
    complain(call([tool("tpc-compile"), tmp_path / "m.mlir", "-o", tmp_path / "program"]), f"'{op}' op has no sharding rule")
