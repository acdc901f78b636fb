"""Dropout and layer norm in a compiled training step: the same losses on every mesh, none without the mask."""
import os
import re

import pytest

from harness import GROUPED, PLANS, random_tokens, succeed, tool, train, write_tokens

MESHES = ["dp=1,tp=1", "dp=1,tp=2", "dp=2,tp=2"]


def with_dropout(text, probability):
    """The imported program with dropout behind the embedding and a layer norm for the last norm."""
    values = "tensor<4x16x48xf32>"
    text, count = re.subn(
        rf"(%\w+) = tpc\.embedding (.*-> {values}.*)\n",
        rf"""%undropped = tpc.embedding \2
      %seed = arith.constant dense<7> : tensor<i64>
      \1 = tpc.dropout %undropped seed(%seed) probability {probability} stream "embed" global [4, 16, 48] : {values}, tensor<i64>
""", text)
    assert count == 1
    norms = list(re.finditer(r"tpc\.rms_norm (%\w+), (%\w+) eps (\S+) :", text))
    last = norms[-1]
    return text[:last.start()] + f"tpc.layer_norm {last[1]}, {last[2]}, {last[2]} eps {last[3]} :" + text[last.end():]


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    return write_tokens(tmp_path_factory.mktemp("data") / "t.bin", random_tokens(GROUPED, 6 * 64 + 1))


def losses(work, folder, data, mesh, probability):
    imported = succeed([tool("tpc-compile"), work.model(GROUPED), "--mesh", mesh, "--mode", "train", "--batch", 4,
                        "--seq", 16, "--emit=import"]).stdout
    module, program = folder / "model.mlir", folder / "program"
    module.write_text(with_dropout(imported, probability))
    plan = [] if mesh == MESHES[0] else ["--plan", os.path.join(PLANS, "tutorial.yaml")]
    succeed([tool("tpc-compile"), module, *plan, "-o", program])
    return [line["loss"] for line in train(program, folder, "--data", data, "--steps", 5, "--lr", 0.01)]


@pytest.mark.parametrize("mesh", MESHES[1:])
def test_losses_do_not_depend_on_the_mesh(work, tmp_path, data, mesh):
    one, many = (losses(work, tmp_path, data, which, 0.25) for which in (MESHES[0], mesh))
    assert many == pytest.approx(one, rel=1e-5)
    assert one != pytest.approx(losses(work, tmp_path, data, MESHES[0], 0.0), rel=1e-3)
