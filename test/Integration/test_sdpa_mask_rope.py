"""Attention with its mask and rotary embedding under tensor parallelism. In other stacks the mask or the tables are plain
tensors beside sharded ones, which is an error (pytorch/pytorch#120333, #134050) or gives wrong gradients
(pytorch/pytorch#187443, pytorch/torchtitan#3340). Here every rank makes them for itself: attention sees whole heads, its
gradients are those of one rank, and rotation moves no data."""
import re

import pytest

from harness import GROUPED, LLAMA3, complain, succeed, tool
from test_bad_input import compile_

KEYWORDS = ('- plan:\n    "layers.*.self_attn": \'PrepareModuleInput(input_kwarg_layouts={{"hidden_states": Shard(1), '
            '"{rope}": {layout}, "{mask}": None}}, desired_input_kwarg_layouts={{"hidden_states": Replicate(), '
            '"{rope}": Replicate(), "{mask}": None}})\'\n')
HEADS = "".join(f'    "layers.*.self_attn.{name}_proj": {style}\n'
                for name, style in (("[qkv]", "ColwiseParallel()"), ("o", "RowwiseParallel(output_layouts=Shard(1))")))


@pytest.mark.parametrize("rope, mask", [("position_embeddings", "attention_mask"), ("rope", "attn_mask")])
def test_inputs_are_bound_by_name(tmp_path, rope, mask):
    plan = KEYWORDS.format(rope=rope, mask=mask, layout="Replicate()") + HEADS
    assert compile_(str(tmp_path), plan=plan, extra=["--check"]).returncode == 0


def test_tables_cannot_be_sharded(tmp_path):
    plan = KEYWORDS.format(rope="rope", mask="attn_mask", layout="Shard(1)") + HEADS
    complain(compile_(str(tmp_path), plan=plan), "plan.yaml:2:", "input 1 of 'model.layers.0.self_attn'",
             "can only be Replicate(), got Shard(1)")


@pytest.mark.parametrize("model", [GROUPED, LLAMA3], ids=["grouped", "llama3"])
@pytest.mark.parametrize("tp", [2, 4])
def test_sdpa_mask_rope_gradients_equal_one_rank(tmp_path, model, tp):
    """The whole step, gradients before clipping included, on tp ranks against one."""
    config = {**model, "num_hidden_layers": 1}
    plan = KEYWORDS.format(rope="rope", mask="attn_mask", layout="Replicate()") + HEADS
    for mesh, name in ((1, "one.mlir"), (tp, "all.mlir")):
        result = compile_(str(tmp_path), config, plan=plan, mesh=f"dp=1,tp={mesh}", batch=2, seq=8, output=name,
                          extra=["--emit=local"])
        assert result.returncode == 0, result.stderr
    text = succeed([tool("tpc-interpret"), tmp_path / "all.mlir", "--against", tmp_path / "one.mlir", "--tolerance", 1e-7,
                    "--inputs=random", "--ids", 16]).stdout
    assert re.search(r"@step: \d+ results agree", text)


def test_rotation_and_attention_cause_no_collective(tmp_path):
    """Heads that tp divides: between the projections there is no collective."""
    config = {**LLAMA3, "num_hidden_layers": 1}
    result = compile_(str(tmp_path), config, plan="- plan:\n" + HEADS, batch=2, seq=8, output="local.mlir",
                      extra=["--emit=local"])
    assert result.returncode == 0, result.stderr
    loss = (tmp_path / "local.mlir").read_text().split("func.func @loss")[1].split("func.func")[0]
    ops = re.findall(r"tpc\.(rope|attention|all_gather|all_reduce|reduce_scatter|all_to_all|permute)\b", loss)
    first, last = ops.index("rope"), ops.index("attention")
    assert ops[first:last + 1] == ["rope", "rope", "attention"]
