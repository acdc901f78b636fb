"""Embedding and head that share one table. Other stacks untie it under tensor parallelism, or refuse to shard it
(pytorch/torchtitan#2252, DeepSpeed's documentation of ZeRO-3). Here it is one parameter with one layout: rows of the
embedding are columns of the head."""
import re

import pytest

from harness import TIED, complain, succeed, tool
from test_bad_input import compile_

BOTH = "- plan:\n    embed_tokens: {embedding}\n    lm_head: {head}\n"
AGREE = {
    "vocabulary": BOTH.format(embedding="RowwiseParallel(input_layouts=Replicate())", head="ColwiseParallel()"),
    "features": BOTH.format(embedding="ColwiseParallel(output_layouts=Replicate())",
                            head="RowwiseParallel(input_layouts=Replicate())"),
    "one-of-them": "- plan:\n    lm_head: ColwiseParallel()\n",
    "none": None,
}


@pytest.mark.parametrize("name", AGREE)
def test_tied_embeddings_stay_one_parameter(tmp_path, name):
    config = {**TIED, "num_hidden_layers": 1}
    for mesh, output in ((1, "one.mlir"), (2, "two.mlir")):
        result = compile_(str(tmp_path), config, plan=AGREE[name], mesh=f"dp=1,tp={mesh}", batch=2, seq=8, output=output,
                          extra=["--emit=local"])
        assert result.returncode == 0, result.stderr
    text = (tmp_path / "two.mlir").read_text()
    assert "embed_tokens.weight" in text and "lm_head.weight" not in text
    agreed = succeed([tool("tpc-interpret"), tmp_path / "two.mlir", "--against", tmp_path / "one.mlir", "--tolerance",
                      1e-7, "--inputs=random", "--ids", 16]).stdout
    assert re.search(r"@step: \d+ results agree", agreed)


def test_two_ways_to_split_one_table_are_an_error(tmp_path):
    plan = BOTH.format(embedding="ColwiseParallel()", head="ColwiseParallel()")
    complain(compile_(str(tmp_path), TIED, plan=plan), "plan.yaml:3:5: error", "'lm_head' shares",
             "plan.yaml:2:5: note: the other rule, 'embed_tokens'")


def test_head_alone_cannot_be_told_to_keep_its_own_table(tmp_path):
    plan = BOTH.format(embedding="RowwiseParallel(input_layouts=Replicate())", head="replicate")
    complain(compile_(str(tmp_path), TIED, plan=plan), "plan.yaml:3:5: error", "'lm_head' shares")
