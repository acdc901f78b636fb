"""Plans of `--emit-plan=pytorch` in PyTorch itself: transformers' Llama on two processes, with the plan as tpc wrote it and
the edits that its comments name, has the loss and the gradients of the whole model. Skipped where PyTorch is missing
(docs/testing.md says how to get it)."""
import importlib.util
import json
import os
import sys

import pytest

from harness import GROUPED, HERE, PLANS, call, complain, succeed, tool

needs_torch = pytest.mark.skipif(
    not all(importlib.util.find_spec(name) for name in ("torch", "transformers")), reason="PyTorch is not installed")

# Two and three key/value heads: split by two ranks, and not.
CONFIGS = {"split": {**GROUPED, "num_attention_heads": 4, "num_key_value_heads": 2},
           "whole": {**GROUPED, "num_attention_heads": 6, "num_key_value_heads": 3}}
# Names as transformers has them.
FILES = {name: os.path.join(PLANS, name + ".yaml") for name in ("tutorial", "tutorial-loss-parallel", "megatron")}


def emit(tmp_path, config, plan, *extra, mesh="tp=2"):
    """The path of the emitted plan, and its text."""
    (tmp_path / "config.json").write_text(json.dumps(config))
    if plan in FILES:
        with open(FILES[plan], encoding="utf-8") as file:
            (tmp_path / "plan.yaml").write_text(file.read().replace("base_model.", "model."))
        plan = tmp_path / "plan.yaml"
    text = succeed([tool("tpc-compile"), tmp_path, "--plan", plan, "--mesh", mesh, "--batch", 2, "--seq", 32,
                    "--emit-plan=pytorch", *extra]).stdout
    (tmp_path / "plan.py").write_text(text)
    return tmp_path / "plan.py", text


@needs_torch
@pytest.mark.parametrize("heads", CONFIGS)
@pytest.mark.parametrize("plan", [*FILES, "auto", "hf"])
def test_emitted_plan_computes_the_same_in_pytorch(tmp_path, plan, heads):
    path, _ = emit(tmp_path, CONFIGS[heads], plan)
    check(tmp_path, path)


@needs_torch
def test_emitted_strict_plan_computes_the_same_in_pytorch(tmp_path):
    path, text = emit(tmp_path, CONFIGS["split"], "tutorial", "--plan-policy=strict")
    assert "RowwiseParallel(input_layouts=Replicate(), output_layouts=Shard(1))" in text
    check(tmp_path, path)


def check(tmp_path, path):
    result = json.loads(succeed([sys.executable, os.path.join(HERE, "pytorch_ranks.py"), tmp_path / "config.json", path, 2],
                                timeout=300).stdout)
    assert result["losses"][0] == pytest.approx(result["losses"][1], rel=1e-5)
    assert max(result["gradients"].values()) < 1e-4, result


def test_keys_begin_at_the_root(tmp_path):
    """parallelize_module finds nothing by "layers.*", and says so in a warning at most."""
    _, text = emit(tmp_path, CONFIGS["split"], "hf")
    assert '"model.layers.*.mlp.up_proj": ColwiseParallel()' in text and '"layers.' not in text
    assert '"lm_head": ' in text


def test_what_strict_keeps_is_emitted(tmp_path):
    """Attention takes and leaves whole heads: its output is whole where o_proj gets it."""
    _, text = emit(tmp_path, CONFIGS["split"], "tutorial", "--plan-policy=strict")
    assert '.q_proj": ColwiseParallel(output_layouts=Replicate())' in text
    assert '.o_proj": RowwiseParallel(input_layouts=Replicate(), output_layouts=Shard(1))' in text
    assert "Heads stay split" not in text


def test_heads_that_are_not_split_are_gathered(tmp_path):
    """Half of 3 heads' rows is no head: the model gets all, and sums their gradients."""
    _, text = emit(tmp_path, CONFIGS["whole"], "auto")
    for name in ("k_proj", "v_proj"):
        assert f'.{name}": ColwiseParallel(output_layouts=Replicate(), use_local_output=False)' in text
    assert "grad_placements=[Partial()]" in text and "[rank * 3 : (rank + 1) * 3]" in text


def test_edits_are_named(tmp_path):
    _, text = emit(tmp_path, CONFIGS["split"], "tutorial-loss-parallel")
    assert "view queries with 4 // 2 = 2 heads" in text and "with 2 // 2 = 1" in text
    for edit in ("input_kwarg_layouts", "position_ids", "loss_parallel()"):
        assert edit in text


def test_the_only_axis_may_have_any_name(tmp_path):
    assert emit(tmp_path, CONFIGS["split"], "tutorial", mesh="model=2") == emit(tmp_path, CONFIGS["split"], "tutorial")


def test_a_module_has_one_key(tmp_path):
    """parallelize_module applies every key that matches, and refuses to distribute a parameter twice."""
    (tmp_path / "over.yaml").write_text("""- plan:
    model.layers.*.mlp.up_proj: ColwiseParallel()
    model.layers.0.mlp.up_proj: ColwiseParallel(output_layouts=Replicate())
    model.layers.*.mlp.gate_proj: ColwiseParallel()
""")
    _, text = emit(tmp_path, CONFIGS["split"], tmp_path / "over.yaml", "--plan-policy=strict")
    assert '"model.layers.0.mlp.up_proj": ColwiseParallel(output_layouts=Replicate())' in text
    assert '"model.layers.1.mlp.up_proj": ColwiseParallel()' in text
    assert '"model.layers.*.mlp.up_proj"' not in text and '"model.layers.*.mlp.gate_proj": ColwiseParallel()' in text


def test_a_module_has_no_plan_for_other_stacks(tmp_path):
    (tmp_path / "m.mlir").write_text("func.func @f(%x: tensor<4xf32>) -> tensor<4xf32> { return %x : tensor<4xf32> }")
    complain(call([tool("tpc-compile"), tmp_path / "m.mlir", "--emit-plan=hf"]), "--emit-plan", "config.json")
