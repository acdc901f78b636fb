"""Saving, resuming, loading and exporting: what comes back is what was there, bit for bit."""
import json
import os
import re
import shlex
import shutil

import pytest

from harness import GROUPED, LLAMA3, MESHES, TIED, call, complain, run, tool, train
from tpc import hf

STEPS = 6


def flags(data, folder, steps=STEPS):
    return ["--data", data, "--steps", steps, "--decay-steps", STEPS, "--lr", "1e-2", "--warmup", 2, "--seed", 1,
            "--save", folder]


def files(folder):
    return sorted(os.path.relpath(os.path.join(path, name), folder) for path, _, names in os.walk(folder)
                  for name in names)


@pytest.mark.parametrize("mesh", ["tp1", "tp2", "dp2tp2"])
def test_resumed_run_equals_the_uninterrupted(work, tmp_path, data, mesh):
    program = work.program(GROUPED, MESHES[mesh])
    whole = train(program, str(tmp_path), *flags(data, tmp_path / "a"), "--export-hf", tmp_path / "whole")
    train(program, str(tmp_path), *flags(data, tmp_path / "b", steps=3))
    os.remove(tmp_path / "metrics.jsonl")
    rest = train(program, str(tmp_path), *flags(data, tmp_path / "b"), "--resume", "--export-hf", tmp_path / "resumed")
    assert [record["step"] for record in rest] == [4, 5, 6]
    for one, other in zip(whole[3:], rest):
        assert (one["loss"], one["grad_norm"], one["lr"]) == (other["loss"], other["grad_norm"], other["lr"])
    expected, found = hf.read_weights(tmp_path / "whole"), hf.read_weights(tmp_path / "resumed")
    assert all((expected[name] == found[name]).all() for name in expected)


def test_resume_without_checkpoint_starts_at_once(work, tmp_path, data):
    records = train(work.program(GROUPED, MESHES["tp1"]), str(tmp_path), *flags(data, tmp_path / "c", steps=1),
                    "--resume")
    assert [record["step"] for record in records] == [1]


def test_export_and_load_are_inverse(work, tmp_path, data):
    program = work.program(GROUPED, MESHES["tp2"])
    for source, target in (([], "one"), (["--load", tmp_path / "one"], "two")):
        result = run(program, "--data", data, "--steps", 0, "--seed", 9, *source, "--export-hf", tmp_path / target)
        assert result.returncode == 0, result.stderr
    one, two = hf.read_weights(tmp_path / "one"), hf.read_weights(tmp_path / "two")
    assert list(one) and all((one[name] == two[name]).all() for name in one)
    config = hf.read_config(tmp_path / "one")
    assert {key: config[key] for key in GROUPED} == GROUPED


def test_tied_embeddings_are_exported_once(work, tmp_path, data):
    result = run(work.program(TIED, MESHES["tp2"]), "--data", data, "--steps", 1, "--export-hf", tmp_path / "out")
    assert result.returncode == 0, result.stderr
    assert "lm_head.weight" not in hf.read_weights(tmp_path / "out")


def test_load_of_another_model(work, tmp_path, data):
    other, _ = work.weights({**GROUPED, "intermediate_size": 96})
    result = run(work.program(GROUPED, MESHES["tp2"]), "--data", data, "--steps", 1, "--load", other,
                 "--export-hf", tmp_path / "out")
    complain(result, "mlp", "96", "80")
    assert not (tmp_path / "out").exists()


def load_copy(program, folder, target, data, config, extra_weights=()):
    """A run that loads a copy of the folder with another config.json and further weights."""
    hf.write_folder(target, config, {**hf.read_weights(folder), **dict(extra_weights)})
    return run(program, "--data", data, "--steps", 0, "--load", target)


LLAMA3_SCALING = LLAMA3["rope_scaling"]


