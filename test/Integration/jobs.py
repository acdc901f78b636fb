"""Runs that go on in the background, and ranks started without tpc-run."""
import os
import shutil
import signal
import subprocess
import time

import pytest

from harness import environment, tool

LONG = 10 ** 8  # steps: more than any test waits for


def leftovers():
    """What could stay behind in shared memory."""
    return set(os.listdir("/dev/shm")) if os.path.isdir("/dev/shm") else set()


def ranks_of(program):
    """Process ids that execute `program`."""
    found = []
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            if os.path.samefile(f"/proc/{pid}/exe", program):
                found.append(int(pid))
        except OSError:
            pass
    return sorted(found)


class Job:
    """A long run in the background; `wait_for_steps` returns when its metrics file has grown."""

    def __init__(self, program, folder, data, *arguments, prefix=None, env=None):
        os.makedirs(folder, exist_ok=True)
        self.program, self.metrics = program, os.path.join(folder, "metrics.jsonl")
        words = (prefix or [tool("tpc-run")]) + [program, "--data", data, "--steps", LONG, "--metrics", self.metrics,
                                                 "--threads-per-rank", 1, *arguments]
        self.log = open(os.path.join(folder, "log"), "w+")
        self.process = subprocess.Popen([str(word) for word in words], stdout=self.log, stderr=self.log,
                                        env=env or environment(), start_new_session=True)

    def wait_for_steps(self, count=2, seconds=60):
        end = time.time() + seconds
        while time.time() < end and self.process.poll() is None:
            if os.path.exists(self.metrics) and open(self.metrics).read().count("\n") >= count:
                return
            time.sleep(0.1)
        self.kill()
        pytest.fail(f"no {count} steps in {seconds} s: {self.text()}")

    def ended_within(self, seconds):
        try:
            return self.process.wait(timeout=seconds)
        except subprocess.TimeoutExpired:
            self.kill()
            pytest.fail(f"still running after {seconds} s: {self.text()}")

    def text(self):
        self.log.seek(0)
        return self.log.read()

    def kill(self):
        if self.process.poll() is None:
            os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()


def start_ranks(programs, arguments, port=29517):
    """Status and text of ranks started with torchrun's variables."""
    commands, environments = [], []
    for rank, (program, words) in enumerate(zip(programs, arguments)):
        environments.append(environment(RANK=rank, WORLD_SIZE=len(programs), LOCAL_RANK=rank,
                                        LOCAL_WORLD_SIZE=len(programs), MASTER_ADDR="127.0.0.1",
                                        MASTER_PORT=port + os.getpid() % 1000))
        commands.append([program, "--steps", 2, "--threads-per-rank", 1, "--timeout", 20, *words])
    return run_together(commands, environments)


def run_together(commands, environments):
    """Status and text of commands that run at the same time."""
    processes = [subprocess.Popen([str(word) for word in command], stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                                  text=True, env=env) for command, env in zip(commands, environments)]
    results = []
    for process in processes:
        try:
            text, _ = process.communicate(timeout=60)
        except subprocess.TimeoutExpired:
            process.kill()
            text = process.communicate()[0] + "\n(hung)"
        results.append((process.returncode, text))
    return results


def mpirun(ranks):
    if not shutil.which("mpirun"):
        pytest.skip("mpirun is not installed")
    words = ["mpirun", "-n", ranks, "--oversubscribe"]
    return words + (["--allow-run-as-root"] if os.getuid() == 0 else [])
