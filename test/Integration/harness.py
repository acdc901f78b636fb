"""What the end-to-end tests share: the built tools, small models, compiled programs (each compiled once), runs."""
import json
import os
import signal
import subprocess

import numpy as np
import pytest

import llama_numpy
from tpc import hf, run as tpc_run

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.normpath(os.path.join(HERE, "..", ".."))
BUILD = os.environ.get("TPC_BUILD", os.path.join(ROOT, "build"))
PLANS = os.path.join(ROOT, "examples", "plans")

MESHES = {"tp1": "dp=1,tp=1", "tp2": "dp=1,tp=2", "tp4": "dp=1,tp=4", "dp2tp2": "dp=2,tp=2"}
BATCH, SEQUENCE = 4, 16

# Three KV heads as in the tutorial's model: no mesh but tp=1 divides them. heads * head_dim is not hidden_size.
GROUPED = {
    "architectures": ["LlamaForCausalLM"], "model_type": "llama", "vocab_size": 64, "hidden_size": 48,
    "intermediate_size": 80, "num_hidden_layers": 2, "num_attention_heads": 12, "num_key_value_heads": 3,
    "head_dim": 8, "hidden_act": "silu", "max_position_embeddings": 256, "initializer_range": 0.02,
    "rms_norm_eps": 1e-5, "rope_theta": 10000.0, "rope_scaling": None, "attention_bias": False, "mlp_bias": False,
    "tie_word_embeddings": False,
}
LLAMA3 = {**GROUPED, "num_attention_heads": 4, "num_key_value_heads": 4, "rope_scaling": {
    "rope_type": "llama3", "factor": 8.0, "low_freq_factor": 1.0, "high_freq_factor": 4.0,
    "original_max_position_embeddings": 128}}
TIED = {**GROUPED, "num_attention_heads": 8, "num_key_value_heads": 4, "attention_bias": True, "mlp_bias": True,
        "tie_word_embeddings": True, "rope_scaling": {"type": "linear", "factor": 2.0}}
MODELS = {"grouped": GROUPED, "llama3": LLAMA3, "tied": TIED}


def tool(name):
    """Path of a built tool; skips the test if it was not built."""
    path = os.path.join(BUILD, "bin", name)
    if not os.access(path, os.X_OK):
        pytest.skip(f"{name} is not built in {BUILD}")
    return path


def environment(**changes):
    variables = {**os.environ, "OMP_NUM_THREADS": "1"}
    variables.update({name: str(value) for name, value in changes.items()})
    return variables


def call(words, timeout=120, cwd=None, env=None):
    """Runs a command to its end and returns it with text output; a command that hangs fails the test."""
    words = [str(word) for word in words]
    process = subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=cwd,
                               env=env or environment(), start_new_session=True)
    try:
        out, err = process.communicate(timeout=timeout)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        out, err = process.communicate()
        pytest.fail(f"hung for {timeout} s: {' '.join(words)}\n{out[-2000:]}\n{err[-2000:]}")
    return subprocess.CompletedProcess(words, process.returncode, out, err)


def succeed(words, **options):
    result = call(words, **options)
    assert result.returncode == 0, f"{' '.join(result.args)}\n{result.stdout[-2000:]}\n{result.stderr[-4000:]}"
    return result


def complain(result, *expected):
    """The command failed as a user should see it: status 1, one message that holds every one of `expected`."""
    text = result.stdout + result.stderr
    for trace in ("Stack dump", "Traceback", "terminate called", "Assertion", "PLEASE submit a bug"):
        assert trace not in text, text
    assert result.returncode == 1, f"status {result.returncode}\n{text}"
    for part in expected:
        assert part in text, f"no {part!r} in\n{text}"


class Workplace:
    """Models, data and programs in one folder of the session."""

    def __init__(self, folder):
        self.folder = folder
        self.programs = {}

    def path(self, name):
        return os.path.join(self.folder, name)

    def model(self, config):
        """Folder with the configuration's `config.json`."""
        text = json.dumps(config, sort_keys=True)
        name = self.path(f"model-{abs(hash(text)):x}")
        os.makedirs(name, exist_ok=True)
        with open(os.path.join(name, "config.json"), "w") as file:
            file.write(text)
        return name

    def weights(self, config, seed=11):
        """Folder with `config.json` and random float32 weights, and those weights."""
        weights = llama_numpy.random_weights(config, seed)
        name = self.model(config) + f"-weights-{seed}"
        hf.write_folder(name, config, weights)
        return name, weights

    def program(self, config, mesh, plan="tutorial", mode="train", batch=BATCH, seq=SEQUENCE, extra=()):
        """A compiled program; `mesh` as on the command line, `plan` one of examples/plans, a path, or None."""
        key = (json.dumps(config, sort_keys=True), mesh, plan, mode, batch, seq, tuple(extra))
        if key not in self.programs:
            output = self.path(f"program-{len(self.programs)}")
            words = [tool("tpc-compile"), self.model(config), "--mesh", mesh, "--mode", mode, "--batch", batch,
                     "--seq", seq, "--target", "cpu", "-o", output, *extra]
            if plan:
                words += ["--plan", plan if os.sep in plan else os.path.join(PLANS, plan + ".yaml")]
            tool("tpc-run")
            succeed(words)
            self.programs[key] = output
        return self.programs[key]


def run(program, *arguments, ranks=None, **options):
    words = [tool("tpc-run")] + (["-n", ranks] if ranks else [])
    return call(words + [program, "--threads-per-rank", 1, *arguments], **options)


def train(program, folder, *arguments, **options):
    """Runs a train program and returns its metrics, one dictionary per step."""
    path = os.path.join(folder, "metrics.jsonl")
    result = run(program, "--metrics", path, *arguments, **options)
    assert result.returncode == 0, result.stdout[-2000:] + result.stderr[-4000:]
    return tpc_run.read_metrics(path)


def write_tokens(path, tokens):
    np.asarray(tokens).astype("<u2").tofile(path)
    return str(path)


def random_tokens(config, count, seed=5, first=1):
    """Ids in [first, vocab_size): 0 is left for tests that ignore it."""
    return np.random.default_rng(seed).integers(first, config["vocab_size"], count)


def batches(tokens, steps, batch=BATCH, seq=SEQUENCE):
    """(inputs, targets) [batch, seq] of each step, as the command line defines them; no wrap-around."""
    for step in range(steps):
        starts = [(step * batch + b) * seq for b in range(batch)]
        yield (np.stack([tokens[s:s + seq] for s in starts]), np.stack([tokens[s + 1:s + seq + 1] for s in starts]))


def relative(found, expected):
    """L2 distance over L2 norm, in float64."""
    found, expected = np.asarray(found, np.float64), np.asarray(expected, np.float64)
    assert found.shape == expected.shape
    return float(np.linalg.norm(found - expected) / max(np.linalg.norm(expected), 1e-30))