@pytest.mark.parametrize("changes, message", [
    ({"rope_scaling": LLAMA3_SCALING}, 'rope_type is "llama3", this program has "default"'),
    ({"rope_theta": 500000}, "rope_theta is 500000, this program has 10000"),
    ({"rope_theta": None, "rope_parameters": {"rope_theta": 5000}}, "rope_theta is 5000, this program has 10000"),
    ({"model_type": "gpt2"}, 'model_type is "gpt2", this program has "llama"'),
    ({"tie_word_embeddings": True}, "tie_word_embeddings is true, this program has false"),
    ({"rms_norm_eps": None}, "rms_norm_eps is 1e-06, this program has 1e-05"),
])
def test_load_of_a_model_that_computes_something_else(work, tmp_path, data, changes, message):
    """The same shapes, another configuration."""
    folder, _ = work.weights(GROUPED)
    program = work.program(GROUPED, MESHES["tp1"])
    complain(load_copy(program, folder, tmp_path / "m", data, {**GROUPED, **changes}), "config.json", message)


@pytest.mark.parametrize("changes", [
    {"rope_theta": None, "rope_parameters": {"rope_theta": 10000, "rope_type": "default"}},
    {"rope_theta": None, "attention_bias": None, "hidden_act": None, "tie_word_embeddings": None},
])
def test_load_of_the_same_model_in_other_words(work, tmp_path, data, changes):
    folder, _ = work.weights(GROUPED)
    program = work.program(GROUPED, MESHES["tp1"])
    result = load_copy(program, folder, tmp_path / "m", data, {**GROUPED, **changes})
    assert result.returncode == 0, result.stderr


def test_resume_of_a_model_with_another_rotation(work, tmp_path, data):
    other = {**GROUPED, "rope_scaling": LLAMA3_SCALING}
    train(work.program(other, MESHES["tp1"]), str(tmp_path), *flags(data, tmp_path / "ckpt", steps=1))
    complain(run(work.program(GROUPED, MESHES["tp1"]), *flags(data, tmp_path / "ckpt"), "--resume"),
             'is of another model: rope_type is "llama3", this program has "default"')


def test_tied_embeddings_ignore_only_what_repeats_them(work, tmp_path, data):
    """Some folders store the table twice; an output matrix of its own belongs to an untied model."""
    folder, weights = work.weights(TIED)
    program = work.program(TIED, MESHES["tp2"])
    table = weights["model.embed_tokens.weight"].astype("float32")
    result = load_copy(program, folder, tmp_path / "repeated", data, TIED, {"lm_head.weight": table})
    assert result.returncode == 0, result.stderr
    complain(load_copy(program, folder, tmp_path / "own", data, TIED, {"lm_head.weight": 2 * table}),
             "this program has no parameter lm_head.weight")
    untied = {key: value for key, value in TIED.items() if key != "tie_word_embeddings"}
    complain(load_copy(program, folder, tmp_path / "untied", data, untied, {"lm_head.weight": table}),
             "tie_word_embeddings is false, this program has true")


def test_load_lacks_a_parameter(work, tmp_path, data):
    folder, weights = work.weights(GROUPED)
    weights = {name: w for name, w in weights.items() if name != "model.layers.1.mlp.up_proj.weight"}
    hf.write_folder(tmp_path / "m", GROUPED, weights)
    complain(run(work.program(GROUPED, MESHES["tp1"]), "--data", data, "--steps", 1, "--load", tmp_path / "m"),
             "model.layers.1.mlp.up_proj.weight")


def change_header(path, change):
    """Rewrites the JSON header of a safetensors file, leaving the data."""
    raw = path.read_bytes()
    length = int.from_bytes(raw[:8], "little")
    header = json.loads(raw[8:8 + length])
    change(header)
    text = json.dumps(header).encode()
    path.write_bytes(len(text).to_bytes(8, "little") + text + raw[8 + length:])


NAME = "model.layers.0.mlp.up_proj.weight"
LIES = {
    "truncated": lambda path: path.write_bytes(path.read_bytes()[:-100]),
    "empty": lambda path: path.write_bytes(b""),
    "huge-header": lambda path: path.write_bytes((1 << 60).to_bytes(8, "little") + path.read_bytes()[8:]),
    "not-json": lambda path: path.write_bytes(path.read_bytes()[:8] + b"#" + path.read_bytes()[9:]),
    "wrong-shape": lambda path: change_header(path, lambda h: h[NAME].update(shape=[1, 2])),
    "outside": lambda path: change_header(path, lambda h: h[NAME].update(data_offsets=[1 << 40, (1 << 40) + 15360])),
    "backwards": lambda path: change_header(path, lambda h: h[NAME].update(data_offsets=h[NAME]["data_offsets"][::-1])),
    "wrong-type": lambda path: change_header(path, lambda h: h[NAME].update(dtype="Q3")),
    "overflowing-shape": lambda path: change_header(path, lambda h: h[NAME].update(shape=[1 << 62, 4])),
}


