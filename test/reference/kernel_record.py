"""Writes what a test of kernels does as a case that tools/gpu-check.sh runs on a GPU: launches, inputs, results.

TPC_RECORD_KERNELS names the folder; tests are then recorded, not run.
"""
import json
import os
import re
import subprocess
import sys

import numpy as np
import pytest
from gpu_emulation import DeviceKernel
from kernel_harness import BUILD, DTYPES, Program, aligned, parse_type

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "..", "tools"))
from gpu_check.pack import write_cubin  # noqa: E402  pylint: disable=wrong-import-position

FOLDER = os.environ.get("TPC_RECORD_KERNELS")
LARGEST = 2 << 20  # bytes of a case's data
NAMES = {np.dtype(dtype): name for name, dtype in DTYPES.items() if name != "index"}


class RecordedProgram(Program):
    """A module whose launches are written down."""

    def __init__(self, text, passes=("--tpc-form-kernels",)):  # pylint: disable=super-init-not-called
        self.form(text, *passes, "--tpc-lower-kernels-to-gpu")
        lines = re.findall(r"^ *gpu\.func @.*$", self.text, re.M)
        self.kernels = {kernel.name: kernel for kernel in map(DeviceKernel, lines)}
        self.buffers, self.numbers, self.launches, self.arrays, self.data = [], {}, [], [], b""

    def add_buffer(self, array, is_input):
        """The number of the buffer in which the array lies."""
        address = array.ctypes.data
        if address not in self.numbers:
            self.numbers[address] = len(self.buffers)
            self.arrays.append(array)  # so that no other comes to lie there
            self.buffers.append({"bytes": array.nbytes, **({"offset": self.add_data(array)} if is_input else {})})
        return self.numbers[address]

    def add_data(self, array):
        offset = len(self.data)
        self.data += array.tobytes() + bytes(-array.nbytes % 8)
        return offset

    def launch(self, name, operands, result_types, pieces=1):
        kernel = self.kernels[name]
        results = [aligned(*parse_type(text))[0] for text in result_types]
        arguments = [["index", int(array)] if is_index else ["buffer", self.add_buffer(array, True)]
                     for array, is_index in zip(operands, kernel.is_index)]
        arguments += [["buffer", self.add_buffer(array, False)] for array in results]
        if kernel.workspace_bytes:
            arguments.append(["buffer", self.add_buffer(aligned((kernel.workspace_bytes // 4,), np.float32)[0], False)])
        for stage in (kernel, self.kernels.get(kernel.finish)):
            if stage:
                self.launches.append({"kernel": stage.name, "blocks": stage.blocks, "threads": stage.threads,
                                      "arguments": arguments})
        return results

    def write_code(self, path):
        kernels = "module {\n" + self.text[self.text.index("  gpu.module"):].split("\n  }\n")[0] + "\n  }\n}\n"
        arch = os.environ.get("TPC_RECORD_ARCH", "sm_90")
        made = subprocess.run([os.path.join(BUILD, "bin", "tpc-opt"), f"--tpc-serialize-kernels=arch={arch}"],
                              input=kernels, capture_output=True, text=True, check=False)
        assert made.returncode == 0, made.stderr
        write_cubin(made.stdout, path)

    def write(self, name, arguments, expected, bounds, axis_index, folder):
        """`bounds`: how far each result may be off, relative to the expected number, and beside that."""
        results = []
        for array, wanted, (relative, absolute) in zip(self.run(*arguments, axis_index=axis_index), expected, bounds):
            offset = self.add_data(np.ascontiguousarray(np.broadcast_to(wanted, array.shape), np.float64))
            results.append({"buffer": self.add_buffer(array, True), "dtype": NAMES[array.dtype], "offset": offset,
                            "relative": float(relative), "absolute": float(absolute)})
        if len(self.data) > LARGEST:
            return
        file_name = re.sub(r"\W+", "-", name).strip("-")
        self.write_code(os.path.join(folder, file_name + ".cubin"))
        with open(os.path.join(folder, file_name + ".data"), "wb") as file:
            file.write(self.data)
        with open(os.path.join(folder, file_name + ".case"), "w", encoding="utf-8") as file:
            json.dump({"name": name, "code": file_name + ".cubin", "data": file_name + ".data", "buffers": self.buffers,
                       "launches": self.launches, "results": results}, file)


def record(name, text, arguments, expected, bounds, axis_index=0, passes=("--tpc-form-kernels",)):
    """Writes the case and ends the test."""
    RecordedProgram(text, passes).write(name, arguments, expected, bounds, axis_index, FOLDER)
    pytest.skip("recorded for a GPU")
