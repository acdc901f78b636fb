"""Generated kernels on bf16: read as f32, computed in f32, rounded once. With the processor's rounding instruction,
where it has one, and with integer arithmetic on a processor without; and those for a GPU, by test/Emulator."""
import os

import kernel_record
import numpy as np
import pytest
from gpu_emulation import EMULATE, EmulatedProgram
from kernel_harness import BUILD, LLVM, PIECES, Program

pytestmark = pytest.mark.skipif(not os.path.exists(f"{LLVM}/mlir-translate") or not os.path.exists(f"{LLVM}/clang")
                                or not os.path.exists(os.path.join(BUILD, "bin", "tpc-opt")),
                                reason="needs mlir-translate, clang and tpc-opt")
FLAGS = open("/proc/cpuinfo", encoding="ascii").read().split()
PROCESSORS = [pytest.param(dict(vector_bits=256, flags=("-march=x86-64-v3",), expand_bf16=True), id="integers")]
if "avx512_bf16" in FLAGS:
    PROCESSORS.append(pytest.param({"vector_bits": 512}, id="instruction"))
if os.path.exists(EMULATE):
    PROCESSORS.append(pytest.param(None, id="gpu"))
HALF_STEP = 2.0 ** -8  # bf16 has eight significant bits: a rounding is off by at most this part of the value


def narrow(values):
    """Bits of float32 values rounded to the nearest bf16, ties to even."""
    bits = np.asarray(values, np.float32).view(np.uint32).astype(np.uint64)
    return ((bits + 0x7FFF + ((bits >> 16) & 1)) >> 16).astype(np.uint16)


def widen(bits):
    return (np.asarray(bits).astype(np.uint32) << 16).view(np.float32)


@pytest.fixture
def rng():
    return np.random.default_rng(11)


@pytest.fixture(params=PROCESSORS)
def check(request, tmp_path):
    """check(text, arguments, expected, types): each result is off by one rounding to its type, and by what f32 loses in
    a sum, a few parts in a million of the largest value."""
    def run(text, arguments, expected, types, passes=("--tpc-form-kernels",)):
        if kernel_record.FOLDER and not request.param:
            bounds = [(HALF_STEP if dtype == "bf16" else 0, 4e-6 * np.abs(wanted).max())
                      for wanted, dtype in zip(expected, types)]
            kernel_record.record(request.node.name, text, arguments, expected, bounds, passes=passes)
        program = (Program(text, tmp_path, passes, **request.param) if request.param
                   else EmulatedProgram(text, tmp_path, passes))
        for pieces in PIECES:
            for got, wanted, dtype in zip(program.run(*arguments, pieces=pieces), expected, types):
                assert got.dtype == (np.uint16 if dtype == "bf16" else np.float32)
                values = (widen(got) if dtype == "bf16" else got).astype(np.float64)
                rounding = HALF_STEP * np.abs(wanted) if dtype == "bf16" else 0
                assert (np.abs(values - wanted) <= rounding + 4e-6 * np.abs(wanted).max() + 1e-30).all()
        return program
    return run


def t(*shape, dtype="bf16"):
    return "tensor<" + "".join(f"{size}x" for size in shape) + dtype + ">"


def normal(rng, *shape):
    """Bits, and their values in float64."""
    bits = narrow(rng.standard_normal(shape))
    return bits, widen(bits).astype(np.float64)


def test_rounding_is_to_nearest_even_and_keeps_nan(check):
    values = np.array([1 + 2.0 ** -8, 1 + 3 * 2.0 ** -8, 1 + 2.0 ** -8 + 2.0 ** -20, -3.4e38, 0.0, -0.0, np.inf,
                       np.nan] * 5, np.float32)
    x = t(40, dtype="f32")
    program = check(f"""func.func @f(%x: {x}) -> {t(40)} {{
      %y = arith.truncf %x : {x} to {t(40)}
      return %y : {t(40)}
    }}""", [np.ones(40, np.float32)], [np.ones(40)], ["bf16"])
    got = widen(program.run(values)[0])[:8]
    assert got[:7].tolist() == [1.0, 1 + 4 * 2.0 ** -8, 1 + 2 * 2.0 ** -8, -np.inf, 0.0, -0.0, np.inf]
    assert np.isnan(got[7])


@pytest.mark.parametrize("shape", [(1,), (3, 5), (5, 4099)])
def test_sum_of_two_is_rounded_once(check, rng, shape):
    (a, A), (b, B) = normal(rng, *shape), normal(rng, *shape)
    x = t(*shape)
    check(f"""func.func @f(%a: {x}, %b: {x}) -> {x} {{
      %s = arith.addf %a, %b : {x}
      return %s : {x}
    }}""", [a, b], [A + B], ["bf16"])


def test_swiglu_in_f32_between_bf16(check, rng):
    (gate, G), (up, U) = normal(rng, 4, 67), normal(rng, 4, 67)
    x, w = t(4, 67), t(4, 67, dtype="f32")
    check(f"""func.func @f(%g: {x}, %u: {x}) -> {x} {{
      %wide = arith.extf %g : {x} to {w}
      %up = arith.extf %u : {x} to {w}
      %one = arith.constant dense<1.0> : {w}
      %n = arith.negf %wide : {w}
      %e = math.exp %n : {w}
      %d = arith.addf %e, %one : {w}
      %s = arith.divf %wide, %d : {w}
      %m = arith.mulf %s, %up : {w}
      %y = arith.truncf %m : {w} to {x}
      return %y : {x}
    }}""", [gate, up], [G / (1 + np.exp(-G)) * U], ["bf16"])


