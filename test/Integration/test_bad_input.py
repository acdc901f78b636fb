"""What a user can get wrong at compile time: one clear message, status 1, nothing written."""
import json
import os
import shlex
import shutil
import signal
import subprocess
import time

import pytest

from harness import GROUPED, PLANS, ROOT, call, complain, tool


def compile_(folder, config=GROUPED, plan=None, mesh="dp=1,tp=2", batch=4, seq=16, raw=None, output="program", extra=()):
    """Calls tpc-compile on a config (or the raw text of one) and the text of a plan."""
    model = os.path.join(folder, "model")
    os.makedirs(model, exist_ok=True)
    with open(os.path.join(model, "config.json"), "w") as file:
        file.write(raw if raw is not None else json.dumps(config, indent=1))
    words = [tool("tpc-compile"), model, "--mesh", mesh, "--mode", "train", "--batch", batch, "--seq", seq,
                 "-o", os.path.join(folder, output), *extra]
    if plan is not None:
        path = os.path.join(folder, "plan.yaml")
        with open(path, "w") as file:
            file.write(plan)
        words += ["--plan", path]
    result = call(words)
    if result.returncode != 0:
        assert not [name for name in os.listdir(folder) if name.startswith("program")], "a half-written file"
    return result


def layer_plan(*lines):
    return '- apply_to: "model.layers.*"\n  plan:\n' + "".join(f"    {line}\n" for line in lines)


# name: (plan, parts of the message). Line numbers count from 1; the first rule is on line 3.
PLAN_MISTAKES = {
    "unknown-key": (layer_plan("self_attn.q_prj: ColwiseParallel()"),
                    ["plan.yaml:3", "self_attn.q_prj", "self_attn.q_proj"]),
    "pattern-matches-nothing": ('- plan:\n    "model.layers.*.attention.*": ColwiseParallel()\n',
                                ["plan.yaml:2", "model.layers.*.attention.*"]),
    "apply-to-matches-nothing": ('- apply_to: "model.blocks.*"\n  plan:\n    mlp.up_proj: ColwiseParallel()\n',
                                 ["plan.yaml:", "model.blocks.*", "model.layers.*"]),
    "two-rules-one-port": ('- plan:\n    "model.layers.*.mlp.up_proj": ColwiseParallel()\n'
                           '    "model.layers.*.mlp.u*_proj": ColwiseParallel(output_layouts=Replicate())\n',
                           ["plan.yaml:", "mlp.up_proj"]),
    "unknown-style": (layer_plan("mlp.up_proj: ColumnParallel()"), ["plan.yaml:3", "unknown style", "ColumnParallel"]),
    "unknown-argument": (layer_plan("mlp.up_proj: ColwiseParallel(output_layout=Replicate())"),
                         ["plan.yaml:3", "output_layout", "output_layouts"]),
    "unknown-plan-string": (layer_plan("mlp.up_proj: columnwise"), ["plan.yaml:3", "columnwise"]),
    "mixture-of-experts": (layer_plan("mlp.up_proj: ep_router"), ["plan.yaml:3", "ep_router"]),
    "dimension-out-of-range": (layer_plan("mlp.up_proj: ColwiseParallel(output_layouts=Shard(5))"),
                               ["plan.yaml:3", "Shard(5)"]),
    "style-without-call": (layer_plan("mlp.up_proj: ColwiseParallel(output_layouts=Replicate("), ["plan.yaml:3"]),
    "norm-as-column": (layer_plan("input_layernorm: ColwiseParallel()"), ["plan.yaml:3", "input_layernorm"]),
    "malformed-yaml": ("- plan:\n    lm_head: [ColwiseParallel()\n", ["plan.yaml:"]),
    "not-a-list": ("lm_head: ColwiseParallel()\n", ["plan.yaml:1"]),
}


@pytest.mark.parametrize("name", PLAN_MISTAKES)
def test_plan(tmp_path, name):
    plan, parts = PLAN_MISTAKES[name]
    complain(compile_(str(tmp_path), plan=plan), "error", *parts)


def test_wrong_arity(tmp_path):
    plan = layer_plan("self_attn: PrepareModuleInput(input_layouts=(Shard(1), None), desired_input_layouts=Replicate())")
    complain(compile_(str(tmp_path), plan=plan), "plan.yaml:3", "self_attn")


def test_exact_key_beats_pattern(tmp_path):
    plan = ('- plan:\n    "model.layers.*.mlp.up_proj": ColwiseParallel()\n'
            '    "model.layers.0.mlp.up_proj": ColwiseParallel(output_layouts=Replicate())\n')
    assert compile_(str(tmp_path), plan=plan, extra=["--check"]).returncode == 0


