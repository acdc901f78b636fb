"""--precision bf16: activations and products of bf16, all that is summed over steps f32."""
import json
import math
import os

import numpy as np
import pytest

import llama_numpy
from harness import (BATCH, GROUPED, MODELS, PLANS, SEQUENCE, batches, call, complain, random_tokens, relative, run,
                     succeed, tool, train, write_tokens)
from tpc import hf

BF16 = ["--precision", "bf16"]
TRAIN = ["--lr", "1e-3", "--warmup", 0, "--weight-decay", 0.1, "--betas", "0.9,0.99", "--eps", "1e-8", "--clip", 1.0]
RUNS = {"tp1": ("dp=1,tp=1", "ddp"), "tp2": ("dp=1,tp=2", "ddp"), "dp2": ("dp=2,tp=1", "ddp"),
        "fsdp": ("dp=2,tp=1", "fsdp"), "fsdp-tp2": ("dp=2,tp=2", "fsdp")}
STEP = 2.0 ** -8  # a value rounded to bf16 is off by at most this part of itself


def rounding_bound(config):
    """What a gradient may be off by, relative to its norm. On its way from the embedding to the loss and back a value is
    rounded after each of: per layer two norms, q, its rotation, the probabilities, attention, o_proj, two residuals,
    gate, the gated product and down_proj; once the embedding, the last norm and the logits; and each weight that it
    meets, of which there are seven per layer. Roundings are independent, so their squares add up; the backward pass
    has as many as the forward pass. Twice that, as sums of values of both signs are smaller than their terms."""
    roundings = 2 * ((12 + 7) * config["num_hidden_layers"] + 5)
    return 2 * math.sqrt(roundings) * STEP


def compiled(work, config, name, extra=(), **options):
    mesh, mode = RUNS[name]
    return work.program(config, mesh, extra=[*BF16, "--dp-mode", mode, *extra], **options)


@pytest.mark.parametrize("model", ["grouped", "tied"])
@pytest.mark.parametrize("name", RUNS)
def test_every_gradient(work, tmp_path, model, name):
    config = MODELS[model]
    folder, weights = work.weights(config)
    tokens = random_tokens(config, BATCH * SEQUENCE + 1)
    path = tmp_path / "gradients.safetensors"
    record, = train(compiled(work, config, name), str(tmp_path), "--load", folder, "--steps", 1, *TRAIN,
                    "--data", write_tokens(tmp_path / "t.bin", tokens), "--dump-gradients", path)
    loss, _, gradients = llama_numpy.Llama(config, weights).loss_and_gradients(*next(batches(tokens, 1)))
    bound = rounding_bound(config)
    assert abs(record["loss"] / loss - 1) < bound
    assert abs(record["grad_norm"] / llama_numpy.global_norm(gradients) - 1) < bound
    found = hf.read_safetensors(path)
    assert set(found) == set(gradients)
    distances = {key: relative(found[key], gradients[key]) for key in gradients}
    assert max(distances.values()) < bound, distances


def losses(program, folder, data, *arguments):
    return np.array([record["loss"] for record in train(program, folder, "--steps", 20, *TRAIN, "--data", data,
                                                        *arguments)])


def test_training_follows_f32_on_every_mesh(work, tmp_path):
    data = write_tokens(tmp_path / "t.bin", random_tokens(GROUPED, 20 * BATCH * SEQUENCE + 1) % 7 + 1)
    exact = losses(work.program(GROUPED, "dp=1,tp=1"), str(tmp_path), data)
    assert exact[-1] < 0.9 * exact[0]  # it learns, so the losses have something to follow
    found = {name: losses(compiled(work, GROUPED, name), str(tmp_path), data) for name in RUNS}
    for name, values in found.items():
        assert np.abs(values - exact).max() < 1e-2, name
        assert np.abs(values - found["tp1"]).max() < 5e-3, name


