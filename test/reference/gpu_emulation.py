"""Runs kernels for a GPU on the CPU: tpc-emulate-kernels and test/Emulator/Emulator.cpp stand in for its threads."""
import ctypes
import os
import re
import subprocess

import numpy as np
from kernel_harness import BUILD, GUARD, Program, aligned, build_library, parse_type

EMULATE = os.path.join(BUILD, "test", "bin", "tpc-emulate-kernels")
EMULATOR = os.path.join(os.path.dirname(__file__), "..", "Emulator", "Emulator.cpp")


class DeviceKernel:
    """What GpuKernelInfo.h says of a kernel, read from its line of text."""

    def __init__(self, line):
        self.name = re.search(r"@(\w+)\(", line)[1]
        self.is_index = [kind == "i64" for kind in re.findall(r"%\w+: (i64|!llvm\.ptr<1>)", line)]
        if table := re.search(r"llvm\.byval = !llvm\.array<(\d+) x ptr<1>>", line):
            self.is_index = [False] * int(table[1])
        grid = re.search(r"tpc\.grid = {blocks = (\d+) : i64, threads = (\d+) : i64}", line)
        self.blocks, self.threads = int(grid[1]), int(grid[2])
        workspace = re.search(r"tpc\.workspace = (\d+)", line)
        self.workspace_bytes = int(workspace[1]) if workspace else 0
        finish = re.search(r"tpc\.finish = @(\w+)", line)
        self.finish = finish[1] if finish else None


class EmulatedProgram(Program):
    """A module with one entry function, whose kernels are those of a GPU."""

    def __init__(self, text, folder, passes=("--tpc-form-kernels",)):  # pylint: disable=super-init-not-called
        self.form(text, *passes, "--tpc-lower-kernels-to-gpu")
        lines = re.findall(r"^ *gpu\.func @.*$", self.text, re.M)
        self.kernels = {kernel.name: kernel for kernel in map(DeviceKernel, lines)}
        module = os.path.join(folder, "kernels.mlir")
        with open(module, "w", encoding="utf-8") as file:
            file.write(self.text)
        llvm = subprocess.run([EMULATE, module], capture_output=True, text=True, check=False)
        assert llvm.returncode == 0, llvm.stderr
        self.code = build_library(llvm.stdout, folder, sources=[EMULATOR])

    def start(self, kernel, values):
        function = ctypes.cast(getattr(self.code, kernel.name), ctypes.c_void_p)
        parameters = (ctypes.c_uint64 * len(values))(*values)
        self.code.tpc_emulate(function, parameters, ctypes.c_int64(kernel.blocks), ctypes.c_int64(kernel.threads))

    def launch(self, name, operands, result_types, pieces=1):
        kernel = self.kernels[name]
        outputs = [aligned(*parse_type(text)) for text in result_types]
        values = [int(array) if is_index else array.ctypes.data
                  for array, is_index in zip(operands + [array for array, _ in outputs], kernel.is_index)]
        if kernel.workspace_bytes:
            workspace, guard = aligned((kernel.workspace_bytes // 4,), np.float32)
            outputs.append((workspace, guard))
            values.append(workspace.ctypes.data)
        self.start(kernel, values)
        if kernel.finish:
            self.start(self.kernels[kernel.finish], values)
        for _, guard in outputs:
            assert len(guard) == GUARD and (guard == 0xA5).all(), f"{name} writes past the end of a result"
        return [array for array, _ in outputs[:len(result_types)]]
