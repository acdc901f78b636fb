"""Plans written by `tpc.plan`, derived by the compiler and taken from Hugging Face mean what the examples' files mean."""
import json
import os
import re

import pytest

from harness import GROUPED, PLANS, ROOT, succeed, tool
from tpc.plan import *

TUTORIAL = os.path.join(ROOT, "examples", "tutorial-llama")


def layouts(model, plan, path, *extra):
    """The program with all layouts, without locations."""
    succeed([tool("tpc-compile"), model, "--plan", plan, "--mesh", "dp=1,tp=2", "--batch", 2, "--seq", 16,
             "--emit=layouts", "-o", path, *extra])
    return succeed([tool("tpc-opt"), path]).stdout


def test_written_plan_is_the_examples(work, tmp_path):
    layer = {
        "input_layernorm": SequenceParallel(),
        "self_attn": PrepareModuleInput(input_kwarg_layouts={"hidden_states": Shard(1)},
                                        desired_input_kwarg_layouts={"hidden_states": Replicate()}),
        "self_attn.[qkv]_proj": ColwiseParallel(input_layouts=Replicate()),
        "self_attn.o_proj": RowwiseParallel(output_layouts=Shard(-2)),
        "post_attention_layernorm": SequenceParallel(sequence_dim=-2),
        "mlp": PrepareModuleInput(input_layouts=(Shard(1),), desired_input_layouts=(Replicate(),)),
        "mlp.gate_proj": "colwise",
        "mlp.up_proj": "local_colwise",
        "mlp.down_proj": RowwiseParallel(input_layouts=Shard(2), output_layouts=Shard(1), use_local_output=False),
    }
    top = {
        "embed_tokens": RowwiseParallel(input_layouts=Replicate(), output_layouts=Shard(1)),
        "model.norm": SequenceParallel(),
        "lm_head": ColwiseParallel(input_layouts=Shard(1)),
    }
    for name in ("plan.yaml", "plan.json"):
        write_plan(tmp_path / name, ("layers.*", layer), top)
        assert layouts(work.model(GROUPED), tmp_path / name, tmp_path / "a.mlir") == layouts(
            work.model(GROUPED), os.path.join(PLANS, "megatron.yaml"), tmp_path / "b.mlir")


def received(model, mesh, *plan):
    words = [tool("tpc-compile"), model, "--mesh", mesh, "--batch", 1, "--seq", 512, "--explain=json", *plan]
    return json.loads(succeed(words).stdout)["totals"]["bytes"]["all"]


@pytest.mark.parametrize("tp", [2, 4])
def test_derived_plan_receives_no_more_than_megatrons(tp):
    mesh = f"dp=1,tp={tp}"
    best = received(TUTORIAL, mesh, "--plan", os.path.join(PLANS, "megatron.yaml"))
    assert received(TUTORIAL, mesh) == received(TUTORIAL, mesh, "--plan=auto") <= best


def test_derived_plan_does_not_look_at_names(tmp_path):
    succeed([tool("tpc-compile"), TUTORIAL, "--mesh", "dp=1,tp=2", "--batch", 1, "--seq", 512, "--emit=import", "-o",
             tmp_path / "llama.mlir"])
    text = (tmp_path / "llama.mlir").read_text()
    names = sorted(set(re.findall(r"\b(?:model|lm_head|layers|self_attn|mlp|norm|\w+_proj|\w+_layernorm|embed_tokens)\b(?=[.\"])",
                                  text)))
    assert len(names) > 10
    for number, name in enumerate(names):
        text = re.sub(rf"\b{name}\b(?=[.\"])", f"part{number}", text)
    (tmp_path / "other.mlir").write_text(text)
    words = ["--mesh", "dp=1,tp=2", "--explain=json"]
    totals = [json.loads(succeed([tool("tpc-compile"), tmp_path / name, *words]).stdout)["totals"]["bytes"]["all"]
              for name in ("llama.mlir", "other.mlir")]
    assert totals[0] == totals[1] == received(TUTORIAL, "dp=1,tp=2")


def test_no_plan_at_all_splits_nothing_over_one_rank(work, tmp_path):
    succeed([tool("tpc-compile"), work.model(GROUPED), "--mesh", "dp=2", "--batch", 2, "--seq", 16, "--emit=layouts",
             "-o", tmp_path / "dp.mlir"])
    assert '"tp"' not in (tmp_path / "dp.mlir").read_text()


def test_plan_none_replicates(work, tmp_path):
    assert '{"tp"}' not in layouts(work.model(GROUPED), "none", tmp_path / "none.mlir")