def test_logits_are_f32(work, tmp_path):
    folder, weights = work.weights(GROUPED)
    tokens = random_tokens(GROUPED, BATCH * SEQUENCE + 1)
    result = run(compiled(work, GROUPED, "tp2", mode="forward"), "--load", folder, "--data",
                 write_tokens(tmp_path / "t.bin", tokens), "--logits", tmp_path / "logits.safetensors")
    assert result.returncode == 0, result.stderr
    logits = hf.read_safetensors(tmp_path / "logits.safetensors")["logits"]
    assert logits.dtype == np.float32
    inputs, _ = next(batches(tokens, 1))
    assert relative(logits, llama_numpy.Llama(GROUPED, weights).logits(inputs)) < rounding_bound(GROUPED)


def test_checkpoints_are_f32_and_load_across_precisions(work, tmp_path):
    """Six steps in bf16, saved after three: an f32 program on another mesh goes on from there."""
    data = write_tokens(tmp_path / "t.bin", random_tokens(GROUPED, 6 * BATCH * SEQUENCE + 1))
    narrow, wide = compiled(work, GROUPED, "tp2"), work.program(GROUPED, "dp=2,tp=1")
    arguments = ["--data", data, *TRAIN]
    whole = train(narrow, str(tmp_path), *arguments, "--steps", 6)
    train(narrow, str(tmp_path), *arguments, "--steps", 3, "--save", tmp_path / "ckpt", "--export-hf", tmp_path / "hf")
    for name, weight in hf.read_weights(tmp_path / "hf").items():
        assert weight.dtype == np.float32, name
        if weight.ndim == 2:  # more than the eight bits of bf16
            assert (weight.view(np.uint32) & 0xFFFF).any(), name
    os.remove(tmp_path / "metrics.jsonl")
    rest = train(wide, str(tmp_path), *arguments, "--steps", 6, "--save", tmp_path / "ckpt", "--resume")
    assert [record["step"] for record in rest] == [4, 5, 6]
    for found, expected in zip(rest, whole[3:]):
        assert abs(found["loss"] - expected["loss"]) < 1e-2


def test_processor_without_bf16(work, tmp_path, monkeypatch):
    """AVX2 has no bf16: kernels round with integer arithmetic, products are of extended copies. Same losses but for
    the order of sums."""
    data = write_tokens(tmp_path / "t.bin", random_tokens(GROUPED, 20 * BATCH * SEQUENCE + 1) % 7 + 1)
    plain = losses(compiled(work, GROUPED, "tp1"), str(tmp_path), data)
    program = compiled(work, GROUPED, "tp1", extra=["--cpu", "x86-64-v3"])
    monkeypatch.setenv("DNNL_MAX_CPU_ISA", "AVX2")
    found = losses(program, str(tmp_path), data)
    assert np.abs(found - plain).max() < 5e-3


def received(work, *extra):
    """Bytes that a rank receives in a step, by what they are."""
    words = [tool("tpc-compile"), work.model(GROUPED), "--mesh", "dp=2,tp=2", "--dp-mode", "fsdp", "--plan",
             os.path.join(PLANS, "megatron.yaml"), "--batch", BATCH, "--seq", SEQUENCE, "--explain=json", *extra]
    return json.loads(succeed(words).stdout)["totals"]["bytes"]


def test_half_the_bytes_are_moved(work):
    """Activations and gathered weights are half as large; gradients are not, and neither are the weights of norms: of
    each of five a rank gets the other half, 24 numbers, in forward and again in backward."""
    wide, narrow = received(work), received(work, *BF16)
    norms = 2 * 5 * 24 * 4
    assert narrow["gradient"] == wide["gradient"]
    assert narrow["parameter"] - norms == (wide["parameter"] - norms) / 2
    assert narrow["activation"] == wide["activation"] / 2


def test_wrong_value(work):
    complain(call([tool("tpc-compile"), work.model(GROUPED), "--precision", "fp8", "--emit=import"]),
             "--precision", "fp8")
