"""`--describe`, the compiler's stages and listings, and the memory a run really takes."""
import os
import re

import pytest

from harness import GROUPED, MESHES, PLANS, random_tokens, run, succeed, tool, write_tokens


def test_describe(work):
    result = run(work.program(GROUPED, MESHES["dp2tp2"]), "--describe")
    assert result.returncode == 0, result.stderr
    for word in ("dp", "tp", "model.layers.0.self_attn.q_proj.weight", "Shard", "parameters", "gradients",
                 "optimizer", "activations", "communication", "workspace"):
        assert word in result.stdout, word


def compiled(work, *extra, mesh="dp=1,tp=2"):
    return succeed([tool("tpc-compile"), work.model(GROUPED), "--plan", os.path.join(PLANS, "tutorial.yaml"), "--mesh",
                    mesh, "--mode", "train", "--batch", 4, "--seq", 16, *extra])


@pytest.mark.parametrize("stage, word", [("import", "tpc.boundary"), ("layouts", "tpc.layouts"),
                                         ("local", "tpc.reduce_scatter"), ("kernels", "tpc.launch")])
def test_every_stage_can_be_read_and_parsed(work, tmp_path, stage, word):
    text = compiled(work, f"--emit={stage}").stdout
    assert word in text
    (tmp_path / "m.mlir").write_text(text)
    succeed([tool("tpc-opt"), tmp_path / "m.mlir", "-o", os.devnull])


def test_llvm_is_valid(work, tmp_path):
    compiled(work, "--emit=llvm", "-o", tmp_path / "x.ll")
    assert "tpc_compiled_program" in (tmp_path / "x.ll").read_text()
    succeed(["/usr/lib/llvm-22/bin/opt", "-passes=verify", "-disable-output", tmp_path / "x.ll"])


def test_object_file(work, tmp_path):
    compiled(work, "--emit=obj", "-o", tmp_path / "x.o")
    assert (tmp_path / "x.o").read_bytes()[:4] == b"\x7fELF"


def test_dumped_stages_are_numbered(work, tmp_path):
    compiled(work, "--emit=obj", "-o", tmp_path / "x.o", f"--dump-stages={tmp_path / 'stages'}")
    names = sorted(os.listdir(tmp_path / "stages"))
    assert len(names) >= 5 and all(name[:2].isdigit() for name in names)


def test_list_modules(work):
    text = succeed([tool("tpc-compile"), work.model(GROUPED), "--list-modules"]).stdout
    for word in ("model.layers.1.mlp.down_proj", "RowwiseParallel", "48", "80", "lm_head"):
        assert word in text, word


def test_cpu_that_this_machine_lacks(work, tmp_path):
    """A program for another processor says so instead of dying of an illegal instruction."""
    flags = open("/proc/cpuinfo").read()
    if "amx_fp16" in flags:
        pytest.skip("this machine has every extension that the test could ask for")
    program = work.program(GROUPED, MESHES["tp1"], extra=["--cpu", "graniterapids"])
    data = write_tokens(work.path("x.bin"), random_tokens(GROUPED, 200))
    result = run(program, "--data", data, "--steps", 1)
    assert result.returncode == 1 and "graniterapids" in result.stdout + result.stderr


def test_memory_is_what_was_planned(work, tmp_path):
    """A run touches no more of its arena than was planned, and all of it but the workspace of threads it does not have."""
    program = work.program(GROUPED, MESHES["tp2"])
    description = run(program, "--describe").stdout
    planned = int(re.search(r"arena: (\d+) bytes", description)[1])
    workspace = int(re.search(r"workspace +(\d+) bytes", description)[1])
    result = run(program, "--data", write_tokens(tmp_path / "t.bin", random_tokens(GROUPED, 200)), "--steps", 2)
    touched = int(re.search(r"high-water (\d+) bytes", result.stdout)[1])
    pages = 8 * 4096  # the mark counts whole pages
    assert planned - workspace - pages < touched < planned + pages
