"""What tools/gpu-check.sh packs, in small; and the check itself where a GPU is."""
import json
import lzma
import os
import re
import subprocess
import sys

import pytest

from harness import BUILD, GROUPED, MESHES, ROOT, random_tokens, succeed, tool, train, write_tokens

sys.path.insert(0, os.path.join(ROOT, "tools"))

from gpu_check import run, stages, training  # noqa: E402  pylint: disable=wrong-import-position

SCRIPT = os.path.join(ROOT, "tools", "gpu-check.sh")
TINY = os.path.join(ROOT, "examples", "tiny-llama")
HAS_GPU = os.path.exists("/dev/nvidia0")


@pytest.fixture(scope="module")
def packed(tmp_path_factory):
    for path in ("lib/libtpc_runtime_cuda.a", "test/bin/tpc-emulate-kernels"):
        if not os.path.exists(os.path.join(os.path.dirname(tool("tpc-compile")), "..", path)):
            pytest.skip(f"{path} is not built")
    folder = tmp_path_factory.mktemp("packed") / "check"
    succeed(["bash", SCRIPT, "pack", folder, "--build", BUILD, "--model", TINY, "--seq", 16, "--steps", 4,
             "--step-model", TINY, "--step-seq", 64, "--least-bytes", 100000,
             "--cases", "gpu and (swiglu or integer_sum)"], timeout=400)
    return folder


def test_everything_is_there(packed):
    contents = json.loads((packed / "contents.json").read_text())
    assert contents["arch"] == "sm_90" and len(contents["training"]) == 7
    assert {run["tolerance"] for run in contents["training"]} == {1e-4, 1e-2}
    assert [run["processes"] for run in contents["training"]] == [1, 1, 1, 1, 1, 1, 2]
    for run in [*contents["training"], contents["step"], contents["sanitized"]]:
        assert (packed / (run["program"] + ".xz")).exists() and not (packed / run["program"]).exists()
    for run in contents["training"]:
        reference = [json.loads(line) for line in (packed / run["reference"]).read_text().splitlines()]
        assert len([record for record in reference if "loss" in record]) == 4 >= run["steps"]
    assert contents["step"]["flops_per_step"] > 0
    assert not (packed / "work").exists()


def test_kernels_are_there_with_their_code(packed):
    cases = json.loads((packed / "cases" / "cases.json").read_text())
    assert len(cases) >= 6 and {case["results"][0]["dtype"] for case in cases} == {"f32", "bf16", "i32"}
    for case in cases:
        assert (packed / "cases" / case["code"]).read_bytes()[:4] == b"\x7fELF"
        size = (packed / "cases" / case["data"]).stat().st_size
        for result in case["results"]:
            assert result["offset"] < size and case["buffers"][result["buffer"]]["bytes"] > 0
    kernels = json.loads((packed / "bandwidth" / "kernels.json").read_text())
    code = (packed / "bandwidth" / "kernels.cubin").read_bytes()
    assert code[18:20] == (190).to_bytes(2, "little")
    assert any("adamw" in kernel["name"] for kernel in kernels)
    for kernel in kernels:
        for launch in kernel["launches"]:
            assert f".text.{launch['name']}".encode() in code and launch["blocks"] > 0


def test_it_runs_without_tpc(packed):
    """The scripts import nothing of tpc's tree, nor modules that Python does not bring."""
    words = ["bash", packed / "gpu-check.sh", "run", packed]
    result = subprocess.run([str(word) for word in words], capture_output=True, text=True, check=False,
                            env={"PATH": "/usr/bin:/bin", "CUDA_VISIBLE_DEVICES": ""})
    assert result.returncode == 1 and re.fullmatch(r"error: no .*\n", result.stderr), result.stderr
    imported = set()
    for name in os.listdir(packed / "gpu_check"):
        if name.endswith(".py") and name != "torch_llama.py":
            imported |= set(re.findall(r"^(?:import|from) (\w+)", (packed / "gpu_check" / name).read_text(), re.M))
    assert not imported & {"numpy", "pytest", "tpc", "torch", "yaml"}


def test_executables_are_whole_after_unpacking(packed):
    script = "from gpu_check.run import unpack; import sys; unpack(sys.argv[1])"
    succeed(["python3", "-c", script, packed], cwd=packed)
    described = succeed([packed / "train-bf16-tp4", "--describe"]).stdout
    assert "training program for 4 ranks, mesh dp=1,tp=4" in described and "computed in bf16" in described


#===-- stages, with programs for the processor in the place of those for a GPU ------===#

