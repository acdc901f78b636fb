"""tpc.compile and tpc.run: the commands they call, seen through stand-ins for the tools."""
import json

import pytest

from tpc import compile as compiler
from tpc import run, tools
from tpc.plan import ColwiseParallel


@pytest.fixture
def stand_in(tmp_path, monkeypatch):
    """Makes a tool that prints its arguments as JSON, then ends as told."""
    (tmp_path / "bin").mkdir()
    monkeypatch.setenv("TPC_BUILD", str(tmp_path))

    def make(name, tail=""):
        path = tmp_path / "bin" / name
        path.write_text(f"#!/usr/bin/python3\nimport json, sys\nprint(json.dumps(sys.argv[1:]))\n{tail}\n")
        path.chmod(0o755)
    return make


def test_compile(stand_in):
    stand_in("tpc-compile")
    words = compiler.compile_model("m", plan="p.yaml", mesh={"dp": 1, "tp": 2}, batch=2, seq=64, output="x",
                                   extra=["--plan-policy=strict"])
    assert json.loads(words) == ["m", "--plan", "p.yaml", "--mesh", "dp=1,tp=2", "--mode", "train", "--batch", "2",
                                 "--seq", "64", "--target", "cpu", "-o", "x", "--plan-policy=strict"]


def test_compile_with_a_dictionary(stand_in):
    stand_in("tpc-compile", "print(open(sys.argv[3]).read())")
    out = compiler.compile_model("m", plan=[{"lm_head": ColwiseParallel()}], mesh={"tp": 2}, batch=1, seq=8)
    assert out.splitlines()[1:] == ["- plan:", "    lm_head: ColwiseParallel()", ""]


def test_run(stand_in):
    stand_in("tpc-run")
    words = run.run("./x", ranks=2, data="d.txt", steps=3, save_every=1, resume=True)
    assert json.loads(words) == ["-n", "2", "./x", "--data", "d.txt", "--steps", "3", "--save-every", "1", "--resume"]


def test_failure_carries_the_message(stand_in):
    stand_in("tpc-run", "sys.stderr.write('error: no such file: d.txt\\n'); sys.exit(1)")
    with pytest.raises(tools.ToolError, match="no such file: d.txt"):
        run.run("./x", data="d.txt")


def test_missing_tool(monkeypatch):
    monkeypatch.setenv("PATH", "")
    with pytest.raises(tools.ToolError, match="tpc-nothing was not found"):
        tools.find("tpc-nothing")


def test_metrics(tmp_path):
    (tmp_path / "m").write_text('{"step": 1, "loss": 5.5}\n\n{"step": 2, "loss": 5.25}\n')
    assert [record["loss"] for record in run.read_metrics(tmp_path / "m")] == [5.5, 5.25]
