"""Whole programs for a GPU, on stand-ins for what needs one: the losses of the processor's programs."""
import pytest

from harness import GROUPED, random_tokens, relative, train, write_tokens
from stand_ins import StandIns
from tpc import run as tpc_run

TRAIN = ["--steps", 3, "--lr", 1e-3]
# Flags, how the ranks are started, and what sums in another order (f32) or other roundings (bf16) may change.
RUNS = {
    "tp1": (["--mesh=tp=1"], [], None, 1e-6),
    "tp2-loopback": (["--mesh=tp=2", "--overlap=on"], ["--comm=loopback"], None, 1e-6),
    "tp4-loopback": (["--mesh=tp=4"], ["--comm=loopback"], None, 1e-6),
    "tp2-nccl": (["--mesh=tp=2", "--overlap=on"], [], 2, 1e-6),
    "fsdp-bf16-nccl": (["--mesh=dp=2", "--dp-mode=fsdp", "--precision=bf16"], [], 2, 4e-3),
}


@pytest.fixture(scope="module")
def stand_ins(work):
    return StandIns(work)


def metrics_of(stand_ins, tmp_path, program, *arguments, **options):
    path = tmp_path / "gpu.jsonl"
    result = stand_ins.run(program, *TRAIN, "--metrics", path, *arguments, **options)
    assert result.returncode == 0, result.stdout[-2000:] + result.stderr[-4000:]
    return tpc_run.read_metrics(path)


@pytest.mark.parametrize("name", RUNS)
def test_losses_are_those_of_the_processor(work, stand_ins, tmp_path, data, name):
    flags, start, ranks, tolerance = RUNS[name]
    found = metrics_of(stand_ins, tmp_path, stand_ins.program(GROUPED, *flags), "--data", data, *start, ranks=ranks)
    mesh = flags[0].removeprefix("--mesh=")
    host = work.program(GROUPED, mesh, plan=None, extra=tuple(flags[1:]))
    wanted = train(host, tmp_path, "--data", data, *TRAIN)
    assert [set(line) for line in found] == [set(line) for line in wanted]
    for key in ("loss", "grad_norm", "lr"):
        assert relative([line[key] for line in found], [line[key] for line in wanted]) < tolerance, key
    assert wanted[-1]["loss"] < wanted[0]["loss"]
