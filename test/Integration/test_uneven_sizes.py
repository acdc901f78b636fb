"""Sizes that the mesh does not divide, where other stacks hang, diverge in silence or drop what was asked for
(pytorch/torchtitan#1306, NVIDIA/Megatron-LM#1754, pytorch/pytorch#143372, google/jax#27808), for every number of ranks up to the query heads: padding is nowhere to be seen."""
import os
import shutil

import numpy as np
import pytest

import llama_numpy
from harness import (GROUPED, PLANS, batches, call, complain, random_tokens, relative, run, tool, train,
                     write_tokens)
from tpc import hf

# The tutorial's heads (3 key/value heads, 4 query heads each); neither vocabulary nor hidden units divide by anything.
ODD = {**GROUPED, "vocab_size": 257, "intermediate_size": 83}
BATCH, SEQUENCE, STEPS = 3, 14, 10
SHAPE = {"batch": BATCH, "seq": SEQUENCE}
MESHES = {"tp3": "dp=1,tp=3", "tp5": "dp=1,tp=5", "tp6": "dp=1,tp=6", "tp7": "dp=1,tp=7", "tp12": "dp=1,tp=12",
          "dp2": "dp=2,tp=1", "dp2tp5": "dp=2,tp=5"}
TRAIN = ["--lr", "1e-3", "--warmup", 0, "--decay-steps", 100, "--clip", 1.0, "--seed", 3]


@pytest.fixture
def tokens(tmp_path):
    return write_tokens(tmp_path / "odd.bin", random_tokens(ODD, STEPS * BATCH * SEQUENCE + 1))


@pytest.mark.parametrize("plan", ["tutorial", "tutorial-loss-parallel"])
@pytest.mark.parametrize("mesh", MESHES)
def test_training_equals_one_rank(work, tmp_path, tokens, mesh, plan):
    alone = train(work.program(ODD, "dp=1,tp=1", **SHAPE), str(tmp_path), "--data", tokens, *TRAIN, "--steps", STEPS)
    (tmp_path / "metrics.jsonl").unlink()
    split = train(work.program(ODD, MESHES[mesh], plan, **SHAPE), str(tmp_path), "--data", tokens, *TRAIN,
                  "--steps", STEPS)
    assert len(alone) == len(split) == STEPS
    for one, other in zip(alone, split):
        assert abs(other["loss"] / one["loss"] - 1) < 1e-5, other
        assert abs(other["grad_norm"] / one["grad_norm"] - 1) < 1e-4, other


def test_parameters_that_no_rank_count_divides_are_shared_out(work, tmp_path):
    """48 features and 83 hidden units over five ranks; every parameter has a dimension of five elements or more."""
    shape, words = {"batch": 5, "seq": SEQUENCE}, ["--dp-mode=fsdp"]
    data = write_tokens(tmp_path / "five.bin", random_tokens(ODD, STEPS * 5 * SEQUENCE + 1))
    alone = train(work.program(ODD, "dp=1,tp=1", **shape), str(tmp_path), "--data", data, *TRAIN, "--steps", STEPS)
    (tmp_path / "metrics.jsonl").unlink()
    program = work.program(ODD, "dp=5,tp=1", **shape, extra=words)
    split = train(program, str(tmp_path), "--data", data, *TRAIN, "--steps", STEPS)
    assert len(alone) == len(split) == STEPS
    for one, other in zip(alone, split):
        assert abs(other["loss"] / one["loss"] - 1) < 1e-5, other
        assert abs(other["grad_norm"] / one["grad_norm"] - 1) < 1e-4, other


COLUMNS = """- plan:
    base_model.embed_tokens: ColwiseParallel(input_layouts=Replicate(), output_layouts=Shard(-1))
"""


def test_hidden_size_is_split(work, tmp_path, tokens):
    """The embedding by columns, 48 over five ranks: norms see the 48 columns that there are."""
    plan = tmp_path / "columns.yaml"
    plan.write_text(COLUMNS)
    alone = train(work.program(ODD, "dp=1,tp=1", **SHAPE), str(tmp_path), "--data", tokens, *TRAIN, "--steps", 3)
    (tmp_path / "metrics.jsonl").unlink()
    split = train(work.program(ODD, "dp=1,tp=5", str(plan), **SHAPE), str(tmp_path), "--data", tokens, *TRAIN,
                  "--steps", 3)
    for one, other in zip(alone, split):
        assert abs(other["loss"] / one["loss"] - 1) < 1e-5, other
        assert abs(other["grad_norm"] / one["grad_norm"] - 1) < 1e-4, other


