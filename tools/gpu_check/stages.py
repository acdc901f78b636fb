"""The stages of the check. Each is a function of the folder that returns its figures and lines, and raises Failure."""
import json
import os
import shutil
import subprocess
import sys

from . import bandwidth, cases, report, training
from .driver import Driver, Refusal


class Failure(Exception):
    """Something is wrong: lines of text."""


def read_contents(folder):
    with open(os.path.join(folder, "contents.json"), encoding="utf-8") as file:
        return json.load(file)


def check_kernels(folder):
    driver, where = Driver(), os.path.join(folder, "cases")
    found, complaints = cases.read_cases(where), []
    for case in found:
        complaints += cases.run_case(driver, where, case)
    if complaints:
        raise Failure("\n".join(complaints))
    return {"cases": len(found)}, [f"{len(found)} programs of kernels agree with float64"]


def check_training(folder):
    figures, lines, complaints = {}, [], []
    for run in read_contents(folder)["training"]:
        words = [os.path.join(folder, run["program"]), *run["flags"], "--data", os.path.join(folder, "tokens.bin")]
        metrics = os.path.join(folder, "out", run["name"] + ".jsonl")
        reference = training.read_metrics(os.path.join(folder, run["reference"]))[:run["steps"]]
        found = training.train(words, metrics, timeout=60, ranks=run["processes"])
        largest, said = training.compare_metrics(found, reference, run["tolerance"])
        figures[run["name"]] = largest
        lines.append(f"{run['name']}: loss and grad_norm of {run['steps']} steps within {largest:.1e} of a processor's")
        complaints += [f"{run['name']}: {text}" for text in said]
    if complaints:
        raise Failure("\n".join(complaints))
    return figures, lines


def measure_bandwidth(folder):
    copies, rows = bandwidth.measure(Driver(), os.path.join(folder, "bandwidth"))
    lines = [f"copies: {copies / 1e12:.2f} TB/s"]
    lines += [f"{row['share']:6.1%}  {row['bytes_per_second'] / 1e12:5.2f} TB/s  {row['seconds'] * 1e6:8.1f} us  "
              f"{row['kernel']}" for row in rows]
    return {"copies": copies, "least_share": rows[0]["share"], "kernels": rows}, lines


def measure_products(folder):
    output = os.path.join(folder, "out", "machine.yaml")
    words = [os.path.join(folder, read_contents(folder)["step"]["program"]), "--measure", output]
    result = subprocess.run(words, capture_output=True, text=True, env=training.get_environment(), check=False)
    if result.returncode:
        raise Failure(result.stderr.strip())
    return {"machine": open(output, encoding="utf-8").read()}, result.stderr.strip().splitlines()


def find_torch():
    """Whether a PyTorch that sees the GPU is there; in a process of its own."""
    code = "import torch, sys; sys.exit(not torch.cuda.is_available())"
    return not subprocess.run([sys.executable, "-c", code], capture_output=True, check=False).returncode


def measure_torch(folder, run, steps):
    """Median seconds of a step of PyTorch."""
    script = os.path.join(os.path.dirname(__file__), "torch_llama.py")
    words = [sys.executable, script, "--config", os.path.join(folder, run["config"]), "--batch", str(run["batch"]),
             "--seq", str(run["sequence"]), "--data", os.path.join(folder, "tokens.bin"), "--steps", str(steps)]
    result = subprocess.run(words, capture_output=True, text=True, check=False)
    if result.returncode:
        raise Failure("PyTorch: " + result.stderr.strip()[-1000:])
    return json.loads(result.stdout.splitlines()[-1])["seconds"]


def compare_steps(folder):
    """Alternating, so that both meet the same clocks."""
    run = read_contents(folder)["step"]
    words = [os.path.join(folder, run["program"]), "--steps", 12, "--seed", 1, "--data",
             os.path.join(folder, "tokens.bin")]
    metrics, with_torch, ours, theirs = os.path.join(folder, "out", "step.jsonl"), find_torch(), [], []
    for _ in range(2):
        ours.append(training.get_step_seconds(training.train(words, metrics, timeout=90)))
        if with_torch:
            theirs.append(measure_torch(folder, run, 12))
    device, seconds = Driver().name(), min(ours)
    figures = {"seconds": seconds, "mfu": report.get_mfu(run["flops_per_step"], seconds, device),
               "tokens_per_second": run["batch"] * run["sequence"] / seconds}
    lines = [f"{run['name']}: {seconds * 1e3:.1f} ms per step, {figures['tokens_per_second']:.0f} tokens/s"]
    if with_torch:
        figures.update(torch_seconds=min(theirs), speedup=min(theirs) / seconds)
        lines.append(f"torch.compile, fused AdamW, attention of cuDNN: {min(theirs) * 1e3:.1f} ms per step")
    else:
        lines.append("not compared: no PyTorch that sees the GPU")
    return figures, lines


def sanitize(folder):
    tool = shutil.which("compute-sanitizer") or "/usr/local/cuda/bin/compute-sanitizer"
    if not os.access(tool, os.X_OK):
        raise Refusal("compute-sanitizer is not installed")
    run = read_contents(folder)["sanitized"]
    words = [tool, "--error-exitcode", "9", os.path.join(folder, run["program"]), "--steps", "1", "--quiet", "--data",
             os.path.join(folder, "tokens.bin")]
    result = subprocess.run(words, capture_output=True, text=True, env=training.get_environment(), check=False)
    if result.returncode:
        raise Failure((result.stdout + result.stderr).strip()[-2000:])
    return {}, ["no access out of bounds in a step of a tiny model"]


# Name, function, seconds at most; together less than nine minutes.
STAGES = [("kernels", check_kernels, 60), ("training", check_training, 150), ("bandwidth", measure_bandwidth, 40),
          ("products", measure_products, 50), ("step", compare_steps, 170), ("sanitizer", sanitize, 50)]


def main(name, folder, output):
    """Runs one stage and writes what came of it."""
    stage = next(function for known, function, _ in STAGES if known == name)
    try:
        figures, lines = stage(folder)
        result = {"status": "passed", "figures": figures, "lines": lines}
    except Refusal as refusal:
        result = {"status": "skipped", "figures": {}, "lines": [str(refusal)]}
    except (Failure, RuntimeError, subprocess.TimeoutExpired) as failure:
        result = {"status": "failed", "figures": {}, "lines": str(failure).splitlines()}
    with open(output, "w", encoding="utf-8") as file:
        json.dump(result, file)


if __name__ == "__main__":
    main(*sys.argv[1:])
