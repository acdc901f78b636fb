"""Collectives that overlap with computation compute the same bits, in every communicator."""
import json
import os

import pytest

from harness import GROUPED, MESHES, PLANS, ROOT, call, complain, random_tokens, succeed, tool, train, write_tokens


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


# Slow at computing, with a link of its own and no latency: here pieces and products put off gain as much as they can.
ASYNCHRONOUS = ("{name: m, flops: 1.0e9, memory_bandwidth: 1.0e12, links: [{name: l, latency: 0, bandwidth: 1.0e7, "
                "asynchronous: true}], default_link: l}")


# 4096 rows: two pieces of a gather before products, and of a scatter behind one. 2048 columns: two pieces of a scatter.
ROWS = {**GROUPED, "max_position_embeddings": 1024}
COLUMNS = {**GROUPED, "hidden_size": 2048}


@pytest.fixture(scope="module")
def asynchronous(tmp_path_factory):
    path = tmp_path_factory.mktemp("machine") / "asynchronous.yaml"
    path.write_text(ASYNCHRONOUS)
    return path


@pytest.mark.parametrize("mesh, flags, config, seq", [
    ("dp=1,tp=2", [], ROWS, 1024), ("dp=1,tp=2", [], COLUMNS, 16), ("dp=2,tp=1", [], ROWS, 1024),
    ("dp=2,tp=1", ["--dp-mode=fsdp"], ROWS, 1024)])
def test_losses_are_equal_where_collectives_are_split(work, tmp_path, asynchronous, mesh, flags, config, seq):
    data = write_tokens(tmp_path / "t.bin", random_tokens(config, 2 * 4 * seq + 1))
    metrics, counts = [], []
    for overlap in ("off", "on"):
        program = work.program(config, mesh, "megatron", batch=4 * (2 if "dp=2" in mesh else 1), seq=seq,
                               extra=("--machine", str(asynchronous), "--overlap", overlap, *flags))
        metrics.append(train(program, tmp_path, "--data", data, "--steps", 2, "--lr", 0.01))
        counts.append(len(json.loads(succeed([program, "--print-manifest"]).stdout)["collectives"]))
    assert (counts[1] > counts[0]) == ("tp=2" in mesh)  # parameters are gathered ahead instead
    for key in ("loss", "grad_norm"):
        assert [line[key] for line in metrics[0]] == [line[key] for line in metrics[1]]


def predicted(work, asynchronous, *flags):
    return json.loads(succeed([tool("tpc-compile"), work.model(GROUPED), "--batch", 4, "--seq", 16, "--machine", asynchronous,
                               "--explain=json", *flags]).stdout)["timeline"]


def test_backward_hides_what_it_can(work, asynchronous):
    """Gradients of weights are computed while the gradients of activations are under way."""
    flags = ("--plan", os.path.join(PLANS, "megatron.yaml"), "--mesh", "dp=1,tp=2")
    off, on = (predicted(work, asynchronous, *flags, "--overlap", overlap) for overlap in ("off", "on"))
    assert off["communication"][0]["hidden_seconds"] == 0
    assert on["communication"][0]["hidden_seconds"] > 0.1 * off["communication"][0]["exposed_seconds"]
    assert on["seconds"] < off["seconds"]


def test_parameters_are_gathered_ahead(work, asynchronous):
    """All but the first wait for nothing: each layer's are under way while the one before computes, as far as there is memory."""
    on = predicted(work, asynchronous, "--mesh", "dp=2", "--dp-mode=fsdp", "--overlap=on")
    little = predicted(work, asynchronous, "--mesh", "dp=2", "--dp-mode=fsdp", "--overlap=on", "--overlap-memory", 1)
    assert on["communication"][0]["exposed_seconds"] < little["communication"][0]["exposed_seconds"]
    assert on["communication"][0]["hidden_seconds"] > 2 * little["communication"][0]["hidden_seconds"]


@pytest.mark.parametrize("machine", ["h100x8", "rtx-pro-6000x8", "shared-memory", "slow"])
@pytest.mark.parametrize("model, shape", [
    ("tiny-llama", ("dp=2", 4, 1024)), ("tiny-llama", ("dp=2,tp=2", 16, 1024)), ("tutorial-llama", ("dp=2,tp=2", 8, 2048)),
    ("llama-3.2-1b", ("dp=8", 8, 4096)), ("llama-3.2-1b", ("dp=2,tp=4", 2, 8192)),
])
def test_overlapping_is_never_slower(asynchronous, model, shape, machine):
    """Nor are pieces, by the model: parameters in bf16 are gathered whole, whatever their cast."""
    mesh, batch, sequence = shape
    seconds = {}
    for overlap in ("off", "on"):
        report = succeed([tool("tpc-compile"), os.path.join(ROOT, "examples", model), "--mesh", mesh, "--dp-mode=fsdp", "--batch",
                          batch, "--seq", sequence, "--precision=bf16", "--machine", asynchronous if machine == "slow" else machine,
                          "--overlap", overlap, "--explain=json"])
        seconds[overlap] = json.loads(report.stdout)["timeline"]["seconds"]
    assert seconds["on"] <= seconds["off"] * (1 + 1e-12)


def test_what_is_required_and_cannot_be_is_an_error(work, asynchronous):
    result = call([tool("tpc-compile"), work.model(GROUPED), "--plan", os.path.join(PLANS, "megatron.yaml"), "--mesh", "tp=2",
                   "--batch", 4, "--seq", 16, "--machine", asynchronous, "--overlap=require", "-o", os.devnull])
    complain(result, "megatron.yaml:", "'tpc.all_gather' op cannot overlap with computation: nothing that is independent")
    result = call([tool("tpc-compile"), work.model(GROUPED), "--mesh", "dp=2", "--dp-mode=fsdp", "--batch", 4, "--seq", 16,
                   "--machine", asynchronous, "--overlap=require", "--overlap-memory", 1, "-o", os.devnull])
    complain(result, "'tpc.all_gather' op cannot overlap with computation: it would add", "1 that --overlap-memory allows")


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