def test_producer_of_another_layout_is_an_error_under_strict(tmp_path):
    """down_proj claims a replicated input, gate and up produce Shard(-1)."""
    plan = layer_plan("mlp.gate_proj: ColwiseParallel()", "mlp.up_proj: ColwiseParallel()",
                      "mlp.down_proj: RowwiseParallel(input_layouts=Replicate())")
    complain(compile_(str(tmp_path), plan=plan, extra=["--plan-policy=strict"]), "plan.yaml:5", "down_proj")
    relaxed = compile_(str(tmp_path), plan=plan)
    assert relaxed.returncode == 0 and "warning" in relaxed.stderr and "down_proj" in relaxed.stderr


MESH_MISTAKES = {
    "zero": ("dp=1,tp=0", ["tp"]),
    "negative": ("dp=1,tp=-2", ["tp"]),
    "repeated": ("tp=2,tp=2", ["tp"]),
    "unknown-axis": ("dp=1,zz=2", ["zz"]),
    "no-size": ("dp=1,tp", ["tp"]),
    "not-a-number": ("dp=1,tp=two", ["two"]),
    "more-than-heads": ("dp=1,tp=24", ["24", "12"]),
}


@pytest.mark.parametrize("name", MESH_MISTAKES)
def test_mesh(tmp_path, name):
    mesh, parts = MESH_MISTAKES[name]
    with open(os.path.join(PLANS, "megatron.yaml")) as plan:
        config = {**GROUPED, "vocab_size": 96, "intermediate_size": 96}  # nothing but the heads is too few
        complain(compile_(str(tmp_path), config, mesh=mesh, plan=plan.read(), seq=48), "error", *parts)


@pytest.mark.parametrize("batch, seq, parts", [(0, 16, ["batch"]), (4, 0, ["seq"]), (4, 512, ["512", "256"])])
def test_batch_and_sequence(tmp_path, batch, seq, parts):
    complain(compile_(str(tmp_path), mesh="dp=2,tp=1", batch=batch, seq=seq), "error", *parts)


CONFIG_MISTAKES = {
    "another-architecture": ({"model_type": "gpt2", "architectures": ["GPT2LMHeadModel"]}, ["gpt2"]),
    "wrong-type": ({"hidden_size": "48"}, ["hidden_size"]),
    "fraction": ({"num_hidden_layers": 1.5}, ["num_hidden_layers"]),
    "zero": ({"num_hidden_layers": 0}, ["num_hidden_layers"]),
    "negative": ({"vocab_size": -1}, ["vocab_size"]),
    "heads-not-a-multiple": ({"num_key_value_heads": 5}, ["num_attention_heads", "12", "5"]),
    "odd-head-dim": ({"head_dim": 7}, ["head_dim", "7"]),
    "activation": ({"hidden_act": "gelu"}, ["hidden_act", "gelu"]),
    "yarn": ({"rope_scaling": {"rope_type": "yarn", "factor": 4.0}}, ["yarn"]),
    "llama3-incomplete": ({"rope_scaling": {"rope_type": "llama3", "factor": 8.0}}, ["low_freq_factor"]),
    "two-spellings": ({"rope_theta": 10000.0, "rope_parameters": {"rope_type": "default", "rope_theta": 5000.0}},
                      ["rope_theta"]),
    "too-many-layers": ({"num_hidden_layers": 2147483647}, ["num_hidden_layers", "at most 16384"]),
    "sizes-that-overflow": ({"hidden_size": 2147483647, "head_dim": 2147483646}, ["hidden_size", "head_dim", "at most"]),
    "bias-not-boolean": ({"attention_bias": "yes"}, ["attention_bias"]),
}


@pytest.mark.parametrize("name", CONFIG_MISTAKES)
def test_config(tmp_path, name):
    changes, parts = CONFIG_MISTAKES[name]
    complain(compile_(str(tmp_path), {**GROUPED, **changes}), "error", "config.json", *parts)


@pytest.mark.parametrize("field", ["vocab_size", "hidden_size", "intermediate_size", "num_hidden_layers",
                                   "num_attention_heads"])
def test_missing_field(tmp_path, field):
    config = {key: value for key, value in GROUPED.items() if key != field}
    complain(compile_(str(tmp_path), config), "error", "config.json", field)


def test_malformed_config(tmp_path):
    complain(compile_(str(tmp_path), raw='{\n "vocab_size": 64,\n "hidden_size" 48\n}'), "config.json:3:")


def test_deeply_nested_config(tmp_path):
    complain(compile_(str(tmp_path), raw='{\n "architectures": ' + "[" * 200000), "config.json:2:", "nested")


def test_deeply_nested_plan(tmp_path):
    complain(compile_(str(tmp_path), plan="- plan:\n    lm_head: " + "ColwiseParallel(" * 50000 + "\n"), "plan.yaml:2:14",
             "nested more than 16 levels deep")


