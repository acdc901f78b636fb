"""Runs entry programs of kernels: tpc-opt forms and lowers them, clang makes a library, this file launches it.

Only what a test of kernels needs: launches, reshapes, index arithmetic. Results start as NaN (or a pattern, for
integers) and are followed by a guard that must survive.
"""
import ctypes
import os
import re
import subprocess

import numpy as np

LLVM = "/usr/lib/llvm-22/bin"
BUILD = os.environ.get("TPC_BUILD", os.path.join(os.path.dirname(__file__), "..", "..", "build"))
# NumPy has no bf16: its bits.
DTYPES = {"f32": np.float32, "f64": np.float64, "bf16": np.uint16, "i32": np.int32, "i64": np.int64, "i1": np.uint8, "index": np.int64}
GUARD = 64
PIECES = (1, 3)


def parse_type(text):
    """(shape, dtype) of `tensor<2x8xf32>` or `index`."""
    words = re.sub(r"^tensor<|>$", "", text).split("x") if text.startswith("tensor") else [text]
    return tuple(int(word) for word in words[:-1]), DTYPES[words[-1]]


def aligned(shape, dtype):
    """A 64-byte aligned, poisoned array and the guarded memory that it lies in."""
    size = int(np.prod(shape, dtype=np.int64)) * np.dtype(dtype).itemsize
    memory = np.full(size + GUARD + 64, 0xA5, np.uint8)
    start = -memory.ctypes.data % 64
    array = memory[start:start + size].view(dtype).reshape(shape)
    if np.issubdtype(dtype, np.floating):
        array.fill(np.nan)
    return array, memory[start + size:start + size + GUARD]


def place(value):
    array, _ = aligned(value.shape, value.dtype)
    array[...] = value
    return array


def build_library(llvm, folder, flags=(), sources=()):
    """LLVM IR, and C++ files beside it, as a loaded library."""
    source, library = os.path.join(folder, "kernels.ll"), os.path.join(folder, "kernels.so")
    with open(source, "w", encoding="utf-8") as file:
        file.write(llvm)
    subprocess.run([f"{LLVM}/clang++", "-O2", *flags, "-Wno-override-module", "-shared", "-fPIC", source, *sources, "-o",
                    library, "-lm"], check=True)
    return ctypes.CDLL(library)


class Program:
    """A module with one entry function, compiled for this machine.

    `on_launch(call, buffers)` is told of each launch: `call()` repeats it, as long as `buffers` is kept.
    """
    on_launch = staticmethod(lambda call, buffers: None)

    def __init__(self, text, folder, passes=("--tpc-form-kernels",), vector_bits=512, flags=("-march=native",),
                 expand_bf16=False):
        lower = f"--tpc-lower-kernels=vector-bits={vector_bits} expand-bf16={str(expand_bf16).lower()}"
        self.form(text, *passes, lower)
        kernels = self.text.replace(self.entry_text, "").replace("llvm.func internal", "llvm.func")
        self.kernels = {}
        for name, attributes in re.findall(r"llvm\.func @(\w+)\(.*tpc\.kernel = {(.*)}}", kernels):
            extent, grain = (int(re.search(rf"{key} = (\d+)", attributes)[1]) for key in ("extent", "grain"))
            self.kernels[name] = extent, grain
        kernels = re.sub(r" attributes {tpc\.kernel.*?}}", "", kernels)
        kernels = re.sub(r"^  tpc\.mesh.*\n", "", kernels, flags=re.M)
        llvm = subprocess.run([f"{LLVM}/mlir-translate", "--mlir-to-llvmir"], input=kernels, capture_output=True,
                              text=True, check=False)
        assert llvm.returncode == 0, llvm.stderr
        self.code = build_library(llvm.stdout, folder, flags)

    def form(self, text, *passes):
        """The module after the passes, with its one entry function."""
        formed = subprocess.run([os.path.join(BUILD, "bin", "tpc-opt"), *passes], input=text, capture_output=True,
                                text=True, check=False)
        assert formed.returncode == 0, formed.stderr
        self.text = formed.stdout
        entries = re.findall(r"^  func\.func @.*?^  }\n", self.text, re.S | re.M)
        assert len(entries) == 1
        self.entry_text = entries[0]
        self.entry = entries[0].splitlines()

    def launch(self, name, operands, result_types, pieces=1):
        extent, grain = self.kernels[name]
        outputs = [aligned(*parse_type(text)) for text in result_types]
        buffers = [array.ctypes.data for array in operands] + [array.ctypes.data for array, _ in outputs]
        table = (ctypes.c_void_p * len(buffers))(*buffers)
        step = max(-(-extent // pieces // grain) * grain, grain)
        function = getattr(self.code, name)

        def call():
            for begin in range(0, extent, step):
                function(table, ctypes.c_int64(begin), ctypes.c_int64(min(begin + step, extent)))
        call()
        self.on_launch(call, (operands, outputs))
        for _, guard in outputs:
            assert (guard == 0xA5).all(), f"{name} writes past the end of a result"
        return [array for array, _ in outputs]

    def run(self, *arguments, axis_index=0, pieces=1):
        """The results of the entry program for arrays in argument order."""
        values = {f"%arg{number}": place(np.asarray(value)) for number, value in enumerate(arguments)}
        for line in self.entry[1:]:
            line = line.strip()
            if match := re.match(r"return (.*) :", line):
                return [values[name.strip()] for name in match[1].split(",")]
            if match := re.match(r"(%\w+)(?::\d+)? = tpc\.launch @(\w+)\((.*?)\).* : .* -> (.*)$", line):
                operands = [values[name.strip()] for name in match[3].split(",") if name.strip()]
                types = [text.strip() for text in match[4].strip("()").split(",")]
                for number, result in enumerate(self.launch(match[2], operands, types, pieces)):
                    values[f"{match[1]}#{number}"] = result
                    if number == 0:
                        values[match[1]] = result
            elif match := re.match(r"(%\w+) = tensor\.(?:collapse|expand)_shape (\S+) .* into (\S+)$", line):
                values[match[1]] = values[match[2]].reshape(parse_type(match[3])[0])
            elif match := re.match(r"(%\w+) = tpc\.axis_index", line):
                values[match[1]] = place(np.array(axis_index, np.int64))
            elif match := re.match(r"(%\w+) = arith\.constant (\d+) : index", line):
                values[match[1]] = place(np.array(int(match[2]), np.int64))
            elif match := re.match(r"(%\w+) = arith\.muli (\S+), (\S+) : index", line):
                values[match[1]] = place(values[match[2]] * values[match[3]])
            else:
                raise AssertionError(f"not understood: {line}")
        raise AssertionError("no return")
