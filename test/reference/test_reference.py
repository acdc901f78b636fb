"""The NumPy reference against stored results of Hugging Face transformers, and against finite differences."""
import json
import os

import numpy as np
import pytest

import llama_numpy
import make_fixture
from tpc import hf

FOLDER = os.path.join(os.path.dirname(os.path.abspath(__file__)), "fixtures")


def relative(found, expected):
    """L2 distance over L2 norm."""
    return np.linalg.norm(found - expected) / max(np.linalg.norm(expected), 1e-30)


@pytest.fixture(scope="module", params=sorted(make_fixture.VARIANTS))
def case(request):
    path = os.path.join(FOLDER, f"{request.param}.safetensors")
    metadata = hf.read_metadata(path)
    config = json.loads(metadata["config"])
    weights = llama_numpy.random_weights(config, int(metadata["seed"]))
    assert make_fixture.checksum(weights) == metadata["weights_sha256"], "NumPy's generator gave other weights"
    stored = hf.read_safetensors(path)
    model = llama_numpy.Llama(config, weights)
    loss, logits, gradients = model.loss_and_gradients(stored["tokens"], stored["targets"],
                                                       int(metadata["ignore_index"]))
    return {"stored": stored, "weights": weights, "loss": loss, "logits": logits, "gradients": gradients,
            "metadata": metadata}


def test_says_how_it_was_made(case):
    assert "transformers 4" in case["metadata"]["made_by"]


def test_logits_and_loss(case):
    assert relative(case["logits"], case["stored"]["logits"]) < 1e-6
    assert abs(case["loss"] / float(case["stored"]["loss"]) - 1) < 1e-6


def test_every_gradient(case):
    names = {name[len("gradient."):] for name in case["stored"] if name.startswith("gradient.")}
    assert names == set(case["gradients"]) == set(case["weights"])
    for name in names:
        assert relative(case["gradients"][name], case["stored"][f"gradient.{name}"]) < 3e-6, name


def test_optimizer_step(case):
    norm = llama_numpy.global_norm(case["gradients"])
    assert abs(norm / float(case["stored"]["grad_norm"]) - 1) < 1e-6
    optimizer = llama_numpy.AdamW(case["weights"])
    gradients = llama_numpy.clipped(case["gradients"], float(case["metadata"]["clip"]))
    updated = optimizer.step(case["weights"], gradients, float(case["metadata"]["rate"]))
    for name, weight in updated.items():
        assert relative(weight, case["stored"][f"updated.{name}"]) < 1e-5, name


@pytest.mark.parametrize("name", ["model.embed_tokens.weight", "model.layers.0.self_attn.k_proj.weight",
                                  "model.layers.1.input_layernorm.weight", "model.layers.0.mlp.gate_proj.bias"])
def test_finite_differences(name):
    config = {**make_fixture.BASE, **make_fixture.VARIANTS["linear-biases-tied"]}
    weights = {key: w.astype(np.float64) for key, w in llama_numpy.random_weights(config, 3).items()}
    tokens, targets = make_fixture.batch(config)
    gradient = llama_numpy.Llama(config, weights).loss_and_gradients(tokens, targets)[2][name]
    direction = np.random.default_rng(5).standard_normal(gradient.shape)

    def loss(distance):
        moved = {**weights, name: weights[name] + distance * direction}
        return llama_numpy.Llama(config, moved).loss_and_gradients(tokens, targets)[0]
    slope = (loss(1e-5) - loss(-1e-5)) / 2e-5
    assert abs(slope - np.sum(gradient * direction)) < 1e-7 * max(1.0, abs(slope))


def test_all_targets_ignored_is_zero():
    config = make_fixture.BASE
    weights = llama_numpy.random_weights(config, 3)
    tokens, targets = make_fixture.batch(config)
    loss, _, gradients = llama_numpy.Llama(config, weights).loss_and_gradients(tokens, np.full_like(targets, -100))
    assert loss == 0.0 and all(not gradient.any() for gradient in gradients.values())


def test_both_spellings_of_rope():
    old = {**make_fixture.BASE, "rope_theta": 5e5, "rope_scaling": {"type": "linear", "factor": 4.0}}
    new = {**make_fixture.BASE, "rope_parameters": {"rope_type": "linear", "factor": 4.0, "rope_theta": 5e5}}
    del new["rope_theta"]
    assert (llama_numpy.inverse_frequencies(old) == llama_numpy.inverse_frequencies(new)).all()
