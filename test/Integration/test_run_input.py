"""What a user can get wrong at the start of a run: one clear message, status 1, no hang."""
import os
import time

import pytest

from harness import BATCH, GROUPED, MESHES, SEQUENCE, call, complain, random_tokens, run, tool, train, write_tokens


def test_missing_data(program, tmp_path):
    complain(run(program, "--data", tmp_path / "none.bin", "--steps", 1), "none.bin")


@pytest.mark.parametrize("count", [0, 1, SEQUENCE])
def test_too_little_data(program, tmp_path, count):
    data = write_tokens(tmp_path / "t.bin", random_tokens(GROUPED, count))
    message = f"has {count} tokens, one sequence and its targets need {SEQUENCE + 1}" if count else "it is empty"
    complain(run(program, "--data", data, "--steps", 1), "t.bin", message)


@pytest.mark.parametrize("count", [SEQUENCE + 1, BATCH * SEQUENCE])
def test_data_shorter_than_a_batch_starts_over(program, tmp_path, count):
    """With one target too few for the last sequence of a batch, the first sequence comes again within the step."""
    data = write_tokens(tmp_path / "t.bin", random_tokens(GROUPED, count))
    record, = train(program, str(tmp_path), "--data", data, "--steps", 1)
    assert record["epoch"] == (BATCH - 1) // ((count - 1) // SEQUENCE) > 0


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


def test_more_memory_than_there_is(work, tmp_path):
    """An arena of some terabytes is refused before anything is allocated."""
    config = {**GROUPED, "vocab_size": 64, "max_position_embeddings": 1 << 20}
    program = work.program(config, MESHES["tp1"], batch=65536, seq=4096)
    tokens = write_tokens(tmp_path / "t.bin", random_tokens(config, 4097))
    began = time.time()
    complain(run(program, "--data", tokens, "--steps", 1), "memory")
    assert time.time() - began < 10


@pytest.mark.parametrize("path, message", [("none/l", "No such file or directory"), (".", "it is a folder")])
def test_bad_path_for_logits(work, tmp_path, data, path, message):
    """Said before the weights are read: here there are none."""
    program = work.program(GROUPED, MESHES["tp2"], mode="forward")
    result = run(program, "--load", tmp_path / "none", "--data", data, "--logits", tmp_path / path)
    complain(result, f"cannot write {tmp_path / path}: {message}")
    assert result.stderr.count("error") == 1, result.stderr


@pytest.fixture
def small_cgroup():
    """A memory cgroup of 300 MB, and the file that takes a process into it."""
    name = f"tpc-test-{os.getpid()}"
    for folder, limit in ((f"/sys/fs/cgroup/memory/{name}", "memory.limit_in_bytes"),
                          (f"/sys/fs/cgroup/{name}", "memory.max")):
        try:
            os.mkdir(folder)
        except OSError:
            continue
        try:
            if os.path.exists(os.path.join(folder, limit)):
                with open(os.path.join(folder, limit), "w") as file:
                    file.write(str(300 << 20))
                yield os.path.join(folder, "cgroup.procs")
                return
        finally:
            os.rmdir(folder)
    pytest.skip("making a memory cgroup needs the rights of root and a memory controller")


def test_more_memory_than_the_cgroup_has(work, data, small_cgroup):
    """Two arenas of more than 200 MB each."""
    program = work.program({**GROUPED, "vocab_size": 32768, "hidden_size": 512}, MESHES["tp2"])
    words = f"{tool('tpc-run')} {program} --data {data} --steps 1 --threads-per-rank 1"
    result = call(["sh", "-c", f"echo $$ > {small_cgroup} && exec {words}"])
    complain(result, "not enough memory: the program needs ", "the cgroup has 2")
    assert result.stderr.count("error") == 1, result.stderr
