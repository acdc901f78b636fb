"""The runtime in real processes, on the hand-made program of the unit tests: it needs no compiler."""
import os
import shlex
import shutil
import signal
import subprocess
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


def test_terminated(program, data):
    process = subprocess.Popen([str(word) for word in words(program, data, "--quiet", steps=10 ** 9)],
                               stderr=subprocess.PIPE, text=True, env=environment())
    time.sleep(1)
    process.send_signal(signal.SIGTERM)
    try:
        process.communicate(timeout=5)
    finally:
        process.kill()
    assert process.returncode != 0


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
