"""Generated kernels on one thread: milliseconds and bytes moved per second, beside a copy: `kernels.py BUILD`.

A kernel's bytes are those of its operands and results, each once. Copy: numpy's, of arrays as large as the largest
operand. The best of several runs counts, because other work on the machine only ever slows one down.
"""
import os
import sys
import tempfile
import time

import numpy as np

ROOT = os.path.normpath(os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", ".."))
os.environ.setdefault("TPC_BUILD", sys.argv[1])
sys.path.insert(0, os.path.join(ROOT, "test", "reference"))
from kernel_harness import Program, parse_type, place  # noqa: E402

RUNS = 15
ROWS, HEADS, ADAM = "2048x768", "4x512x12x64", "4096x4096"
# name: (arguments, result types, body, returned values)
CASES = {
    "rms_norm": (f"%x: tensor<{ROWS}xf32>, %w: tensor<768xf32>", f"tensor<{ROWS}xf32>",
                 f"%0 = tpc.rms_norm %x, %w eps 1.0e-5 : tensor<{ROWS}xf32>, tensor<768xf32>", "%0"),
    "swiglu": ("%g: tensor<2048x3072xf32>, %u: tensor<2048x3072xf32>", "tensor<2048x3072xf32>", """
      %one = arith.constant dense<1.0> : tensor<2048x3072xf32>
      %n = arith.negf %g : tensor<2048x3072xf32>
      %e = math.exp %n : tensor<2048x3072xf32>
      %d = arith.addf %e, %one : tensor<2048x3072xf32>
      %s = arith.divf %g, %d : tensor<2048x3072xf32>
      %0 = arith.mulf %s, %u : tensor<2048x3072xf32>""", "%0"),
    "rope": (f"%x: tensor<{HEADS}xf32>, %c: tensor<512x32xf32>, %s: tensor<512x32xf32>", f"tensor<{HEADS}xf32>",
             f"%0 = tpc.rope %x, %c, %s : tensor<{HEADS}xf32>, tensor<512x32xf32>", "%0"),
    "cross_entropy": ("%x: tensor<512x50000xf32>, %t: tensor<512xi32>", "(tensor<512xf32>, tensor<512xf32>)",
                      "%0, %1 = tpc.cross_entropy %x, %t : (tensor<512x50000xf32>, tensor<512xi32>) -> tensor<512xf32>",
                      "%0, %1"),
    "cross_entropy_grad": ("%x: tensor<512x50000xf32>, %t: tensor<512xi32>, %l: tensor<512xf32>",
                           "tensor<512x50000xf32>", "%0 = tpc.cross_entropy_grad %x, %t, %l, %l, %l : "
                           "tensor<512x50000xf32>, tensor<512xi32>, tensor<512xf32>", "%0"),
    "column sum": ("%x: tensor<2048x3072xf32>", "tensor<3072xf32>",
                   "%0 = tpc.reduce sum %x dims [0] : tensor<2048x3072xf32> -> tensor<3072xf32>", "%0"),
    "transpose": ("%x: tensor<2048x3072xf32>", "tensor<3072x2048xf32>",
                  "%0 = tpc.transpose %x permutation [1, 0] : tensor<2048x3072xf32> -> tensor<3072x2048xf32>", "%0"),
    "sum_squares": (f"%x: tensor<{ADAM}xf32>", "tensor<f32>",
                    f"%0 = tpc.sum_squares %x : tensor<{ADAM}xf32> -> tensor<f32>", "%0"),
    "adamw, 16 M": (", ".join(f"%{name}: tensor<{ADAM}xf32>" for name in "pgmv") + ", %s: tensor<f32>, %t: tensor<i32>",
                    f"(tensor<{ADAM}xf32>, tensor<{ADAM}xf32>, tensor<{ADAM}xf32>)",
                    "%0, %1, %2 = tpc.adamw %p, %g, %m, %v scale(%s) lr(%s) betas(%s, %s) eps(%s) weight_decay(%s) "
                    f"step(%t) : tensor<{ADAM}xf32>, " + "tensor<f32>, " * 6 + "tensor<i32>", "%0, %1, %2"),
}


def make(text, rng):
    shape, dtype = parse_type(text)
    if np.issubdtype(dtype, np.floating):
        return place(rng.random(shape, np.float32).astype(dtype) * 0.5 + 0.25)
    return place(np.ones(shape, dtype))


def measure(action):
    times = []
    for _ in range(RUNS):
        began = time.perf_counter()
        action()
        times.append(time.perf_counter() - began)
    return min(times)


def run_case(name, rng):
    arguments, results, body, returned = CASES[name]
    text = f"func.func @f({arguments}) -> {results} {{\n{body}\nreturn {returned} : {results.strip('()')}\n}}"
    with tempfile.TemporaryDirectory() as folder:
        program = Program(text, folder)
        arrays = [make(argument.split(":")[1].strip(), rng) for argument in arguments.split(", %")]
        launches = []
        program.on_launch = lambda launch, buffers: launches.append((launch, buffers))
        outputs = program.run(*arrays)
        seconds = measure(lambda: [launch() for launch, _ in launches])
    moved = sum(array.nbytes for array in arrays) + sum(array.nbytes for array in outputs)
    largest = max(arrays, key=lambda array: array.nbytes)
    target = np.empty_like(largest)
    copy = 2 * largest.nbytes / measure(lambda: np.copyto(target, largest))
    print(f"{name:20} {seconds * 1e3:9.3f} {moved / seconds / 1e9:9.1f} {copy / 1e9:9.1f}")


def main():
    print(f"{'kernel':20} {'ms':>9} {'GB/s':>9} {'copy GB/s':>9}")
    rng = np.random.default_rng(1)
    for name in CASES:
        run_case(name, rng)


if __name__ == "__main__":
    main()