@pytest.mark.parametrize("lie", LIES)
def test_lying_safetensors(work, tmp_path, data, lie):
    folder, _ = work.weights(GROUPED)
    shutil.copytree(folder, tmp_path / "m")
    LIES[lie](tmp_path / "m" / "model.safetensors")
    complain(run(work.program(GROUPED, MESHES["tp2"]), "--data", data, "--steps", 1, "--load", tmp_path / "m"),
             "model.safetensors")


@pytest.mark.parametrize("steps, message", [(1, "values that are not finite"), (2, "the gradient norm is -?nan at step 2")])
def test_divergence_is_not_saved(work, tmp_path, data, steps, message):
    """A rate that makes the weights infinite in one step, and one that makes the second gradients NaN beside a finite
    loss: one message, no checkpoint, no export."""
    rate = "1e300" if steps == 1 else "1e30"
    result = run(work.program(GROUPED, MESHES["tp2"]), "--data", data, "--steps", steps, "--lr", rate, "--seed", 1,
                 "--save", tmp_path / "ckpt", "--export-hf", tmp_path / "out")
    complain(result, "training diverged, try a smaller --lr")
    assert re.search(message, result.stderr) and result.stderr.count("error") == 1, result.stderr
    assert files(tmp_path / "ckpt") == [] and not (tmp_path / "out").exists()


def test_incomplete_checkpoint_is_refused(work, tmp_path, data):
    """A file of the checkpoint is cut short after the save: resuming says which, and trains nothing."""
    program = work.program(GROUPED, MESHES["tp2"])
    train(program, str(tmp_path), *flags(data, tmp_path / "ckpt", steps=2))
    largest = max(files(tmp_path / "ckpt"), key=lambda name: os.path.getsize(tmp_path / "ckpt" / name))
    path = tmp_path / "ckpt" / largest
    path.write_bytes(path.read_bytes()[:-64])
    complain(run(program, *flags(data, tmp_path / "ckpt"), "--resume"), os.path.basename(largest))


def test_resume_with_another_model(work, tmp_path, data):
    train(work.program({**GROUPED, "intermediate_size": 96}, MESHES["tp1"]), str(tmp_path),
          *flags(data, tmp_path / "ckpt", steps=1))
    complain(run(work.program(GROUPED, MESHES["tp1"]), *flags(data, tmp_path / "ckpt"), "--resume"), "ckpt")


def test_disk_full_while_saving(work, tmp_path, data):
    """A small file system holds one checkpoint (634 kB) but not two: the save after step 2 fails, that of step 1 stays
    and can be resumed."""
    if call(["unshare", "-m", "mount", "-t", "tmpfs", "none", tmp_path]).returncode != 0:
        pytest.skip("mounting a small file system needs the rights of root")
    folder = tmp_path / "small"
    folder.mkdir()
    program = work.program(GROUPED, MESHES["tp1"])
    words = [tool("tpc-run"), program, "--threads-per-rank", 1, *flags(data, folder / "ckpt", steps=2)]
    command = " ".join(shlex.quote(str(word)) for word in words)
    script = f"mount -t tmpfs -o size=900k none {folder} && {command} --save-every 1; code=$?; "
    resume = command.replace("--steps 2", "--steps 1") + " --resume"
    script += f"find {folder} -name '*.partial*' -o -name '*.tmp*'; {resume} >/dev/null || exit 9; exit $code"
    result = call(["unshare", "-m", "sh", "-c", script])
    complain(result, "ckpt", "No space left on device")
    assert "partial" not in result.stdout and ".tmp" not in result.stdout