@pytest.fixture
def on_processor(work, tmp_path):
    """A folder with a program of two ranks, its metrics and its data."""
    program = work.program(GROUPED, MESHES["tp2"])
    write_tokens(tmp_path / "tokens.bin", random_tokens(GROUPED, 6 * 64 + 1))
    (tmp_path / "out").mkdir()
    os.symlink(program, tmp_path / "program")
    train(program, str(tmp_path), "--data", tmp_path / "tokens.bin", "--steps", 4, "--seed", 1)
    reference = next(name for name in os.listdir(tmp_path) if name.endswith(".jsonl"))
    runs = [{"name": name, "program": "program", "flags": ["--seed", "1", "--steps", "4", *flags],
             "reference": reference, "tolerance": 1e-4, "steps": 4, "processes": processes}
            for name, flags, processes in (("loopback", ["--comm", "loopback"], 1), ("processes", [], 2))]
    write_contents(tmp_path, {"training": runs, "step": {"name": "grouped", "program": "program"}})
    return tmp_path


def write_contents(folder, contents):
    (folder / "contents.json").write_text(json.dumps(contents))


def test_training_is_compared_by_threads_and_by_processes(on_processor):
    figures, lines = stages.check_training(str(on_processor))
    assert set(figures) == {"loopback", "processes"} and max(figures.values()) < 1e-5
    assert lines[0].startswith("loopback: loss and grad_norm of 4 steps within ")
    assert len(training.read_metrics(on_processor / "out" / "processes.jsonl")) == 4


def test_other_training_is_wrong(on_processor):
    contents = json.loads((on_processor / "contents.json").read_text())
    contents["training"][0]["flags"][1] = "2"
    write_contents(on_processor, contents)
    with pytest.raises(stages.Failure, match="loopback: step 1: loss is "):
        stages.check_training(str(on_processor))


def test_the_whole_run_reports(on_processor, monkeypatch, capsys):
    monkeypatch.setattr(run, "check_place", lambda folder: "a processor")
    with lzma.open(on_processor / "alone.xz", "wb") as file:
        file.write(b"#!/bin/sh\nexit 3\n")
    assert run.main([str(on_processor), "--stages", "training"]) == 0
    told = json.loads((on_processor / "out" / "report.json").read_text())
    assert told["verdict"] == "correct" and told["device"] == "a processor" and list(told["stages"]) == ["training"]
    text = (on_processor / "out" / "report.txt").read_text()
    assert text == capsys.readouterr().out and "training: passed in" in text and "verdict: correct" in text
    assert subprocess.run([on_processor / "alone"], check=False).returncode == 3
    contents = json.loads((on_processor / "contents.json").read_text())
    contents["training"][1]["flags"].append("--no-such-flag")
    write_contents(on_processor, contents)
    assert run.main([str(on_processor), "--stages", "training"]) == 1
    told = capsys.readouterr().out
    assert "training: failed in" in told and "--no-such-flag" in told and "verdict: wrong" in told


def test_a_program_that_fails_is_quoted(on_processor):
    with pytest.raises(RuntimeError, match="error: .*--no-such-flag"):
        training.train([on_processor / "program", "--no-such-flag"], str(on_processor / "out" / "m"), 30, ranks=2)


def test_steps_are_timed(on_processor, monkeypatch):
    class Device:
        name = staticmethod(lambda: "NVIDIA H200")
    monkeypatch.setattr(stages, "Driver", Device)
    monkeypatch.setattr(stages, "find_torch", lambda: True)
    monkeypatch.setattr(stages, "measure_torch", lambda folder, run, steps: 0.25)
    contents = json.loads((on_processor / "contents.json").read_text())
    program = on_processor / "alone"
    program.write_text(f'#!/bin/sh\nexec {on_processor}/program --comm loopback "$@"\n')
    program.chmod(0o755)
    contents["step"].update(program="alone", batch=4, sequence=16, flops_per_step=9.89e14)
    write_contents(on_processor, contents)
    figures, lines = stages.compare_steps(str(on_processor))
    assert figures["mfu"] == pytest.approx(1 / figures["seconds"]) and figures["seconds"] > 0
    assert figures["speedup"] == pytest.approx(0.25 / figures["seconds"])
    assert figures["tokens_per_second"] == pytest.approx(64 / figures["seconds"])
    assert "ms per step" in lines[0] and "torch.compile" in lines[1]


@pytest.mark.skipif(not HAS_GPU, reason="no GPU is here")
def test_the_check_passes(packed):
    result = succeed(["bash", SCRIPT, "run", packed], timeout=9 * 60)
    report = json.loads((packed / "out" / "report.json").read_text())
    assert report["verdict"] in ("correct", "incomplete"), result.stdout
