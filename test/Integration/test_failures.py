"""Bad data at the start of a run, and ranks that die: one message, no hang, nothing left behind."""
import os
import re
import shutil
import signal
import subprocess
import time

import pytest

from harness import BATCH, GROUPED, MESHES, SEQUENCE, call, complain, environment, random_tokens, run, tool, write_tokens

LONG = 10 ** 8  # steps: more than any test waits for


@pytest.fixture
def data(tmp_path):
    return write_tokens(tmp_path / "t.bin", random_tokens(GROUPED, 16 * BATCH * SEQUENCE + 1))


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


@pytest.fixture
def start(request):
    """Starts jobs and makes sure that none outlives its test."""
    jobs = []

    def begin(*arguments, **options):
        jobs.append(Job(*arguments, **options))
        return jobs[-1]
    yield begin
    for job in jobs:
        job.kill()


@pytest.fixture
def program(work):
    return work.program(GROUPED, MESHES["tp2"])


# ---------------------------------------------------------------------------------------------- input

def test_missing_data(program, tmp_path):
    complain(run(program, "--data", tmp_path / "none.bin", "--steps", 1), "none.bin")


@pytest.mark.parametrize("count", [0, 1, SEQUENCE, BATCH * SEQUENCE])
def test_too_little_data(program, tmp_path, count):
    data = write_tokens(tmp_path / "t.bin", random_tokens(GROUPED, count))
    result = run(program, "--data", data, "--steps", 1)
    if count < SEQUENCE + 1:
        complain(result, "t.bin")


def test_token_out_of_range(program, tmp_path):
    tokens = random_tokens(GROUPED, 4 * BATCH * SEQUENCE + 1)
    tokens[77] = GROUPED["vocab_size"]
    complain(run(program, "--data", write_tokens(tmp_path / "t.bin", tokens), "--steps", 4), "t.bin", "64")


@pytest.mark.parametrize("written, claimed", [("<u4", "u16"), ("<u2", "u32")])
def test_data_of_the_other_width(program, tmp_path, written, claimed):
    random_tokens(GROUPED, 4 * BATCH * SEQUENCE).astype(written).tofile(tmp_path / "t.bin")
    complain(run(program, "--data", tmp_path / "t.bin", "--data-dtype", claimed, "--steps", 1), "t.bin", "data-dtype")


def test_data_is_a_folder(program, tmp_path):
    complain(run(program, "--data", tmp_path, "--steps", 1), os.path.basename(tmp_path))


@pytest.mark.parametrize("flags, part", [
    (["--steps", "many"], "steps"), (["--no-such-flag"], "no-such-flag"), (["--betas", "0.9"], "betas"),
    (["--data-dtype", "u8"], "u8"), (["--lr", "-1"], "lr"), (["--comm", "pigeon"], "pigeon"),
    (["--init", "zeros"], "zeros"), (["--threads-per-rank", "0"], "threads-per-rank"),
])
def test_bad_flag(program, data, flags, part):
    complain(run(program, "--data", data, *flags), part)


@pytest.mark.parametrize("ranks", [1, 3, 0])
def test_wrong_number_of_ranks(program, data, ranks):
    complain(call([tool("tpc-run"), "-n", ranks, program, "--data", data, "--steps", 1]), str(ranks))


def test_run_of_something_else(tmp_path):
    complain(call([tool("tpc-run"), tmp_path / "none"]), "none")
    complain(call([tool("tpc-run"), "/bin/true"]), "/bin/true")


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


def start_ranks(programs, arguments, port=29517):
    """Status and text of ranks started with torchrun's variables."""
    processes = []
    for rank, (program, words) in enumerate(zip(programs, arguments)):
        env = environment(RANK=rank, WORLD_SIZE=len(programs), LOCAL_RANK=rank, LOCAL_WORLD_SIZE=len(programs),
                          MASTER_ADDR="127.0.0.1", MASTER_PORT=port + os.getpid() % 1000)
        command = [program, *words, "--steps", 2, "--threads-per-rank", 1, "--timeout", 20]
        processes.append(subprocess.Popen([str(word) for word in command], stdout=subprocess.PIPE,
                                          stderr=subprocess.STDOUT, text=True, env=env))
    results = []
    for process in processes:
        try:
            text, _ = process.communicate(timeout=60)
        except subprocess.TimeoutExpired:
            process.kill()
            text = process.communicate()[0] + "\n(hung)"
        results.append((process.returncode, text))
    return results


def complain_together(program, arguments, part):
    results = start_ranks([program] * len(arguments), arguments)
    assert [result[0] for result in results] == [1] * len(arguments), results
    assert any(part in result[1] for result in results), results


def test_started_as_torchrun_does(program, data):
    assert [result[0] for result in start_ranks([program] * 2, [["--data", data]] * 2)] == [0, 0]


# ---------------------------------------------------------------------------------------------- death

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


def test_more_memory_than_there_is(work, tmp_path):
    """An arena of some terabytes is refused before anything is allocated."""
    config = {**GROUPED, "vocab_size": 64, "max_position_embeddings": 1 << 20}
    program = work.program(config, MESHES["tp1"], batch=65536, seq=4096)
    tokens = write_tokens(tmp_path / "t.bin", random_tokens(config, 4097))
    began = time.time()
    complain(run(program, "--data", tokens, "--steps", 1), "memory")
    assert time.time() - began < 10


# ---------------------------------------------------------------------------------------------- MPI

def mpirun(ranks):
    if not shutil.which("mpirun"):
        pytest.skip("mpirun is not installed")
    words = ["mpirun", "-n", ranks, "--oversubscribe"]
    return words + (["--allow-run-as-root"] if os.getuid() == 0 else [])


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


def test_killed_rank_under_mpirun(program, tmp_path, data, start):
    job = start(program, tmp_path / "job", data, prefix=mpirun(2))
    job.wait_for_steps()
    os.kill(ranks_of(program)[1], signal.SIGKILL)
    assert job.ended_within(10) != 0
    assert not ranks_of(program)