@pytest.mark.parametrize("shape", [(3, 5), (2, 3, 64), (7, 1031)])
def test_rms_norm_and_its_gradient(check, rng, shape):
    (a, A), (dy, D) = normal(rng, *shape), normal(rng, *shape)
    weight = rng.standard_normal(shape[-1]).astype(np.float32)
    W, n = weight.astype(np.float64), shape[-1]
    r = 1 / np.sqrt((A * A).mean(-1, keepdims=True) + 1e-5)
    dx = r * (W * D - A * r * r / n * (W * D * A).sum(-1, keepdims=True))
    x, w = t(*shape), t(n, dtype="f32")
    check(f"""func.func @f(%x: {x}, %w: {w}, %dy: {x}) -> ({x}, {x}, {w}) {{
      %y = tpc.rms_norm %x, %w eps 1.0e-5 : {x}, {w}
      %dx, %dw = tpc.rms_norm_grad %x, %w, %dy eps 1.0e-5 : {x}, {w}
      return %y, %dx, %dw : {x}, {x}, {w}
    }}""", [a, weight, dy], [A * r * W, dx, (D * A * r).reshape(-1, n).sum(0)], ["bf16", "bf16", "f32"])


@pytest.mark.parametrize("columns", [5, 100, 1027])
def test_cross_entropy_reads_bf16(check, rng, columns):
    bits, _ = normal(rng, 2, 3, columns)
    logits = narrow(4 * widen(bits))
    L = widen(logits).astype(np.float64)
    targets = rng.integers(0, columns, (2, 3)).astype(np.int32)
    dt, dl = (rng.standard_normal((2, 3)).astype(np.float32) for _ in range(2))
    lse = np.log(np.exp(L).sum(-1))
    grad = np.exp(L - lse[..., None]) * dl[..., None]
    np.put_along_axis(grad, targets[..., None].astype(np.int64),
                      np.take_along_axis(grad, targets[..., None], 2) + dt[..., None], 2)
    x, i, rows = t(2, 3, columns), t(2, 3, dtype="i32"), t(2, 3, dtype="f32")
    check(f"""func.func @f(%x: {x}, %t: {i}, %dt: {rows}, %dl: {rows}) -> ({rows}, {rows}, {x}) {{
      %a, %b = tpc.cross_entropy %x, %t : ({x}, {i}) -> {rows}
      %g = tpc.cross_entropy_grad %x, %t, %b, %dt, %dl : {x}, {i}, {rows}
      return %a, %b, %g : {rows}, {rows}, {x}
    }}""", [logits, targets, dt, dl], [np.take_along_axis(L, targets[..., None], 2)[..., 0], lse, grad],
          ["f32", "f32", "bf16"])


def test_rope_turns_bf16_by_f32_tables(check, rng):
    a, A = normal(rng, 2, 3, 4, 10)
    cos, sin = (rng.standard_normal((3, 5)).astype(np.float32) for _ in range(2))
    C, S = cos[None, :, None].astype(np.float64), sin[None, :, None].astype(np.float64)
    x, table = t(2, 3, 4, 10), t(3, 5, dtype="f32")
    low, high = A[..., :5], A[..., 5:]
    check(f"""func.func @f(%x: {x}, %c: {table}, %s: {table}) -> {x} {{
      %y = tpc.rope %x, %c, %s : {x}, {table}
      return %y : {x}
    }}""", [a, cos, sin], [np.concatenate([low * C - high * S, high * C + low * S], -1)], ["bf16"])


def test_reductions_sum_in_f32(check):
    x = t(3, 300)
    ones = narrow(np.ones((3, 300)))  # a bf16 sum of ones stays at 256
    check(f"""func.func @f(%x: {x}) -> ({t(3)}, {t(300)}, tensor<f32>) {{
      %rows = tpc.reduce sum %x dims [1] : {x} -> {t(3)}
      %columns = tpc.reduce max %x dims [0] : {x} -> {t(300)}
      %squares = tpc.sum_squares %x : {x} -> tensor<f32>
      return %rows, %columns, %squares : {t(3)}, {t(300)}, tensor<f32>
    }}""", [ones], [np.full(3, 300.0), np.ones(300), np.array(900.0)], ["bf16", "bf16", "f32"])


def test_moves_keep_bits(check, rng):
    a, A = normal(rng, 5, 37)
    x, y = t(5, 37), t(37, 5)
    check(f"""func.func @f(%x: {x}) -> ({y}, {t(5, 20)}) {{
      %y = tpc.transpose %x permutation [1, 0] : {x} -> {y}
      %z = tensor.extract_slice %x[0, 3] [5, 20] [1, 1] : {x} to {t(5, 20)}
      return %y, %z : {y}, {t(5, 20)}
    }}""", [a], [A.T, A[:, 3:23]], ["bf16", "bf16"])


def test_casts_of_many_tensors(check, rng):
    """The weights of a step, rounded by one launch."""
    shapes = [(1024,), (16,), (5, 4000)]
    tensors = [rng.standard_normal(shape).astype(np.float32) for shape in shapes]
    wide, narrow_types = [t(*shape, dtype="f32") for shape in shapes], [t(*shape) for shape in shapes]
    casts = "".join(f"%r{i} = arith.truncf %x{i} : {x} to {y}\n" for i, (x, y) in enumerate(zip(wide, narrow_types)))
    program = check(f"""func.func @f({", ".join(f"%x{i}: {x}" for i, x in enumerate(wide))}) -> ({", ".join(narrow_types)}) {{
      {casts} return %r0, %r1, %r2 : {", ".join(narrow_types)}
    }}""", tensors, [tensor.astype(np.float64) for tensor in tensors], ["bf16"] * 3,
                    passes=("--tpc-form-kernels", "--tpc-group-launches"))
    assert program.entry_text.count("tpc.launch") == 1 and "@kernel_truncf_3_launches" in program.entry_text
