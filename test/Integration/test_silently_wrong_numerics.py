"""Logits, loss, gradients and training of small models on every mesh against the float64 NumPy reference: what goes wrong
in silence elsewhere (NVIDIA/Megatron-LM#7452, pytorch/pytorch#190746, #190626, #186282) would differ here."""
import json
import math
import os

import numpy as np
import pytest

import llama_numpy
from harness import BATCH, GROUPED, MESHES, MODELS, SEQUENCE, batches, random_tokens, relative, run, train, write_tokens
from tpc import hf

TRAIN = ["--lr", "1e-3", "--warmup", 0, "--weight-decay", 0.1, "--betas", "0.9,0.99", "--eps", "1e-8", "--clip", 1.0]
meshes = pytest.mark.parametrize("mesh", MESHES)
models = pytest.mark.parametrize("model", MODELS)


@models
@meshes
def test_forward_logits(work, tmp_path, model, mesh):
    config = MODELS[model]
    folder, weights = work.weights(config)
    tokens = random_tokens(config, BATCH * SEQUENCE + 1)
    program = work.program(config, MESHES[mesh], mode="forward")
    result = run(program, "--load", folder, "--data", write_tokens(tmp_path / "t.bin", tokens),
                 "--logits", tmp_path / "logits.safetensors")
    assert result.returncode == 0, result.stderr
    logits = hf.read_safetensors(tmp_path / "logits.safetensors")["logits"]
    inputs, _ = next(batches(tokens, 1))
    assert relative(logits, llama_numpy.Llama(config, weights).logits(inputs)) < 1e-5


def gradients_of(work, folder, config, mesh, plan="tutorial", extra=()):
    """Loss, grad_norm and gradients of the first step of a program, and their references."""
    weights_folder, weights = work.weights(config)
    tokens = random_tokens(config, BATCH * SEQUENCE + 1)
    program = work.program(config, mesh, plan=plan, extra=extra)
    path = os.path.join(folder, f"gradients-{mesh}.safetensors")
    record, = train(program, folder, "--load", weights_folder, "--steps", 1, *TRAIN,
                    "--data", write_tokens(os.path.join(folder, "t.bin"), tokens), "--dump-gradients", path)
    loss, _, gradients = llama_numpy.Llama(config, weights).loss_and_gradients(*next(batches(tokens, 1)))
    assert abs(record["loss"] / loss - 1) < 1e-5
    assert abs(record["grad_norm"] / llama_numpy.global_norm(gradients) - 1) < 1e-5
    found = hf.read_safetensors(path)
    assert set(found) == set(gradients)
    return {name: relative(found[name], gradients[name]) for name in gradients}


@pytest.mark.parametrize("plan", ["tutorial", "tutorial-loss-parallel", "megatron"])
@pytest.mark.parametrize("mesh", ["tp2", "tp4", "dp2tp2"])
@models
def test_every_gradient(work, tmp_path, model, mesh, plan):
    alone = gradients_of(work, str(tmp_path), MODELS[model], MESHES["tp1"])
    split = gradients_of(work, str(tmp_path), MODELS[model], MESHES[mesh], plan)
    for name, distance in split.items():
        assert alone[name] < 1e-5, name
        assert distance <= max(2e-6, 3 * alone[name]), name


@pytest.mark.parametrize("plan", ["tutorial", "megatron"])
def test_gradients_under_strict_policy(work, tmp_path, plan):
    distances = gradients_of(work, str(tmp_path), GROUPED, MESHES["tp2"], plan, ["--plan-policy=strict"])
    assert max(distances.values()) < 1e-5


def follow(config, weights, tokens, records, ignore_index=-100, clip=1.0, **hyper):
    """Trains the reference beside the program's metrics: loss to 1e-5, grad_norm to 1e-4 at every step."""
    optimizer = llama_numpy.AdamW(weights, **hyper)
    for record, (inputs, targets) in zip(records, batches(tokens, len(records))):
        loss, _, gradients = llama_numpy.Llama(config, weights).loss_and_gradients(inputs, targets, ignore_index)
        assert abs(record["loss"] / loss - 1) < 1e-5, record
        assert abs(record["grad_norm"] / llama_numpy.global_norm(gradients) - 1) < 1e-4, record
        weights = optimizer.step(weights, llama_numpy.clipped(gradients, clip), record["lr"])
    return weights


def compare_weights(folder, expected):
    """Exported weights to 1e-4, L2."""
    exported = hf.read_weights(folder)
    assert set(exported) == set(expected)
    for name in expected:
        assert relative(exported[name], expected[name]) < 1e-4, name


