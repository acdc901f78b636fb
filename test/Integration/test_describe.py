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


def planned_memory(program, threads):
    """Bytes of the arena that --describe says, and those of the categories at its peak."""
    text = run(program, "--describe", "--threads-per-rank", threads).stdout
    arena, parts = re.search(r"arena of a rank with (\d+) threads?: (\d+) bytes.*?:\n(.*?)\ncollectives", text, re.S).group(2, 3)
    return int(arena), [int(size) for size in re.findall(r"^  \w+ +(\d+) bytes", parts, re.M)]


def measured_memory(program, *arguments):
    """Bytes of the arena that a run touched, and by how many its process grew."""
    result = run(program, *arguments)
    assert result.returncode == 0, result.stderr
    found = re.search(r"high-water (\d+) bytes .* grew by (\d+) bytes", result.stdout)
    return int(found[1]), int(found[2])


@pytest.mark.parametrize("threads", [1, 2, 3])
@pytest.mark.parametrize("mesh", ["tp1", "tp2", "dp2tp2"])
def test_arena_is_what_was_planned(work, data, mesh, threads):
    program = work.program(GROUPED, MESHES[mesh])
    arena, categories = planned_memory(program, threads)
    assert arena == sum(categories)
    assert measured_memory(program, "--data", data, "--steps", 2, "--threads-per-rank", threads)[0] == arena


def test_arena_of_a_forward_program(work, tmp_path, data):
    program = work.program(GROUPED, MESHES["tp2"], mode="forward")
    arguments = ["--load", work.weights(GROUPED)[0], "--data", data, "--logits", tmp_path / "l.safetensors"]
    assert measured_memory(program, *arguments)[0] == planned_memory(program, 1)[0]


def test_workspace_grows_with_threads(work):
    program = work.program(GROUPED, MESHES["tp2"])
    sizes = [planned_memory(program, threads)[0] for threads in (1, 2, 5)]
    # 4 bytes x 2 x 64 query rows x 16 keys for each thread.
    assert sizes[1] - sizes[0] == 8192 and sizes[2] - sizes[1] == 3 * 8192


def test_process_grows_by_its_arena(work, data):
    """Beside the arena, of some hundred MB, a step takes nothing that matters."""
    config = {**GROUPED, "vocab_size": 32768, "hidden_size": 512}
    program = work.program(config, MESHES["tp2"])
    arena, grown = measured_memory(program, "--data", data, "--steps", 2)
    assert arena == planned_memory(program, 1)[0] > 200e6
    assert abs(grown - arena) < 0.05 * arena
