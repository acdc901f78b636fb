"""--comm loopback: all ranks as threads of one process. Generated code keeps nothing outside its rank's context."""
import pytest

from harness import GROUPED, MESHES, call, complain, run, succeed, tool
from tpc import run as tpc_run


def alone(program, *arguments):
    return [program, "--comm", "loopback", "--threads-per-rank", 1, *arguments]


def losses(path):
    return [(line["loss"], line["grad_norm"]) for line in tpc_run.read_metrics(path) if "loss" in line]


def contents(folder):
    """Bytes of every file below a folder, by path."""
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.mark.parametrize("mesh", ["tp2", "dp2tp2"])
def test_same_bits_as_processes(work, tmp_path, data, mesh):
    program = work.program(GROUPED, MESHES[mesh])
    words = ["--data", data, "--steps", 3, "--seed", 4]
    for kind, start in {"processes": [tool("tpc-run"), *alone(program)[:1], "--threads-per-rank", 1],
                        "threads": alone(program)}.items():
        succeed([*start, *words, "--metrics", tmp_path / kind, "--save", tmp_path / f"{kind}-ckpt"])
    assert len(losses(tmp_path / "threads")) == 3
    assert losses(tmp_path / "threads") == losses(tmp_path / "processes")
    checkpoints = [contents(tmp_path / f"{kind}-ckpt") for kind in ("processes", "threads")]
    assert any(name.endswith(".safetensors") for name in checkpoints[0])
    assert checkpoints[0] == checkpoints[1]


def test_a_failure_is_told_once(program, tmp_path):
    result = call(alone(program, "--data", tmp_path / "missing.bin", "--steps", 1))
    complain(result, "missing.bin")
    assert result.stderr.count("error:") == 1, result.stderr


def test_not_under_a_launcher(program, data):
    result = run(program, "--data", data, "--steps", 1, "--comm", "loopback")
    complain(result, "one process", "got 2 processes started by tpc-run", "start the program by itself")
