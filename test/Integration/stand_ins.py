"""Programs for a GPU on the stand-ins of test/Fake: compiled as for a GPU, their kernels run by test/Emulator."""
import os
import re

import pytest

from harness import BATCH, BUILD, SEQUENCE, call, environment, succeed, tool

LLVM = "/usr/lib/llvm-22/bin"
# A GPU whose peak is given: the stand-in's library would take minutes over the product that measures a real one.
MACHINE = ("{name: stand-in, flops: 1.0e14, memory_bandwidth: 1.0e12, links: [{name: l, latency: 1.0e-5, bandwidth: 1.0e11, "
           "asynchronous: true}], default_link: l}")
FAKE = os.path.join(BUILD, "test", "fake")
RUN = os.path.join(BUILD, "test", "bin", "run-on-stand-ins")
EMULATE = os.path.join(BUILD, "test", "bin", "tpc-emulate-kernels")


def kernels_of(text):
    """The functions of a module at --emit=kernels that are kernels, as a module."""
    found = re.findall(r"^#.*\n|^  func\.func private @(?:.*\n)*?  }.*\n", text, re.M)
    assert len(found) > 20
    return "".join(found)


class StandIns:
    """Compiles programs, each once, and runs them."""

    def __init__(self, work):
        for path in (RUN, EMULATE):
            if not os.access(path, os.X_OK):
                pytest.skip(f"no program for a GPU was run: {os.path.basename(path)} is not built, it needs the CUDA toolkit")
        self.work = work
        self.programs = {}

    def program(self, config, *flags):
        """A train program's object for a GPU and its kernels for the processor, linked to one library."""
        key = (str(config), flags)
        if key not in self.programs:
            stem = self.work.path(f"cuda-{len(self.programs)}")
            with open(stem + ".yaml", "w", encoding="utf-8") as file:
                file.write(MACHINE)
            words = [tool("tpc-compile"), self.work.model(config), "--batch", BATCH, "--seq", SEQUENCE, "--target", "cuda",
                     "--machine", stem + ".yaml", *flags]
            succeed([*words, "--emit=obj", "-o", stem + ".o"])
            kernels = kernels_of(succeed([*words, "--emit=kernels", "-o", "-"]).stdout)
            with open(stem + ".mlir", "w", encoding="utf-8") as file:
                file.write(kernels)
            succeed([tool("tpc-opt"), stem + ".mlir", "--tpc-lower-kernels-to-gpu", "-o", stem + "-gpu.mlir"])
            with open(stem + ".ll", "w", encoding="utf-8") as file:
                file.write(succeed([EMULATE, stem + "-gpu.mlir"]).stdout)
            succeed([f"{LLVM}/clang++", "-O1", "-Wno-override-module", "-fPIC", "-shared", stem + ".o", stem + ".ll", "-o",
                     stem + ".so"])
            self.programs[key] = stem + ".so"
        return self.programs[key]

    def run(self, program, *arguments, ranks=None, before=(), **variables):
        """On one GPU for each process. `before`: words that a process begins with."""
        start = [tool("tpc-run"), "-n", ranks] if ranks else []
        return call([*start, *before, RUN, program, *arguments], env=self.environment(ranks or 1, **variables))

    def environment(self, devices, **variables):
        libraries = {"TPC_NCCL_LIBRARY": os.path.join(FAKE, "libnccl.so.2"),
                     "TPC_CUBLASLT_LIBRARY": os.path.join(FAKE, "libcublasLt.so.13"),
                     "TPC_ATTENTION": "kernels", "XDG_CACHE_HOME": self.work.path("cache")}
        return environment(TPC_FAKE_CUDA_DEVICES=devices, **{**libraries, **variables})
