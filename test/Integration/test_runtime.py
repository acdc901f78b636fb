"""The runtime in real processes, on the hand-made program of the unit tests: it needs no compiler."""
import fcntl
import os
import pty
import re
import shlex
import shutil
import signal
import struct
import subprocess
import termios
import time

import numpy as np
import pytest

from harness import BUILD, call, complain, environment, succeed, tool
from tpc import hf, run as tpc_run

STEPS = 6


@pytest.fixture
def program():
    path = os.path.join(BUILD, "test", "bin", "hand-made-program")
    if not os.access(path, os.X_OK):
        pytest.skip("hand-made-program is not built (ninja tpc-unit-tests)")
    return path


@pytest.fixture
def data(tmp_path):
    path = tmp_path / "t.bin"
    np.random.default_rng(3).integers(0, 16, 100).astype("<u2").tofile(path)
    return path


def words(program, data, *more, steps=STEPS):
    return [tool("tpc-run"), program, "--data", data, "--steps", steps, "--decay-steps", STEPS, "--lr", 0.1,
            "--threads-per-rank", 1, *more]


def test_resumed_run_equals_the_uninterrupted(program, data, tmp_path):
    succeed(words(program, data, "--metrics", tmp_path / "a", "--export-hf", tmp_path / "whole"))
    succeed(words(program, data, "--metrics", tmp_path / "b", "--save", tmp_path / "ckpt", steps=3))
    succeed(words(program, data, "--metrics", tmp_path / "b", "--save", tmp_path / "ckpt", "--resume",
                  "--export-hf", tmp_path / "resumed"))
    whole, resumed = tpc_run.read_metrics(tmp_path / "a"), tpc_run.read_metrics(tmp_path / "b")
    assert [record["loss"] for record in whole] == [record["loss"] for record in resumed]
    one, other = hf.read_weights(tmp_path / "whole"), hf.read_weights(tmp_path / "resumed")
    assert set(one) == set(other) == {"model.embed_tokens.weight", "model.norm.weight"}
    assert all((one[name] == other[name]).all() for name in one)


def test_summary_names_what_was_written(program, data, tmp_path):
    text = succeed(words(program, data, "--metrics", tmp_path / "m", "--save", tmp_path / "ckpt",
                         "--validation", data)).stdout
    for part in ("step 6/6", "held-out loss", "tokens/s", "GFLOP/s", "arena high-water", "step-00000006",
                 str(tmp_path / "m")):
        assert part in text, text


@pytest.mark.parametrize("flags, part", [
    (["--steps", "many"], "--steps"), (["--bogus"], "--bogus"), (["--load", "none"], "none"),
    (["--betas", "2,3"], "--betas"), (["--metrics", "no/such/folder"], "no/such/folder"),
])
def test_bad_flags(program, data, flags, part):
    result = call(words(program, data, *flags))
    complain(result, part)
    assert result.stderr.count("error") == 1, result.stderr


def test_missing_data_is_said_once(program, tmp_path):
    result = call(words(program, tmp_path / "none.bin"))
    complain(result, "none.bin", "No such file")
    assert result.stderr.count("none.bin") == 1, result.stderr


def test_wrong_number_of_ranks(program, data):
    complain(call([tool("tpc-run"), "-n", 3, program, "--data", data]), "2 ranks", "3")


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
@pytest.mark.parametrize("prefix", ["tpc-run", "alone"])
def test_asked_to_stop(program, data, tmp_path, number, prefix):
    """Under tpc-run and without a launcher: one message, status 1."""
    command = words(program, data, "--metrics", tmp_path / "m", "--quiet", steps=10 ** 9)
    if prefix == "alone":
        command = [*command[1:], "--comm", "loopback"]
    # Whoever runs the tests may have it ignored (nohup, a job in the background), which programs inherit and keep.
    process = subprocess.Popen([str(word) for word in command], stderr=subprocess.PIPE, text=True, env=environment(),
                               preexec_fn=lambda: signal.signal(number, signal.SIG_DFL))
    wait_for_lines(tmp_path / "m")
    process.send_signal(number)
    try:
        _, text = process.communicate(timeout=5)
    finally:
        process.kill()
    name = {signal.SIGTERM: "Terminated", signal.SIGINT: "Interrupt", signal.SIGHUP: "Hangup"}[number]
    message = f"error: interrupted by signal {number.value} ({name})"
    assert text == (f"{message}\n" if prefix == "alone" else f"tpc-run: {message}, all ranks were ended\n")
    assert process.returncode == 1


