"""Every example is run: models, plans, and the text of the quickstart in small."""
import os

import pytest

from harness import PLANS, ROOT, run, succeed, tool, train
from tpc import hf

EXAMPLES = os.path.join(ROOT, "examples")
PLAN_NAMES = sorted(name[:-5] for name in os.listdir(PLANS))


@pytest.mark.parametrize("plan", PLAN_NAMES)
@pytest.mark.parametrize("mesh", ["dp=1,tp=1", "dp=1,tp=2", "dp=1,tp=4", "dp=2,tp=2"])
@pytest.mark.parametrize("model", ["tutorial-llama", "tiny-llama"])
def test_check(model, mesh, plan):
    succeed([tool("tpc-compile"), os.path.join(EXAMPLES, model), "--plan", os.path.join(PLANS, plan + ".yaml"), "--mesh",
             mesh, "--mode", "train", "--batch", 4, "--seq", 512, "--check"])


def test_tiny_llama_learns(work, tmp_path):
    """Thirty steps on one licence text: the loss per byte leaves ln(256) = 5.55 behind, and the held-out loss with it."""
    text = open("/usr/share/common-licenses/GPL-3", "rb").read()
    (tmp_path / "train.txt").write_bytes(text[:30000])
    (tmp_path / "heldout.txt").write_bytes(text[30000:])
    program = work.program(hf.read_config(os.path.join(EXAMPLES, "tiny-llama")), "dp=1,tp=2", batch=4, seq=128)
    records = train(program, str(tmp_path), "--data", tmp_path / "train.txt", "--validation",
                    tmp_path / "heldout.txt", "--steps", 30, "--lr", "3e-3", "--warmup", 5, "--seed", 1)
    losses = [record["loss"] for record in records if "loss" in record]
    heldout = [record["validation_loss"] for record in records if record.get("validation_loss") is not None]
    assert losses[0] == pytest.approx(5.55, abs=0.15)
    assert losses[-1] < losses[0] - 1.5
    assert heldout[0] == pytest.approx(5.55, abs=0.15) and heldout[-1] < heldout[0] - 1


def test_tutorial_llama_first_loss(work, tmp_path):
    """ln(50000) = 10.8 for a model that knows nothing."""
    config = hf.read_config(os.path.join(EXAMPLES, "tutorial-llama"))
    program = work.program(config, "dp=1,tp=2", batch=1, seq=64)
    (tmp_path / "t.txt").write_bytes(bytes(range(256)) * 2)
    records = train(program, str(tmp_path), "--data", tmp_path / "t.txt", "--steps", 1, "--seed", 1,
                    timeout=400)
    assert 10.6 < records[0]["loss"] < 11.1
    described = run(program, "--describe").stdout
    assert "lm_head.weight" in described and "50000x768" in described
