"""Whole programs for a GPU, on stand-ins for what needs one: the losses of the processor's programs."""
import json
import time

import pytest

from harness import BATCH, GROUPED, SEQUENCE, complain, relative, run, train
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


def test_algorithms_are_chosen_before_the_first_step(stand_ins, tmp_path, data):
    """No step is run, and what a step needs is in the cache; a run with steps adds nothing."""
    program = stand_ins.program(GROUPED, *RUNS["tp1"][0])

    def choices(*arguments):
        result = stand_ins.run(program, "--data", data, *arguments, XDG_CACHE_HOME=tmp_path / "cache")
        assert result.returncode == 0, result.stderr
        return [path.read_text() for path in (tmp_path / "cache" / "tpc").iterdir()]

    (at_start,) = choices("--steps", 0, "--export-hf", tmp_path / "initial")
    assert len(at_start.splitlines()) > 5
    assert choices("--steps", 1) == [at_start]


def test_a_step_takes_the_time_of_its_work(stand_ins, tmp_path, data):
    """The host is done with giving a step long before the device is done with it."""
    program = stand_ins.program(GROUPED, *RUNS["tp2-nccl"][0])
    begin = time.monotonic()
    found = metrics_of(stand_ins, tmp_path, program, "--data", data, ranks=2)
    whole = time.monotonic() - begin
    delays = sum(line["seconds"] for line in found)
    assert delays < whole
    for line in found:
        assert line["seconds"] > 0.01  # some thousand pieces of work, each late by up to 50 microseconds
        assert abs(line["tokens_per_s"] * line["seconds"] / (BATCH * SEQUENCE) - 1) < 1e-9
        assert 0 < line["communication_seconds"] < line["seconds"]


def test_a_profile_adds_up_to_the_step(stand_ins, tmp_path, data):
    program = stand_ins.program(GROUPED, *RUNS["tp2-nccl"][0])
    metrics_of(stand_ins, tmp_path, program, "--data", data, "--profile", tmp_path / "profile.json", ranks=2)
    profile = json.loads((tmp_path / "profile.json").read_text())
    ops = sum(op["seconds"] for op in profile["ops"])
    assert 0.1 * profile["seconds"] < ops < 1.5 * profile["seconds"]
    assert {"launch", "contract", "attention", "attention_grad"} <= {op["op"] for op in profile["ops"]}
    assert all(op["seconds"] > 0 for op in profile["ops"])
    assert any(collective["seconds"] > 0 for collective in profile["collectives"])


@pytest.mark.parametrize("name", ["tp1", "tp2-nccl", "fsdp-bf16-nccl"])
def test_a_graph_computes_the_same_bits(stand_ins, tmp_path, data, name):
    flags, start, ranks, _ = RUNS[name]
    program = stand_ins.program(GROUPED, *flags)
    eager, graph = (metrics_of(stand_ins, tmp_path, program, "--data", data, *TRAIN, "--steps", 4, *start, *more, ranks=ranks)
                    for more in ([], ["--cuda-graph"]))
    for key in ("step", "loss", "grad_norm", "lr", "epoch"):
        assert [line[key] for line in graph] == [line[key] for line in eager]
    timed = [line["communication_seconds"] is not None for line in graph]
    assert timed == ([True] * 4 if ranks is None else [True, False, False, False])  # replays have no times of their own


def test_checkpoints_between_steps_that_are_under_way(stand_ins, tmp_path, data):
    """Weights, moments and the place in the data are those of the step that a checkpoint is named after."""
    program = stand_ins.program(GROUPED, *RUNS["tp2-nccl"][0])
    arguments = ["--data", data, "--lr", 1e-3, "--decay-steps", 6, "--cuda-graph"]

    def lines(*more):
        found = metrics_of(stand_ins, tmp_path, program, *arguments, *more, ranks=2)
        return {line["step"]: (line["loss"], line["grad_norm"]) for line in found}
    whole = lines("--steps", 6, "--save", tmp_path / "whole", "--save-every", 2)
    lines("--steps", 3, "--save", tmp_path / "parts")
    (tmp_path / "gpu.jsonl").unlink()
    rest = lines("--steps", 6, "--save", tmp_path / "parts", "--resume")
    assert rest == {step: whole[step] for step in (4, 5, 6)}
    files = {name: sorted(path.read_bytes() for path in (tmp_path / name).rglob("*6/**/*.safetensors"))
             for name in ("whole", "parts")}
    assert files["whole"] and files["whole"] == files["parts"]


def test_a_loss_that_is_not_finite_ends_what_is_under_way(stand_ins, tmp_path, data):
    program = stand_ins.program(GROUPED, *RUNS["tp2-nccl"][0])
    result = stand_ins.run(program, "--data", data, "--steps", 20, "--lr", 1e30, "--metrics", tmp_path / "m", ranks=2)
    complain(result, "training diverged, try a smaller --lr")
    assert result.stderr.count("error:") == 1, result.stderr
    steps = [line["step"] for line in tpc_run.read_metrics(tmp_path / "m")]
    assert steps == list(range(1, steps[-1] + 1))
    # Rank 0 writes the lines; the other may see the step after the last line first, and end both.
    assert any(f"at step {step}:" in result.stderr for step in (steps[-1], steps[-1] + 1)), result.stderr


def test_a_rank_that_dies_ends_a_replayed_step(stand_ins, tmp_path, data):
    program = stand_ins.program(GROUPED, *RUNS["tp2-nccl"][0])
    metrics = tmp_path / "metrics.jsonl"
    metrics.touch()
    kill_rank_1 = (f'[ "$TPC_RANK" = 0 ] && exec "$0" "$@"; "$0" "$@" & '
                   f'until [ $(wc -l < {metrics}) -gt 4 ]; do sleep 0.1; done; kill -9 $!; wait $!')
    result = stand_ins.run(program, "--data", data, "--steps", 100000, "--cuda-graph", "--timeout", 20, "--quiet", "--metrics",
                           metrics, ranks=2, before=["sh", "-c", kill_rank_1])
    assert result.returncode != 0
    assert "rank 1 on " in result.stderr and " of the recorded step" in result.stderr, result.stderr


@pytest.mark.parametrize("arguments, expected", [
    (["--comm=loopback"], "--cuda-graph and --comm loopback exclude each other"),
    (["--profile=x"], "--cuda-graph and --profile exclude each other"),
])
def test_graphs_that_cannot_be(stand_ins, data, arguments, expected):
    result = stand_ins.run(stand_ins.program(GROUPED, *RUNS["tp2-loopback"][0]), "--data", data, *TRAIN, "--cuda-graph",
                           *arguments)
    complain(result, expected)
    assert result.stderr.count("error:") == 1


def test_no_graph_on_a_processor(work, data):
    complain(run(work.program(GROUPED, "tp=1", plan=None), "--data", data, "--steps", 1, "--cuda-graph"),
             "--cuda-graph is for a program for a GPU: compile with --target=cuda")


def test_a_library_that_is_needed_is_missed_before_the_first_step(stand_ins, data):
    """Here only attention in bf16 needs it."""
    program = stand_ins.program(GROUPED, *RUNS["fsdp-bf16-nccl"][0])
    result = stand_ins.run(program, "--data", data, *TRAIN, ranks=2, TPC_ATTENTION="cudnn", TPC_CUDNN_LIBRARY="/none")
    complain(result, "no cuDNN found on ", "install cudnn9", "/none")
    assert result.stderr.count("error:") == 1, result.stderr


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