def wait_for_lines(path, seconds=30):
    end = time.time() + seconds
    while not (path.exists() and path.read_text().count("\n") > 1):
        assert time.time() < end, f"no lines in {path}"
        time.sleep(0.05)


def test_ignored_signals_stay_ignored(program, data):
    """As after nohup."""
    command = [*words(program, data, "--comm", "loopback", steps=200)[1:]]
    script = f"trap '' HUP; {shlex.join(map(str, command))} & sleep 0.2; kill -HUP $!; wait $!"
    succeed(["sh", "-c", script])


@pytest.mark.parametrize("variable, value, message", [
    ("OMP_NUM_THREADS", "abc", "environment variable OMP_NUM_THREADS must be a positive number of threads, got 'abc'"),
    ("OMP_NUM_THREADS", "0", "environment variable OMP_NUM_THREADS must be a positive number of threads, got '0'"),
    ("TPC_TIMEOUT", "x", "--timeout (or TPC_TIMEOUT): Value x not in range"),
    ("TPC_COMM", "zz", "--comm (or TPC_COMM): zz not in {auto,shm,mpi,tcp,loopback}"),
    ("TPC_RENDEZVOUS", "tcp://a:1", "--rendezvous (or TPC_RENDEZVOUS): must be file:///PATH, a file in a folder that all hosts "
                                    "see, got 'tcp://a:1'"),
])
def test_bad_variable(program, data, variable, value, message):
    command = [tool("tpc-run"), program, "--data", data, "--steps", 1]
    result = call(command, env={**environment(), variable: value})
    complain(result, message)
    assert result.stderr.count("error") == 1 and "no program" not in result.stderr, result.stderr


@pytest.mark.parametrize("kind, message", [
    ("pipe", "it is not a regular file"), ("folder", "it is a folder"), ("device", "it is not a regular file"),
])
def test_data_that_is_no_file(program, tmp_path, kind, message):
    path = tmp_path / "d.bin"
    {"pipe": os.mkfifo, "folder": os.mkdir, "device": lambda path: os.symlink("/dev/zero", path)}[kind](path)
    complain(call(words(program, path), timeout=20), f"cannot read {path}: {message}")


def test_metrics_replace_nothing_else(program, data, tmp_path):
    (tmp_path / "notes").write_text("not metrics\n")
    for path, message in (("notes", "it holds something else"), (data.name, "it is what this run reads")):
        before = (tmp_path / path).read_bytes()
        complain(call(words(program, data, "--metrics", tmp_path / path)), f"{tmp_path / path}: {message}")
        assert (tmp_path / path).read_bytes() == before
    for _ in range(2):  # those of an earlier run are replaced
        succeed(words(program, data, "--metrics", tmp_path / "m"))
        assert len(tpc_run.read_metrics(tmp_path / "m")) == STEPS


