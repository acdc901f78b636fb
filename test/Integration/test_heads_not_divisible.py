"""Heads or key/value heads that the tensor-parallel size does not divide: elsewhere a crash, an assertion or misrouted
heads, or seven collectives a layer where two suffice (8 key/value heads on 16 ranks): huggingface/transformers#48307,
#47811, pytorch/torchtitan#2574, deepspeedai/DeepSpeed#8316, vllm-project/vllm#11797."""
import json
import os

import pytest

from harness import GROUPED, PLANS, complain, call, succeed, tool

EIGHT = {**GROUPED, "hidden_size": 64, "intermediate_size": 128, "num_attention_heads": 32, "num_key_value_heads": 8}


def compiled(work, model, mesh, *extra):
    return [tool("tpc-compile"), work.model(model), "--plan", os.path.join(PLANS, "megatron.yaml"), "--mesh", mesh,
            "--batch", 1, "--seq", 32, *extra]


def keys_and_values(report):
    return [c for c in report["collectives"] if c["phase"] == "forward" and
            c["module"].startswith("model.layers.0.self_attn.") and not c["module"].endswith("o_proj")]


@pytest.mark.parametrize("model, mesh", [(GROUPED, "tp=2"), (GROUPED, "tp=4"), (EIGHT, "tp=16")])
def test_at_most_two_collectives_for_keys_and_values(work, model, mesh):
    report = json.loads(succeed(compiled(work, model, mesh, "--explain=json")).stdout)
    assert len(keys_and_values(report)) <= 2
    assert {c["module"].rsplit(".")[-1] for c in keys_and_values(report)} <= {"k_proj", "v_proj"}


def test_none_where_the_size_divides_them(work):
    report = json.loads(succeed(compiled(work, EIGHT, "tp=8", "--explain=json")).stdout)
    assert keys_and_values(report) == []


def test_more_ranks_than_query_heads(work):
    complain(call(compiled(work, GROUPED, "tp=16", "--explain=json")), "12 query heads")