@models
@meshes
def test_training_follows_the_reference(work, tmp_path, model, mesh):
    config, steps = MODELS[model], 20
    folder, weights = work.weights(config)
    tokens = random_tokens(config, steps * BATCH * SEQUENCE + 1)
    records = train(work.program(config, MESHES[mesh]), str(tmp_path), "--load", folder, "--steps", steps, *TRAIN,
                    "--data", write_tokens(tmp_path / "t.bin", tokens), "--export-hf", tmp_path / "out")
    assert [record["step"] for record in records] == list(range(1, steps + 1))
    compare_weights(tmp_path / "out", follow(config, weights, tokens, records))
    assert hf.read_config(tmp_path / "out")["hidden_size"] == config["hidden_size"]


@meshes
def test_ignored_targets_placed_unequally(work, tmp_path, mesh):
    """Nearly all targets of the first half of the batch are ignored, few of the second: a mean of means would show."""
    config, steps = GROUPED, 20
    folder, weights = work.weights(config)
    tokens = random_tokens(config, steps * BATCH * SEQUENCE + 1)
    place = np.arange(tokens.size) // SEQUENCE % BATCH
    tokens[(place < BATCH // 2) & (np.arange(tokens.size) % 5 != 0)] = 0
    tokens[(place >= BATCH // 2) & (np.arange(tokens.size) % 11 == 0)] = 0
    records = train(work.program(config, MESHES[mesh], plan="tutorial-loss-parallel"), str(tmp_path), "--load", folder,
                    "--steps", steps, *TRAIN, "--ignore-index", 0, "--data", write_tokens(tmp_path / "t.bin", tokens),
                    "--export-hf", tmp_path / "out")
    assert len(records) == steps
    compare_weights(tmp_path / "out", follow(config, weights, tokens, records, ignore_index=0))


# Values that change the weights visibly: with any of them left at its default the reference is left behind.
HYPER = {"betas": (0.5, 0.7), "eps": 1e-3, "weight_decay": 0.7, "clip": 0.3}


def run_with_hyper_parameters(work, folder, mesh, hyper, steps=6):
    """Records of a run with these flags, its tokens, initial weights and the folder it exports to."""
    weights_folder, weights = work.weights(GROUPED)
    tokens = random_tokens(GROUPED, steps * BATCH * SEQUENCE + 1)
    out = os.path.join(folder, "out")
    records = train(work.program(GROUPED, MESHES[mesh]), folder, "--load", weights_folder, "--steps", steps,
                    "--lr", "1e-2", "--warmup", 0, "--betas", ",".join(map(str, hyper["betas"])), "--eps", hyper["eps"],
                    "--weight-decay", hyper["weight_decay"], "--clip", hyper["clip"], "--export-hf", out,
                    "--data", write_tokens(os.path.join(folder, "t.bin"), tokens))
    return records, tokens, weights, out


@pytest.mark.parametrize("mesh", ["tp1", "tp2", "dp2tp2"])
def test_hyper_parameters(work, tmp_path, mesh):
    records, tokens, weights, out = run_with_hyper_parameters(work, str(tmp_path), mesh, HYPER)
    assert max(record["grad_norm"] for record in records) > HYPER["clip"]
    compare_weights(out, follow(GROUPED, weights, tokens, records, **HYPER))


@pytest.mark.parametrize("left_out, standard", [("betas", (0.9, 0.99)), ("eps", 1e-8), ("weight_decay", 0.1), ("clip", 1.0)])
def test_every_hyper_parameter_shows(work, tmp_path, left_out, standard):
    """What test_hyper_parameters would say of a program that ignores one of the flags."""
    records, tokens, weights, out = run_with_hyper_parameters(work, str(tmp_path), "tp1", {**HYPER, left_out: standard})
    with pytest.raises(AssertionError):
        compare_weights(out, follow(GROUPED, weights, tokens, records, **HYPER))


def test_no_clipping(work, tmp_path):
    """--clip 0 clips nothing."""
    records, tokens, weights, out = run_with_hyper_parameters(work, str(tmp_path), "tp2", {**HYPER, "clip": 0})
    compare_weights(out, follow(GROUPED, weights, tokens, records, **{**HYPER, "clip": math.inf}))


@pytest.mark.parametrize("count", [BATCH * SEQUENCE + 1, 7 * SEQUENCE + 6, 2 * SEQUENCE, SEQUENCE + 1])
@pytest.mark.parametrize("mesh", ["tp2", "dp2tp2"])
def test_held_out_loss_counts_every_target(work, tmp_path, mesh, count):
    """Neither the last sequence nor the last batch of a held-out file need be full, and token 3 is ignored."""
    folder, weights = work.weights(GROUPED)
    tokens = random_tokens(GROUPED, count)
    records = held_out_losses(work.program(GROUPED, MESHES[mesh]), tmp_path, folder, tokens)
    model, total, valid = llama_numpy.Llama(GROUPED, weights), 0, 0
    for start in range(0, tokens.size - 1, SEQUENCE):
        inputs, targets = tokens[start:start + SEQUENCE], tokens[start + 1:start + SEQUENCE + 1]
        number = np.count_nonzero(targets != 3)
        total += number * model.loss_and_gradients(inputs[None, :targets.size], targets[None], 3)[0]
        valid += number
    assert records == pytest.approx([total / valid], rel=1e-5)


def held_out_losses(program, folder, weights, tokens):
    path = folder / "held-out.jsonl"
    data = write_tokens(folder / "t.bin", tokens)
    result = run(program, "--load", weights, "--data", data, "--steps", 0, "--validation", data, "--ignore-index", 3,
                 "--metrics", path)
    assert result.returncode == 0, result.stderr
    return [json.loads(line)["validation_loss"] for line in path.read_text().splitlines()]


@pytest.mark.parametrize("scheme", ["normal", "torch"])
def test_model_is_the_same_at_every_tp_size(work, tmp_path, scheme):
    """Elsewhere each rank draws its shard, so that the size of tp alone moves the first loss (pytorch/pytorch#168058)."""
    data = write_tokens(tmp_path / "t.bin", random_tokens(GROUPED, BATCH * SEQUENCE + 1))
    first = None
    for name, mesh in MESHES.items():
        result = run(work.program(GROUPED, mesh), "--data", data, "--steps", 0, "--seed", 3, "--init", scheme,
                     "--export-hf", tmp_path / name)
        assert result.returncode == 0, result.stderr
        weights = hf.read_weights(tmp_path / name)
        assert {key: w.shape for key, w in weights.items()} == llama_numpy.parameter_shapes(GROUPED)
        first = first or weights
        for key in weights:
            assert (weights[key] == first[key]).all(), (name, key)
    check_distribution(first, scheme)


def check_distribution(weights, scheme):
    """Standard deviations within 4 standard errors of what the scheme says; norms exactly 1."""
    for name, w in weights.items():
        if name.endswith("norm.weight"):
            assert (w == 1).all()
            continue
        spread = GROUPED["initializer_range"]
        if scheme == "torch":
            bound = 1 / math.sqrt(w.shape[1])
            spread = 1.0 if "embed" in name else bound / math.sqrt(3)
            assert "embed" in name or np.abs(w).max() <= bound * (1 + 1e-6)
        assert abs(np.std(w) / spread - 1) < 4 / math.sqrt(2 * w.size), name
        assert abs(np.mean(w)) < 4 * spread / math.sqrt(w.size), name


def test_learning_rate(work, tmp_path):
    """Warm-up lr (0.1 + 0.9 k / W), then a cosine that ends at --min-lr."""
    data = write_tokens(tmp_path / "t.bin", random_tokens(GROUPED, 1024))
    records = train(work.program(GROUPED, MESHES["tp1"]), str(tmp_path), "--data", data, "--steps", 12, "--lr", 0.01,
                    "--warmup", 4, "--decay-steps", 12, "--min-lr", 0.001)
    rates = [record["lr"] for record in records]
    assert rates[:4] == pytest.approx([0.01 * (0.1 + 0.9 * k / 4) for k in range(4)], rel=1e-6)
    assert rates[4:] == sorted(rates[4:], reverse=True) and rates[4] == pytest.approx(0.01, rel=1e-6)
    assert 0.001 <= rates[-1] < 0.0015


def test_metrics_are_complete(work, tmp_path):
    data = write_tokens(tmp_path / "t.bin", random_tokens(GROUPED, 1024))
    record = train(work.program(GROUPED, MESHES["tp2"]), str(tmp_path), "--data", data, "--steps", 1)[0]
    assert {"step", "loss", "lr", "grad_norm", "tokens_per_s", "mfu"} <= set(record)
    assert record["loss"] == pytest.approx(math.log(GROUPED["vocab_size"]), abs=0.2)
    assert record["tokens_per_s"] > 0 and record["mfu"] > 0


@pytest.mark.parametrize("kind", ["bin", "txt"])
def test_data_wraps_around(work, tmp_path, kind):
    """One batch of data: every step sees the same sequences. A text file's bytes are its tokens."""
    config = {**GROUPED, "vocab_size": 256}
    tokens = random_tokens(config, BATCH * SEQUENCE + 1)
    data = tmp_path / f"t.{kind}"
    tokens.astype("<u2" if kind == "bin" else "u1").tofile(data)
    records = train(work.program(config, MESHES["tp1"]), str(tmp_path), "--data", data, "--steps", 3, "--lr", 0)
    assert len({record["loss"] for record in records}) == 1