def test_model_without_its_plan_table(tmp_path):
    complain(compile_(str(tmp_path), {**GROUPED, "base_model_tp_plan": ["colwise"]}, extra=["--plan=hf"]),
             "config.json:", "base_model_tp_plan", "should be an object")


def test_missing_model(tmp_path):
    complain(call([tool("tpc-compile"), tmp_path / "none", "--mesh", "tp=1", "--mode", "train", "--batch", 1, "--seq",
                   16, "-o", tmp_path / "x"]), "error", "none")
    assert not list(tmp_path.iterdir())


def test_missing_plan(tmp_path):
    complain(compile_(str(tmp_path), extra=["--plan", str(tmp_path / "none.yaml")]), "error", "none.yaml")


@pytest.mark.parametrize("text, parts", [
    ("func.func @f() { this is not MLIR }", ["m.mlir:1:"]),
    ('tpc.mesh @mesh <["tp"=2]>\nfunc.func @loss(%x: tensor<4x4xf32>) -> tensor<4x5xf32> {\n'
     "  return %x : tensor<4x4xf32>\n}\n", ["m.mlir:3:"]),
])
def test_mlir_that_does_not_verify(tmp_path, text, parts):
    (tmp_path / "m.mlir").write_text(text)
    complain(call([tool("tpc-compile"), tmp_path / "m.mlir", "--mesh", "tp=2", "-o", tmp_path / "x"]), *parts)


@pytest.mark.parametrize("words, parts", [
    (["--mode", "play"], ["play"]), (["--target", "abacus"], ["abacus"]), (["--emit=poetry"], ["poetry"]),
    (["--cpu", "z80"], ["z80"]), (["--no-such-flag"], ["no-such-flag"]), (["--plan-policy=lax"], ["lax"]),
])
def test_options(tmp_path, words, parts):
    complain(compile_(str(tmp_path), extra=words), *parts)


def test_output_into_a_missing_folder(tmp_path):
    complain(compile_(str(tmp_path), output=os.path.join("no", "x")), "error", "no/x")


@pytest.mark.parametrize("emit, size", [("local", "16k"), ("llvm", "16k"), ("obj", "16k"), ("exe", "16k"), ("exe", "400k")])
def test_disk_full(work, tmp_path, emit, size):
    """Nothing is left of a program that does not fit: neither of its object file nor, at 400k, of what the linker wrote."""
    if not shutil.which("unshare") or call(["unshare", "-m", "mount", "-t", "tmpfs", "none", tmp_path]).returncode != 0:
        pytest.skip("mounting a small file system needs the rights of root")
    words = [tool("tpc-compile"), work.model(GROUPED), "--mesh", "tp=2", "--plan", os.path.join(PLANS, "megatron.yaml"),
             "--batch", 4, "--seq", 16, f"--emit={emit}", "-o", tmp_path / "program"]
    command = " ".join(shlex.quote(str(word)) for word in words)
    script = f"mount -t tmpfs -o size={size} none {tmp_path} && {command}; code=$?; ls -A {tmp_path}; exit $code"
    result = call(["unshare", "-m", "sh", "-c", script])
    complain(result, f"{tmp_path}/program: error: cannot write", "No space left on device")
    assert result.stdout == "" and result.stderr.count("error:") == 1


def test_standard_output_that_is_full(work):
    words = [tool("tpc-compile"), work.model(GROUPED), "--batch", 4, "--seq", 16, "--emit=local"]
    result = call(["sh", "-c", " ".join(shlex.quote(str(word)) for word in words) + " > /dev/full"])
    complain(result, "-: error: cannot write: No space left on device")


def test_interrupted_linker(tmp_path):
    """Ctrl-C while the linker runs leaves no half-written program, and no log where temporary files are."""
    compiler, started, temporary, output = (tmp_path / name for name in ("c++", "started", "temporary", "output"))
    temporary.mkdir()
    output.mkdir()
    compiler.write_text(f"#!/bin/sh\ntouch '{started}'\nexec sleep 100\n")
    compiler.chmod(0o755)
    words = [tool("tpc-compile"), os.path.join(ROOT, "examples", "mlir", "matmul-row.mlir"), "-o", str(output / "program")]
    process = subprocess.Popen(words, env={**os.environ, "CXX": str(compiler), "TMPDIR": str(temporary)},
                               stderr=subprocess.DEVNULL, start_new_session=True)
    for _ in range(600):
        if started.exists():
            break
        time.sleep(0.1)
    assert os.listdir(temporary) and os.listdir(output), "the linker runs"
    os.killpg(process.pid, signal.SIGINT)
    assert process.wait(60) != 0
    assert os.listdir(temporary) + os.listdir(output) == []
