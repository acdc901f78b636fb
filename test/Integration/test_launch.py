"""Ways to start ranks: torchrun's variables, mpirun; and ranks that do not belong together."""
import re

import pytest

from harness import BATCH, GROUPED, MESHES, call, complain, random_tokens, tool, write_tokens
from jobs import mpirun, start_ranks


def test_ranks_with_different_data(program, tmp_path, start):
    """Two ranks as torchrun would start them, each with data of its own."""
    words = []
    for rank in range(2):
        words.append(write_tokens(tmp_path / f"{rank}.bin", random_tokens(GROUPED, 300, seed=rank)))
    complain_together(program, [["--data", word] for word in words], "data")


def test_ranks_with_different_executables(work, program, tmp_path, data):
    other = work.program(GROUPED, MESHES["tp2"], batch=2 * BATCH)
    results = start_ranks([program, other], [["--data", data]] * 2)
    assert [result[0] for result in results] == [1, 1], results
    assert any("executable" in result[1] or "program" in result[1] for result in results), results


def complain_together(program, arguments, part):
    results = start_ranks([program] * len(arguments), arguments)
    assert [result[0] for result in results] == [1] * len(arguments), results
    assert any(part in result[1] for result in results), results


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
    complain(call([*mpirun(3), program, "--data", data, "--steps", 1]), "3")
