"""Every kernel of the example models, assembled for every architecture: no spills, whole accesses, nothing unresolved.

Needs the toolkit's ptxas, no GPU. Kernels are the same in every layer, so two layers have them all.
"""
import json
import math
import os
import re
import shutil

import pytest

from harness import PLANS, ROOT, call, succeed, tool
from stand_ins import kernels_of
from tpc import hf

MODELS = {  # mesh, batch, sequence
    "tutorial-llama": ("dp=1,tp=2", 2, 512),
    "llama-3.2-1b": ("dp=1,tp=1", 1, 4096),
    "llama-3-8b": ("dp=2,tp=8", 2, 8192),
}
ARCHITECTURES = ("sm_80", "sm_90", "sm_100", "sm_120")


def find_ptxas():
    for path in (os.path.join(os.environ.get("CUDA_HOME", "/usr/local/cuda"), "bin", "ptxas"), shutil.which("ptxas")):
        if path and os.access(path, os.X_OK):
            return path
    pytest.skip("no kernel was assembled: ptxas of the CUDA toolkit is missing (set CUDA_HOME)")


@pytest.fixture(scope="module", params=[(model, precision) for model in MODELS for precision in ("f32", "bf16")],
                ids="-".join)
def kernels(request, tmp_path_factory):
    """A module of a training program's kernels, without its entries."""
    model, precision = request.param
    folder = str(tmp_path_factory.mktemp(model))
    config = hf.read_config(os.path.join(ROOT, "examples", model))
    with open(os.path.join(folder, "config.json"), "w", encoding="utf-8") as file:
        json.dump({**config, "num_hidden_layers": 2}, file)
    mesh, batch, sequence = MODELS[model]
    module = os.path.join(folder, "kernels.mlir")
    succeed([tool("tpc-compile"), folder, "--plan", os.path.join(PLANS, "tutorial.yaml"), "--mesh", mesh, "--mode",
             "train", "--batch", batch, "--seq", sequence, "--precision", precision, "--emit=kernels", "-o", module])
    kernels_alone = kernels_of(open(module, encoding="utf-8").read())
    with open(module, "w", encoding="utf-8") as file:
        file.write(kernels_alone)
    return module


def get_ptx(module, architecture):
    lowered = succeed([tool("tpc-opt"), module, "--tpc-lower-kernels-to-gpu",
                       f"--tpc-serialize-kernels=format=ptx arch={architecture}"])
    text = re.search(r'assembly = "([^"]*)"', lowered.stdout)[1]
    return re.sub(r"\\([0-9A-F]{2})", lambda code: chr(int(code[1], 16)), text).rstrip("\0")


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_kernels_assemble_without_spills(kernels, architecture, tmp_path):
    ptxas, source = find_ptxas(), tmp_path / "kernels.ptx"
    ptx = get_ptx(kernels, architecture)
    source.write_text(ptx)
    assert ".extern" not in ptx and "__nv_" not in ptx
    result = call([ptxas, "-v", "-arch", architecture, source, "-o", tmp_path / "kernels.cubin"])
    assert result.returncode == 0, result.stderr
    spills = re.findall(r"(\d+) bytes spill stores, (\d+) bytes spill loads", result.stderr)
    assert len(spills) >= ptx.count(".entry")  # and functions of libdevice that are not inlined
    assert set(spills) == {("0", "0")}, result.stderr


def count_elements(kernel):
    """Of the shape that a kernel is named after: kernel_rms_norm_8x768_1 has 6144."""
    shape = re.search(r"_(\d+(?:x\d+)*)(?:_\d+)?(?:_finish)?$", kernel)
    return math.prod(map(int, shape[1].split("x"))) if shape else 1


def test_accesses_are_whole(kernels):
    """Tensors are read and written 16 bytes at a time. What is narrower is a number per row or per launch, a handful of
    numbers, or a table made in float64."""
    find_ptxas()  # libdevice comes with it
    groups = 0
    for name, body in re.findall(r"\.entry (\w+)\(((?:.*\n)*?)}", get_ptx(kernels, "sm_90")):
        accesses = re.findall(r"(?:ld|st)\.global\.(?:nc\.)?(?:(v\d)\.)?[a-z]+(\d+)", body)
        vectors = [int(lanes[1:]) * int(bits) for lanes, bits in accesses if lanes]
        # A group's name has no shape; those of parameters are large.
        group = re.match(r"kernel_(adamw|truncf)_\d+_launches", name)
        groups += bool(group)
        if (count_elements(name) < 64 and not group) or "rope_table" in name:
            continue
        assert vectors, f"{name} has no vector"
        assert set(vectors) == {128}, f"{name} has accesses of {set(vectors)} bits"
        scalars = {int(bits) for lanes, bits in accesses if not lanes}
        assert scalars <= ({16, 32} if "cross_entropy" in name else {32}), name  # 16: the target's logit
    assert groups, "AdamW has a launch for each parameter"
