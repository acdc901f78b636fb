"""The norm of gradients that lie in different ways: split over tp, over dp, over both, or whole on every rank. Elsewhere
a crash or the norm of what one rank has (pytorch/pytorch#180346, #170862)."""
import pytest

from harness import BATCH, GROUPED, SEQUENCE, random_tokens, train, write_tokens

STEPS = 3
# Each step's update is cut to a hundredth of the gradient's norm or less: a wrong norm shows in the next loss.
CLIP = ["--clip", 0.01, "--lr", 1e-2, "--warmup", 0, "--betas", "0,0", "--eps", 1.0, "--weight-decay", 0, "--seed", 5]
MIXED = {"tp": ("dp=1,tp=2", ()), "tp-and-fsdp": ("dp=2,tp=2", ("--dp-mode=fsdp",)),
         "tp-and-zero1": ("dp=2,tp=2", ("--dp-mode=zero1",)),
         "replicas": ("replica=2,shard=2,tp=1", ("--dp-mode=fsdp",))}


@pytest.fixture
def tokens(tmp_path):
    return write_tokens(tmp_path / "t.bin", random_tokens(GROUPED, STEPS * BATCH * SEQUENCE + 1))


def clipped(work, tmp_path, tokens, mesh, extra=()):
    folder = tmp_path / mesh
    folder.mkdir()
    return train(work.program(GROUPED, mesh, extra=extra), str(folder), "--data", tokens, *CLIP, "--steps", STEPS)


@pytest.mark.parametrize("layout", MIXED)
def test_clipping_over_mixed_shards_is_that_of_one_rank(work, tmp_path, tokens, layout):
    alone = clipped(work, tmp_path, tokens, "dp=1,tp=1")
    split = clipped(work, tmp_path, tokens, *MIXED[layout])
    assert len(alone) == len(split) == STEPS
    for one, other in zip(alone, split):
        assert other["grad_norm"] == pytest.approx(one["grad_norm"], rel=1e-5)
        assert other["loss"] == pytest.approx(one["loss"], rel=1e-6)
