"""Ways to start ranks: torchrun's variables, mpirun; and ranks that do not belong together."""
import re

import pytest

from harness import BATCH, GROUPED, MESHES, call, complain, random_tokens, tool, write_tokens
from jobs import mpirun, start_ranks


def test_ranks_with_different_data(program, tmp_path, start):
    """Two ranks as torchrun would start them, each with data of its own."""
    words = []
    for rank in range(2):
        words.append(["--data", write_tokens(tmp_path / f"{rank}.bin", random_tokens(GROUPED, 300, seed=rank))])
    complain_together([program] * 2, words, OTHER_DATA)


def test_ranks_with_different_executables(work, program, tmp_path, data):
    other = work.program(GROUPED, MESHES["tp2"], batch=2 * BATCH)
    complain_together([program, other], [["--data", data]] * 2,
                      r"rank 1 on \S+ \(process \d+\) has another executable than rank 0 on \S+ \(process \d+\): "
                      r"'\d+ bytes, hash \d+', not '\d+ bytes, hash \d+'")


def test_ranks_with_data_that_differs_in_the_middle(program, tmp_path):
    """Four hundred bytes of 800,000."""
    words = []
    for rank in range(2):
        tokens = random_tokens(GROUPED, 400000)
        tokens[50000:50200] = 1 + rank
        words.append(["--steps", 10 ** 6, "--data", write_tokens(tmp_path / f"{rank}.bin", tokens)])
    complain_together([program] * 2, words, OTHER_DATA)


@pytest.mark.parametrize("flag, values", [
    ("--lr", ("0.01", "0.02")), ("--seed", ("1", "2")), ("--steps", ("2", "3")), ("--betas", ("0.9,0.99", "0.8,0.99")),
    ("--clip", ("1", "0")), ("--init", ("normal", "torch")),
])
def test_ranks_with_different_flags(program, data, flag, values):
    complain_together([program] * 2, [["--data", data, flag, value] for value in values],
                      rf"rank 1 on \S+ \(process \d+\) has another {flag} than rank 0 on \S+ \(process \d+\): "
                      rf"'{values[1]}', not '{values[0]}'")


def test_ranks_with_different_flags_under_mpi(program, data):
    words = [program, "--data", data, "--steps", 2, "--comm", "mpi", "--threads-per-rank", 1]
    result = call([*mpirun(1), *words, "--seed", 1, ":", "-n", 1, *words, "--seed", 2])
    complain(result, "rank 1 on", "has another --seed than rank 0", "'2', not '1'")


def test_ranks_may_spell_flags_differently(program, data):
    words = [["--lr", "1e-2", "--timeout", 30], ["--lr", "0.010", "--timeout", 20, "--quiet"]]
    assert [r[0] for r in start_ranks([program] * 2, [["--data", data, *more] for more in words])] == [0, 0]


OTHER_DATA = r"rank \d on \S+: rank 1 has other data in \S+\.bin than rank 0: all ranks must read the same file"


def complain_together(programs, arguments, pattern):
    """All ranks end with status 1, and one of them with this message."""
    results = start_ranks(programs, arguments)
    assert [result[0] for result in results] == [1] * len(arguments), results
    text = "".join(result[1] for result in results)
    assert re.fullmatch(f"error: {pattern}\n", text), text


def test_started_as_torchrun_does(program, data):
    assert [result[0] for result in start_ranks([program] * 2, [["--data", data]] * 2)] == [0, 0]


@pytest.mark.parametrize("communicator", ["auto", "shm", "mpi"])
def test_mpirun_gives_the_same_losses(program, tmp_path, data, communicator):
    losses = []
    for number, prefix in enumerate([[tool("tpc-run")], mpirun(2)]):
        path = tmp_path / f"{number}.jsonl"
        words = [*prefix, program, "--data", data, "--steps", 3, "--seed", 1, "--metrics", path,
                 "--threads-per-rank", 1, *(["--comm", communicator] if number else [])]
        result = call(words)
        assert result.returncode == 0, result.stdout + result.stderr
        lines = [line for line in open(path).read().splitlines() if line]
        losses.append([float(re.search(r'"loss":\s*([-+.\deE]+)', line)[1]) for line in lines])
    assert len(losses[0]) == 3
    assert losses[1] == pytest.approx(losses[0], rel=1e-6)


def test_mpirun_with_the_wrong_number_of_ranks(program, data):
    result = call([*mpirun(3), program, "--data", data, "--steps", 1])
    complain(result, f"error: mesh dp=1,tp=2 needs 2 ranks, got 3 (Open MPI's mpirun started 3): start it as "
                     f"'tpc-run -n 2 {program}', or compile it for another mesh")
    assert result.stderr.count("error: mesh") == 1, result.stderr