@pytest.mark.parametrize("flag, path, message", [
    ("--export-hf", "t.bin/x", "t.bin is no folder"), ("--save", "t.bin", "t.bin is no folder"),
    ("--dump-gradients", "none/g", "No such file"), ("--profile", ".", "it is a folder"),
    ("--metrics", ".", "it is a folder"), ("--metrics", "none/m", "No such file"),
    ("--dump-gradients", "/dev/null", "it is not a regular file"), ("--profile", "t.bin", "it is what this run reads"),
])
def test_bad_outputs_are_found_before_the_work(program, data, tmp_path, flag, path, message):
    before = data.read_bytes(), sorted(os.listdir(tmp_path))
    result = call(words(program, data, flag, tmp_path / path))
    complain(result, message)
    assert result.stderr.count("error") == 1 and "step" not in result.stdout, result.stdout + result.stderr
    assert (data.read_bytes(), sorted(os.listdir(tmp_path))) == before


def test_export_beside_stale_shards(program, data, tmp_path):
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "model.safetensors.index.json").write_text('{"weight_map": {}}')
    complain(call(words(program, data, "--export-hf", tmp_path / "out")), "model.safetensors.index.json")
    assert os.listdir(tmp_path / "out") == ["model.safetensors.index.json"]


def test_resume_beyond_the_last_step_is_said(program, data, tmp_path):
    save = ["--save", tmp_path / "ckpt"]
    succeed(words(program, data, *save, steps=3))
    text = succeed(words(program, data, *save, "--resume", steps=2)).stdout
    assert "nothing to train: the checkpoint is of step 3, --steps is 2" in text


@pytest.mark.parametrize("flag", ["--describe", "--print-manifest", "--help"])
def test_answers_that_cannot_be_written(program, flag):
    with open("/dev/full", "w") as full:
        result = subprocess.run([program, flag], stdout=full, stderr=subprocess.PIPE, text=True, env=environment())
    assert result.returncode == 1
    assert result.stderr == "error: cannot write to standard output: No space left on device\n"


@pytest.mark.parametrize("columns", [80, 40])
def test_progress_fits_the_terminal(program, data, columns):
    """Every renewal of the line is shorter than the terminal is wide; the last one ends it."""
    master, slave = pty.openpty()
    fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
    process = subprocess.Popen([str(word) for word in words(program, data, steps=3000)], stdout=slave,
                               env=environment())
    os.close(slave)
    text = read_terminal(master)
    assert process.wait(timeout=30) == 0
    progress = text[:text.index("\nloss ") + 1]
    renewals = [line.replace("\x1b[K", "") for line in re.split("[\r\n]+", progress) if line]
    assert len(renewals) > 1 and renewals[-1].startswith("step 3000/3000")
    assert max(map(len, renewals)) < columns
    assert progress.count("\n") == 1, progress


def read_terminal(master):
    text = b""
    while True:
        try:
            piece = os.read(master, 65536)
        except OSError:  # how Linux tells that the other end is closed
            return text.decode()
        text += piece


def test_progress_elsewhere_is_plain_lines(program, data):
    lines = [line for line in succeed(words(program, data)).stdout.splitlines() if line.startswith("step ")]
    assert [line.split()[1] for line in lines] == [f"{step}/6" for step in range(1, 7)]
    assert not any("\r" in line or "[" in line for line in lines)


def test_disk_full_keeps_the_last_checkpoint(program, data, tmp_path):
    """Twenty kilobytes hold one checkpoint but not two."""
    if not shutil.which("unshare") or call(["unshare", "-m", "mount", "-t", "tmpfs", "none", tmp_path]).returncode != 0:
        pytest.skip("mounting a small file system needs the rights of root")
    small = tmp_path / "small"
    small.mkdir()

    def line(*more, steps):
        return " ".join(shlex.quote(str(word)) for word in words(program, data, "--save", small / "c", *more, steps=steps))

    script = (f"mount -t tmpfs -o size=20k none {small}; {line('--save-every', 1, steps=40)}; code=$?; "
              f"find {small} -name '*partial*'; {line('--resume', steps=1)} > /dev/null || exit 9; exit $code")
    result = call(["unshare", "-m", "sh", "-c", script])
    complain(result, "No space left on device")
    assert "partial" not in result.stdout