@pytest.mark.parametrize("mesh", ["tp5", "dp2tp5"])
def test_gradients_have_logical_shapes(work, tmp_path, tokens, mesh):
    folder, weights = work.weights(ODD)
    program = work.program(ODD, MESHES[mesh], **SHAPE)
    path = tmp_path / "gradients.safetensors"
    record, = train(program, str(tmp_path), "--load", folder, "--data", tokens, *TRAIN, "--steps", 1,
                    "--dump-gradients", path)
    inputs, targets = next(batches(np.fromfile(tokens, "<u2").astype(int), 1, **SHAPE))
    loss, _, gradients = llama_numpy.Llama(ODD, weights).loss_and_gradients(inputs, targets)
    assert abs(record["loss"] / loss - 1) < 1e-5
    found = hf.read_safetensors(path)
    assert set(found) == set(gradients)
    for name, gradient in gradients.items():
        assert relative(found[name], gradient) < 1e-5, name


@pytest.mark.parametrize("mesh", ["tp3", "tp7", "dp2tp5"])
def test_logits_have_logical_shapes(work, tmp_path, tokens, mesh):
    folder, weights = work.weights(ODD)
    program = work.program(ODD, MESHES[mesh], mode="forward", **SHAPE)
    result = run(program, "--load", folder, "--data", tokens, "--logits", tmp_path / "logits.safetensors")
    assert result.returncode == 0, result.stderr
    inputs, _ = next(batches(np.fromfile(tokens, "<u2").astype(int), 1, **SHAPE))
    logits = hf.read_safetensors(tmp_path / "logits.safetensors")["logits"]
    assert relative(logits, llama_numpy.Llama(ODD, weights).logits(inputs)) < 1e-5


def test_the_first_model_is_that_of_one_rank(work, tmp_path, tokens):
    """Draws are numbered by logical elements, and exports hold nothing else."""
    for name, mesh in (("one", "dp=1,tp=1"), ("five", MESHES["tp5"])):
        result = run(work.program(ODD, mesh, **SHAPE), "--data", tokens, "--steps", 0, "--seed", 9,
                     "--export-hf", tmp_path / name)
        assert result.returncode == 0, result.stderr
    one, five = hf.read_weights(tmp_path / "one"), hf.read_weights(tmp_path / "five")
    assert set(one) == set(five)
    assert all((one[name] == five[name]).all() for name in one)


def test_checkpoints_hold_no_padding(work, tmp_path, tokens):
    """What five ranks saved goes on on five, bit for bit, and on two, which pad otherwise."""
    five, two = (work.program(ODD, mesh, **SHAPE) for mesh in (MESHES["tp5"], "dp=1,tp=2"))
    flags = ["--data", tokens, *TRAIN]
    whole = train(five, str(tmp_path), *flags, "--steps", STEPS)
    (tmp_path / "metrics.jsonl").unlink()
    train(five, str(tmp_path), *flags, "--steps", 4, "--save", tmp_path / "saved")
    for program, tolerance in ((five, 0), (two, 1e-5)):
        (tmp_path / "metrics.jsonl").unlink()
        rest = train(program, str(tmp_path), *flags, "--steps", STEPS, "--save", tmp_path / "saved", "--resume")
        assert [record["step"] for record in rest] == list(range(5, STEPS + 1))
        for one, other in zip(whole[4:], rest):
            assert abs(other["loss"] / one["loss"] - 1) <= tolerance, other
        shutil.rmtree(tmp_path / "saved" / f"step-{STEPS:08}")


def test_description_speaks_of_logical_shapes(work):
    result = run(work.program(ODD, MESHES["tp5"], **SHAPE), "--describe")
    assert result.returncode == 0
    lines = [line for line in result.stdout.splitlines() if "lm_head.weight" in line]
    assert len(lines) == 1 and "257x48" in lines[0] and lines[0].endswith("here 52x48 with padding"), lines


def test_padding_is_listed_apart(work):
    """65 rows on two ranks: the second has one of padding, in the embedding and in the head."""
    result = run(work.program({**GROUPED, "vocab_size": 65}, "dp=1,tp=2", **SHAPE), "--describe")
    row = 4 * GROUPED["hidden_size"]
    for name, padding in (("parameters", 2 * row), ("gradients", 2 * row), ("optimizer_state", 4 * row)):
        line = next(line for line in result.stdout.split("stored on a rank:")[1].splitlines() if line.startswith("  " + name))
        assert f", of which padding at most {padding} bytes" in line, line


def test_more_ranks_than_query_heads_is_an_error(work):
    result = call([tool("tpc-compile"), work.model(ODD), "--mesh", "tp=13", "--check", "--plan",
                   os.path.join(PLANS, "tutorial.yaml")])
    complain(result, "'model.layers.0.self_attn.q_proj' has 12 query heads, fewer than tp=13: use at most tp=12")


def test_zero_eps_is_refused(work, tokens):
    """AdamW would divide zero by zero in the padding."""
    result = run(work.program(ODD, MESHES["tp5"], **SHAPE), "--data", tokens, "--steps", 1, "--eps", 0)
    complain(result, "--eps", "must be a number that is positive, got 0")
