"""The worked example of the README is what the compiler prints: names of values and locations apart."""
import os
import re

import pytest

from harness import ROOT, succeed, tool

README = open(os.path.join(ROOT, "README.md"), encoding="utf-8").read()
EXCERPTS = re.findall(r"<!-- emit=(\w+) -->\n```(?:mlir|llvm)\n(.*?)```", README, re.S)


def lines(text):
    """Lines without indentation, locations and LLVM's attribute groups, every value's name replaced by %."""
    text = re.sub(r" loc\([^()]*\)| #\d+$", "", text, flags=re.M)
    return [re.sub(r"%[\w#:]+", "%", line.strip()) for line in text.splitlines() if line.strip()]


@pytest.mark.parametrize("stage, excerpt", EXCERPTS, ids=[stage for stage, _ in EXCERPTS])
def test_excerpt(stage, excerpt):
    command = re.search(r"tpc-compile (examples/tiny-llama .*) --emit=import", README)[1].split()
    words = [tool("tpc-compile")] + [os.path.join(ROOT, w) if w.startswith("examples/") else w for w in command]
    printed = set(lines(succeed([*words, f"--emit={stage}"]).stdout))
    for line in lines(excerpt):
        assert line in printed


def test_every_stage_is_shown():
    assert [stage for stage, _ in EXCERPTS] == ["import", "layouts", "local", "kernels", "llvm"]
