"""The partitioned program of every small model computes what the program for one device computes (in float64)."""
import os

import pytest

from harness import MESHES, MODELS, PLANS, succeed, tool

INPUTS = ["--inputs", "random", "--ids", 64, "--seed", 3]


def stage(work, folder, model, mesh, emit, *extra, mode="train"):
    path = os.path.join(folder, f"{emit}.mlir")
    succeed([tool("tpc-compile"), work.model(MODELS[model]), "--mesh", mesh, "--mode", mode, "--batch", 4, "--seq", 16,
             f"--emit={emit}", "-o", path, *extra])
    return path


@pytest.mark.parametrize("policy", ["optimize", "strict"])
@pytest.mark.parametrize("plan", ["tutorial", "tutorial-loss-parallel", "megatron"])
@pytest.mark.parametrize("mesh", ["tp2", "tp4", "dp2tp2"])
@pytest.mark.parametrize("model", MODELS)
def test_local_program_equals_the_global_one(work, tmp_path, model, mesh, plan, policy):
    extra = ["--plan", os.path.join(PLANS, plan + ".yaml"), f"--plan-policy={policy}"]
    whole = stage(work, tmp_path, model, MESHES[mesh], "layouts", *extra)
    local = stage(work, tmp_path, model, MESHES[mesh], "local", *extra)
    text = succeed([tool("tpc-interpret"), local, "--against", whole, "--tolerance", 1e-9, *INPUTS]).stdout
    for function in ("@loss", "@step", "@init"):
        assert f"{function}: " in text and "agree" in text


@pytest.mark.parametrize("mesh", ["tp4", "dp2tp2"])
@pytest.mark.parametrize("model", MODELS)
def test_local_loss_equals_the_imported_one(work, tmp_path, model, mesh):
    imported = stage(work, tmp_path, model, MESHES[mesh], "import")
    local = stage(work, tmp_path, model, MESHES[mesh], "local", "--plan", os.path.join(PLANS, "megatron.yaml"))
    succeed([tool("tpc-interpret"), local, "--function", "loss", "--against", imported, "--tolerance", 1e-9, *INPUTS])


@pytest.mark.parametrize("mesh", ["tp4", "dp2tp2"])
def test_forward_program(work, tmp_path, mesh):
    imported = stage(work, tmp_path, "grouped", MESHES[mesh], "import", mode="forward")
    local = stage(work, tmp_path, "grouped", MESHES[mesh], "local", "--plan", os.path.join(PLANS, "tutorial.yaml"),
                  mode="forward")
    succeed([tool("tpc-interpret"), local, "--against", imported, "--tolerance", 1e-9, *INPUTS])
