"""Collectives that overlap with computation compute the same bits, in every communicator."""
import os

import pytest

from harness import GROUPED, MESHES, PLANS, call, random_tokens, succeed, tool, train, write_tokens


@pytest.mark.parametrize("mesh, flags", [
    ("tp2", ["--plan-policy=optimize"]), ("tp2", ["--plan-policy=strict"]), ("dp2tp2", ["--plan-policy=optimize"]),
    ("dp2tp2", ["--dp-mode=zero1"]), ("dp2tp2", ["--dp-mode=fsdp"]),
])
def test_losses_are_equal_bit_for_bit(work, tmp_path, mesh, flags):
    data = write_tokens(tmp_path / "t.bin", random_tokens(GROUPED, 6 * 64 + 1))
    metrics = []
    for overlap in ("off", "on"):
        program = work.program(GROUPED, MESHES[mesh], extra=("--overlap", overlap, *flags))
        metrics.append(train(program, tmp_path, "--data", data, "--steps", 6, "--lr", 0.01))
    for key in ("loss", "grad_norm"):
        assert [line[key] for line in metrics[0]] == [line[key] for line in metrics[1]]


def test_async_tp_is_applied_and_computes_the_same(work, tmp_path):
    """Asked for elsewhere, and silently not applied (pytorch/torchtitan#3869, #471, openxla/xla#26948)."""
    kernels = {}
    for overlap in ("off", "on"):
        kernels[overlap] = tmp_path / f"{overlap}.mlir"
        succeed([tool("tpc-compile"), work.model(GROUPED), "--plan", os.path.join(PLANS, "tutorial.yaml"), "--mesh",
                 MESHES["tp2"], "--batch", 2, "--seq", 4, "--overlap", overlap, "--emit=kernels", "-o", kernels[overlap]])
    assert "tpc.wait" not in kernels["off"].read_text() and kernels["on"].read_text().count("tpc.wait") > 4
    succeed([tool("tpc-interpret"), kernels["on"], "--against", kernels["off"], "--function", "loss", "--ids", 64])


def test_unknown_value(work):
    result = call([tool("tpc-compile"), work.model(GROUPED), "--overlap", "perhaps"])
    assert result.returncode == 1 and "--overlap" in result.stderr
