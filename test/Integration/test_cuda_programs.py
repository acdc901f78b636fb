"""Whole programs for a GPU, on stand-ins for what needs one: the losses of the processor's programs."""
import pytest

from harness import GROUPED, complain, relative, train
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


def on_rank_1(variable, value):
    """A shell's words that set a variable for rank 1 alone."""
    return ["sh", "-c", f'[ "$TPC_RANK" = 1 ] && export {variable}={value}; exec "$0" "$@"']


NO_ROOM = ("product of", "CUBLAS_STATUS_ALLOC_FAILED: the library finds no memory", "smaller --batch")
# Program, arguments, number of processes, what is wrong, with rank 1 or everywhere, and what is said of it.
FAILURES = {
    "alone": ("tp1", [], None, ("FAKE_CUBLASLT_FULL_AT", 90), ("rank 0 on ", *NO_ROOM)),
    "thread": ("tp2-loopback", ["--comm=loopback"], None, ("FAKE_CUBLASLT_FULL_AT", 90), ("rank ", *NO_ROOM)),
    "process": ("tp2-nccl", [], 2, ("FAKE_CUBLASLT_FULL_AT", 90), ("rank 1 on ", *NO_ROOM)),
    "collective": ("tp2-nccl", [], 2, ("TPC_FAKE_NCCL_FAIL", "ncclReduceScatter"), ("rank 1 on ", "ncclReduceScatter failed")),
    "outside": ("tp2-nccl", ["--metrics", "/dev/full"], 2, ("NOTHING", 1), ("cannot write /dev/full", "No space left")),
}


@pytest.mark.parametrize("name", FAILURES)
def test_a_failure_in_a_step_ends_all_ranks_with_one_message(stand_ins, data, name):
    """Work is under way on every rank when one of them fails, and its memory must not go before that ends."""
    run, arguments, ranks, (variable, value), expected = FAILURES[name]
    program = stand_ins.program(GROUPED, *RUNS[run][0])
    before = on_rank_1(variable, value) if ranks else []
    result = stand_ins.run(program, "--data", data, *TRAIN, *arguments, ranks=ranks, before=before,
                           **({} if ranks else {variable: value}))
    complain(result, *expected)
    assert len([line for line in result.stderr.splitlines() if line.startswith("error:")]) == 1, result.stderr
