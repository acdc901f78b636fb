"""Ranks that die, stall or are asked to stop: all end in time, say why, and leave nothing behind."""
import os
import re
import signal
import time

import pytest

from harness import call, tool
from jobs import leftovers, mpirun, ranks_of


def errors(job):
    return [line for line in job.text().splitlines() if "error" in line]


def rank_of(pid):
    variables = open(f"/proc/{pid}/environ").read().split("\0")
    return int(next(text for text in variables if text.startswith("TPC_RANK=")).split("=")[1])


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_asked_to_stop(program, tmp_path, data, start, number):
    before = leftovers()
    job = start(program, tmp_path / "job", data)
    job.wait_for_steps()
    job.process.send_signal(number)
    assert job.ended_within(5) == 1
    name = {signal.SIGTERM: "Terminated", signal.SIGINT: "Interrupt"}[number]
    assert errors(job) == [f"tpc-run: error: interrupted by signal {number.value} ({name}), all ranks were ended"]
    assert not ranks_of(program)
    assert leftovers() <= before


@pytest.mark.parametrize("victim", [0, 1])
def test_one_rank_killed(program, tmp_path, data, start, victim):
    """One message: how the rank died, and what the other one knows of its last work."""
    before = leftovers()
    job = start(program, tmp_path / "job", data)
    job.wait_for_steps()
    pid, = [pid for pid in ranks_of(program) if rank_of(pid) == victim]
    os.kill(pid, signal.SIGKILL)
    assert job.ended_within(10) == 1
    message, = errors(job)
    assert re.fullmatch(rf"tpc-run: error: rank {victim} \(process {pid}\) was killed by signal 9 \(Killed\); "
                        rf"rank {victim} on \S+ \(process {pid}\) died after .+", message), message
    assert not ranks_of(program)
    assert leftovers() <= before


@pytest.mark.parametrize("victim", [0, 1])
def test_one_rank_stopped(program, tmp_path, data, start, victim):
    """A rank that stalls: the other ends after --timeout and says which one it waited for."""
    job = start(program, tmp_path / "job", data, "--timeout", 3)
    job.wait_for_steps()
    pid, = [pid for pid in ranks_of(program) if rank_of(pid) == victim]
    os.kill(pid, signal.SIGSTOP)
    assert job.ended_within(15) == 1
    message, = errors(job)
    assert re.fullmatch(rf"error: rank {victim} on \S+ \(process {pid}\) stalled: rank {1 - victim} on \S+ waited 3 s "
                        r"in collective \d+ .*; raise --timeout if it is only slow", message), message
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
    assert [job.ended_within(10) for job in jobs] == [1, 1]


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
