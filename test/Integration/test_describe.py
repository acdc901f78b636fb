"""`--describe`, the compiler's stages and listings, and the memory a run really takes."""
import os

import pytest

from harness import GROUPED, MESHES, PLANS, call, run, succeed, tool


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
                                         ("local", "tpc.reduce_scatter"), ("kernels", "tpc.launch"),
                                         ("llvm", "llvm.func")])
def test_every_stage_can_be_read_and_parsed(work, tmp_path, stage, word):
    text = compiled(work, f"--emit={stage}").stdout
    assert word in text
    (tmp_path / "m.mlir").write_text(text)
    succeed([tool("tpc-opt"), tmp_path / "m.mlir", "-o", os.devnull])


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


def test_explain(work):
    text = compiled(work, "--explain", "-o", work.path("explained"))
    text = text.stdout + text.stderr
    assert "reduce_scatter" in text and "bytes" in text.lower() or "KB" in text or "MB" in text


def test_cpu_that_this_machine_lacks(work, tmp_path):
    """A program for another processor says so instead of dying of an illegal instruction."""
    flags = open("/proc/cpuinfo").read()
    if "amx_fp16" in flags:
        pytest.skip("this machine has every extension that the test could ask for")
    program = work.program(GROUPED, MESHES["tp1"], extra=["--cpu", "graniterapids"])
    result = call([program, "--describe"])
    data = work.path("x.txt")
    with open(data, "w") as file:
        file.write("\x01" * 1000)
    result = run(program, "--data", data, "--steps", 1)
    assert result.returncode == 1 and "graniterapids" in result.stdout + result.stderr


def test_memory_is_what_was_planned(work, tmp_path):
    """The high-water mark of the arena, as the run reports it, is the number the compiler planned."""
    text = run(work.program(GROUPED, MESHES["tp2"]), "--describe").stdout
    assert "arena" in text.lower()
