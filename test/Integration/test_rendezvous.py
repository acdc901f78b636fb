"""Programs for a GPU on several hosts, pretended by names: ranks that meet by torchrun's variables or by a file."""
import os
import re
import signal
import socket
import subprocess
import time

import pytest

from harness import GROUPED, environment
from jobs import run_together
from stand_ins import RUN, StandIns
from tpc import run as tpc_run

TRAIN = ["--steps", 3, "--lr", 1e-3, "--timeout", 20]


@pytest.fixture(scope="module")
def stand_ins(work):
    return StandIns(work)


@pytest.fixture(scope="module")
def gpu_program(stand_ins):
    return stand_ins.program(GROUPED, "--mesh=tp=2", "--overlap=on")


def hold_port():
    """MASTER_PORT: it is held, as by torchrun, so that the ranks must meet elsewhere; the next one is free."""
    while True:
        master, meeting = socket.socket(), socket.socket()
        master.bind(("127.0.0.1", 0))
        port = master.getsockname()[1]
        try:
            meeting.bind(("127.0.0.1", port + 1))
        except (OSError, OverflowError):
            continue
        finally:
            meeting.close()
        master.listen()
        return master


@pytest.fixture
def master():
    """torchrun's variables of two hosts, without the rank's."""
    held = hold_port()
    yield {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": held.getsockname()[1]}
    held.close()


def on_host(rank, command):
    """The words of a command on a host of another name, where this user may do that."""
    pretend = ["unshare", "--uts", "sh", "-c", f'hostname host{rank} && exec "$0" "$@"']
    possible = subprocess.run([*pretend[:4], "hostname host"], capture_output=True).returncode == 0
    return [*(pretend if possible else []), *map(str, command)]


def place_of(rank, ranks=2):
    """What torchrun says to the only rank of each host."""
    return {"RANK": rank, "WORLD_SIZE": ranks, "LOCAL_RANK": 0, "LOCAL_WORLD_SIZE": 1}


def run_on_hosts(stand_ins, program, arguments, **variables):
    """Status and text of one rank for each of the lists of arguments."""
    commands = [on_host(rank, [RUN, program, *TRAIN, *words]) for rank, words in enumerate(arguments)]
    return run_together(commands, [stand_ins.environment(1, **place_of(rank), **variables) for rank in range(len(arguments))])


def losses(path):
    return [(line["loss"], line["grad_norm"]) for line in tpc_run.read_metrics(path)]


def complain_once(results, pattern):
    """All ranks end with status 1, and one of them with this message."""
    assert [status for status, _ in results] == [1] * len(results), results
    text = "".join(text for _, text in results)
    assert re.fullmatch(f"error: {pattern}\n", text), text


@pytest.mark.parametrize("how", ["torchrun", "flag", "variable"])
def test_two_hosts_compute_what_one_does(stand_ins, gpu_program, master, tmp_path, data, how):
    file = tmp_path / "meeting"
    one = stand_ins.run(gpu_program, *TRAIN, "--data", data, "--metrics", tmp_path / "one", ranks=2)
    assert one.returncode == 0, one.stderr
    more = ["--rendezvous", f"file://{file}"] if how == "flag" else []
    variables = {"torchrun": master, "flag": {}, "variable": {"TPC_RENDEZVOUS": f"file://{file}"}}[how]
    results = run_on_hosts(stand_ins, gpu_program, [["--data", data, "--metrics", tmp_path / "two", *more]] * 2, **variables)
    assert [status for status, _ in results] == [0, 0], results
    assert losses(tmp_path / "two") == losses(tmp_path / "one")
    assert not file.exists()


def test_ranks_on_hosts_with_different_flags(stand_ins, gpu_program, master, data):
    results = run_on_hosts(stand_ins, gpu_program, [["--data", data], ["--data", data, "--seed", 5]], **master)
    complain_once(results, r"rank 1 on \S+ \(process \d+\) has another --seed than rank 0 on \S+ \(process \d+\): '5', not '0'")


def test_a_host_that_does_not_come(stand_ins, gpu_program, tmp_path, data):
    file = tmp_path / "meeting"
    results = run_on_hosts(stand_ins, gpu_program, [["--data", data, "--timeout", 0.5, "--rendezvous", f"file://{file}"]])
    complain_once(results, r"rank 0 on \S+ \(process \d+\) waited 0.5 s for rank 1 of 2 ranks to start")
    assert not file.exists()


@pytest.mark.parametrize("victim", [0, 1])
def test_a_rank_that_dies_on_another_host(stand_ins, gpu_program, master, tmp_path, data, victim):
    metrics = tmp_path / "metrics"
    processes = []
    for rank in range(2):
        words = [RUN, gpu_program, *TRAIN, "--steps", 10 ** 6, "--data", data, "--metrics", metrics, "--quiet"]
        processes.append(subprocess.Popen(on_host(rank, words), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                                          env=stand_ins.environment(1, **place_of(rank), **master)))
    end = time.time() + 30
    while not (metrics.exists() and metrics.read_text().count("\n") > 2) and time.time() < end:
        time.sleep(0.05)
    os.kill(processes[victim].pid, signal.SIGKILL)
    text, _ = processes[1 - victim].communicate(timeout=10)
    processes[victim].communicate()
    assert processes[1 - victim].returncode == 1
    assert re.fullmatch(rf"error: rank {victim} on \S+ died, or its connection broke\n", text), text


def test_a_program_for_processors_needs_mpi_between_hosts(program, master, data):
    command = [program, "--data", data, "--steps", 1]
    results = run_together([command] * 2, [environment(**place_of(rank), **master) for rank in range(2)])
    for status, text in results:  # one on each host, before they know of each other
        assert (status, text) == (1, "error: a program for CPUs exchanges its data between hosts over MPI, TCP is for the host "
                                     "side of programs for GPUs: start it with mpirun or srun, and --comm mpi\n")
