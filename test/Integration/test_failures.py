"""Ranks that die, stall or are asked to stop: all end in time, say why, and leave nothing behind."""
import os
import re
import signal
import time

import pytest

from harness import call, tool
from jobs import leftovers, mpirun, ranks_of


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_asked_to_stop(program, tmp_path, data, start, number):
    before = leftovers()
    job = start(program, tmp_path / "job", data)
    job.wait_for_steps()
    job.process.send_signal(number)
    assert job.ended_within(5) != 0
    assert not ranks_of(program)
    assert leftovers() <= before


@pytest.mark.parametrize("victim", [0, 1])
def test_one_rank_killed(program, tmp_path, data, start, victim):
    before = leftovers()
    job = start(program, tmp_path / "job", data)
    job.wait_for_steps()
    os.kill(ranks_of(program)[victim], signal.SIGKILL)
    assert job.ended_within(10) != 0
    assert re.search(r"rank \d", job.text()), job.text()
    assert not ranks_of(program)
    assert leftovers() <= before


def test_one_rank_stopped(program, tmp_path, data, start):
    """A rank that stalls: the others end after --timeout and say which one they waited for."""
    job = start(program, tmp_path / "job", data, "--timeout", 3)
    job.wait_for_steps()
    os.kill(ranks_of(program)[-1], signal.SIGSTOP)
    assert job.ended_within(15) != 0
    assert re.search(r"rank \d", job.text()), job.text()
    assert not ranks_of(program)


def test_all_ranks_killed(program, tmp_path, data, start):
    before = leftovers()
    job = start(program, tmp_path / "job", data)
    job.wait_for_steps()
    os.killpg(job.process.pid, signal.SIGKILL)
    job.process.wait()
    time.sleep(0.5)
    assert not ranks_of(program)
    assert leftovers() <= before


def test_launcher_killed(program, tmp_path, data, start):
    """Ranks do not outlive the tpc-run that started them."""
    job = start(program, tmp_path / "job", data)
    job.wait_for_steps()
    job.process.kill()
    job.process.wait()
    end = time.time() + 10
    while ranks_of(program) and time.time() < end:
        time.sleep(0.2)
    assert not ranks_of(program)


def test_two_jobs_at_once(program, tmp_path, data, start):
    jobs = [start(program, tmp_path / name, data) for name in ("one", "two")]
    for job in jobs:
        job.wait_for_steps()
    for job in jobs:
        job.process.send_signal(signal.SIGTERM)
    for job in jobs:
        job.ended_within(10)


def test_small_dev_shm(program, tmp_path, data):
    """Communication does not live in /dev/shm: a tiny one is enough."""
    if call(["unshare", "-m", "mount", "-t", "tmpfs", "none", tmp_path]).returncode != 0:
        pytest.skip("mounting a small /dev/shm needs the rights of root")
    words = f"{tool('tpc-run')} {program} --data {data} --steps 1 --threads-per-rank 1"
    result = call(["unshare", "-m", "sh", "-c", f"mount -t tmpfs -o size=64k none /dev/shm && {words}"])
    assert result.returncode == 0, result.stderr


def test_killed_rank_under_mpirun(program, tmp_path, data, start):
    job = start(program, tmp_path / "job", data, prefix=mpirun(2))
    job.wait_for_steps()
    os.kill(ranks_of(program)[1], signal.SIGKILL)
    assert job.ended_within(10) != 0
    assert not ranks_of(program)
