"""The example models as programs for a GPU: compiled and linked where neither a GPU nor its driver is."""
import json
import os
import re

import pytest

from harness import PLANS, ROOT, succeed, tool
from tpc import hf

MODELS = {  # mesh, ranks, batch, sequence
    "tutorial-llama": ("dp=1,tp=1", 1, 2, 512),
    "llama-3.2-1b": ("dp=1,tp=1", 1, 1, 4096),
    "llama-3-8b": ("dp=2,tp=8", 16, 2, 8192),
}
# Of the C library, and there on every machine. cuBLASLt, cuDNN and NCCL are opened when they are needed.
LIBRARIES = {"libc.so.6", "libm.so.6", "libdl.so.2", "libpthread.so.0", "librt.so.1", "ld-linux-x86-64.so.2"}


def count_elements(config):
    """Of all parameters, by the model's definition."""
    hidden, heads, key_heads = (config[name] for name in ("hidden_size", "num_attention_heads", "num_key_value_heads"))
    size = config.get("head_dim") or hidden // heads
    attention = 2 * heads * size * hidden + 2 * key_heads * size * hidden
    layer = attention + 3 * config["intermediate_size"] * hidden + 2 * hidden
    tables = 1 if config.get("tie_word_embeddings") else 2
    return tables * config["vocab_size"] * hidden + config["num_hidden_layers"] * layer + hidden


@pytest.fixture(scope="module", params=[(model, precision) for model in MODELS for precision in ("f32", "bf16")],
                ids="-".join)
def linked(request, tmp_path_factory):
    """Model, precision and the executable."""
    if not os.path.exists(os.path.join(os.path.dirname(tool("tpc-compile")), "..", "lib", "libtpc_runtime_cuda.a")):
        pytest.skip("this build of tpc was made without the CUDA toolkit")
    model, precision = request.param
    program = tmp_path_factory.mktemp(model) / "program"
    mesh, _, batch, sequence = MODELS[model]
    succeed([tool("tpc-compile"), os.path.join(ROOT, "examples", model), "--plan", os.path.join(PLANS, "tutorial.yaml"),
             "--mesh", mesh, "--mode", "train", "--batch", batch, "--seq", sequence, "--precision", precision,
             "--target", "cuda", "--arch", "sm_90", "-o", program])
    yield model, precision, program
    program.unlink()


def test_it_links_and_describes_itself(linked):
    model, precision, program = linked
    mesh, ranks, batch, sequence = MODELS[model]
    config = hf.read_config(os.path.join(ROOT, "examples", model))
    described = succeed([program, "--describe"]).stdout
    plural = "rank" if ranks == 1 else "ranks"
    assert f"training program for {ranks} {plural}, mesh {mesh}" in described
    assert f"batch {batch} (global), sequence {sequence}, vocabulary {config['vocab_size']}" in described
    assert ("computed in bf16" in described) == (precision == "bf16")
    assert int(re.search(r"parameters: \d+ tensors, (\d+) elements", described)[1]) == count_elements(config)
    manifest = json.loads(succeed([program, "--print-manifest"]).stdout)
    assert manifest["target"] == {"name": "cuda", "arch": "sm_90"} and manifest["cpu"] == "x86-64-v3"


def test_it_needs_the_c_library_only(linked):
    needed = set(re.findall(r"\(NEEDED\).*\[(.*)\]", succeed(["readelf", "-d", linked[2]]).stdout))
    assert needed and needed <= LIBRARIES


def test_its_kernels_are_inside(linked):
    """The machine code is an ELF file of its own, machine 190 (CUDA), with a function per kernel."""
    code = linked[2].read_bytes()
    start = next(match.start() for match in re.finditer(b"\x7fELF\x02\x01", code[1:])
                 if code[1 + match.start() + 18:1 + match.start() + 20] == (190).to_bytes(2, "little")
                 and b".text.kernel_adamw" in code[1 + match.start():])
    assert b".text.kernel_cross_entropy" in code[1 + start:]
