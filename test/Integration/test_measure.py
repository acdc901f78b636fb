"""Machines measured by tpc-run, read by tpc-compile, and profiles of what was predicted."""
import json

import pytest

from harness import GROUPED, MESHES, call, complain, environment, random_tokens, succeed, tool, train, write_tokens


@pytest.fixture(scope="module")
def machine(tmp_path_factory):
    path = tmp_path_factory.mktemp("machine") / "machine.yaml"
    result = succeed([tool("tpc-run"), "-n", 2, "--threads-per-rank", 1, "--measure", "-o", path], timeout=240)
    assert "all_reduce: " in result.stderr and "GFLOP/s" in result.stderr
    return path


def test_prices_come_from_the_file(work, machine):
    text = machine.read_text()
    for key in ("2 ranks x 1 threads over shm", "flops: ", "{type: bf16,", "memory_bandwidth: ", "cache: ", "attention_grad: ",
                "{op: permute, ", "default_link: shm"):
        assert key in text
    report = json.loads(succeed([tool("tpc-compile"), work.model(GROUPED), "--mesh", "dp=1,tp=2", "--batch", 2, "--seq", 16,
                                 "--machine", machine, "--explain=json"]).stdout)
    assert report["machine"] == "measured"
    timeline = report["timeline"]
    exposed = sum(axes["exposed_seconds"] for axes in timeline["communication"])
    assert 0 < exposed and timeline["compute_seconds"] > 0
    assert timeline["seconds"] == pytest.approx(exposed + timeline["compute_seconds"])


def test_profile_has_the_ops_of_the_trace(work, tmp_path):
    flags = [work.model(GROUPED), "--plan", "auto", "--mesh", MESHES["tp2"], "--batch", 4, "--seq", 16]
    program, trace, profile = (tmp_path / name for name in ("program", "trace.json", "profile.json"))
    succeed([tool("tpc-compile"), *flags, "--explain", "--trace", trace])
    succeed([tool("tpc-compile"), *flags, "-o", program])
    data = write_tokens(tmp_path / "t.bin", random_tokens(GROUPED, 6 * 64 + 1))
    train(str(program), tmp_path, "--data", data, "--steps", 3, "--profile", profile)
    events = [event for event in json.loads(trace.read_text())["traceEvents"] if event["ph"] == "X"]
    found = json.loads(profile.read_text())
    assert found["steps"] == 3 and found["ranks"] == 2
    computed = [event["args"]["op"] for event in events if event["cat"] == "compute"]
    assert len(computed) == len(found["ops"])
    for name, op in zip(computed, found["ops"]):
        assert op["op"] == name or op["op"] == "launch"
    expected = {event["args"]["number"]: event["args"]["op"] for event in events if event["cat"] == "communication"}
    assert {collective["number"]: collective["op"] for collective in found["collectives"]} == expected
    assert 0 < sum(op["seconds"] for op in found["ops"]) <= found["seconds"]


def test_a_program_measures_what_it_runs_on(work, tmp_path):
    program = work.program(GROUPED, MESHES["tp1"])
    machine = tmp_path / "machine.yaml"
    result = succeed([program, "--measure", machine, "--threads-per-rank", 1])
    assert "f32 products: " in result.stderr and "memory: " in result.stderr
    text = machine.read_text()
    assert text.startswith("# --measure: 1 ranks x 1 threads over ") and "links: []" in text
    complain(call([program, "--measure", "/nowhere/machine.yaml"]), "cannot write /nowhere/machine.yaml")


@pytest.mark.parametrize("words, expected", [
    (["--measure", "program"], ["--measure runs no program, got 'program'"]),
    (["-o", "m.yaml", "program"], ["-o is the file that --measure writes"]),
    (["-n", 2, "--measure", "-o", "/nowhere/m.yaml"], ["cannot write /nowhere/m.yaml: No such file or directory"]),
])
def test_refusals(words, expected):
    complain(call([tool("tpc-run"), *words]), *expected)


def test_what_launchers_say_of_the_rank_must_make_sense():
    result = call([tool("tpc-run"), "--measure"], env=environment(TPC_RANK=2, TPC_WORLD_SIZE=1, TPC_JOB="x"))
    assert result.returncode == 1 and "error" in result.stderr
