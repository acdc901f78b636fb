"""Step time of the tutorial model (f32, batch 1, sequence 512) by mesh and threads: `tutorial.py BUILD`.

GFLOP/s are the model's arithmetic (matrix products and attention, forward and backward) over the median step time, per core
in use; the peak is one thread's matrix product in oneDNN, measured just before. Passes and code generation are timed too.
"""
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time

ROOT = os.path.normpath(os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", ".."))
CASES = [("tp=1", 1), ("tp=1", 2), ("tp=2", 1)]  # mesh, threads of each rank
STEPS = 6


def text_of(words):
    return subprocess.run(words, check=True, stdout=subprocess.PIPE, text=True,
                          env={**os.environ, "OMP_NUM_THREADS": "1"}).stdout


def compile_tutorial(build, mesh, output, *extra):
    """Seconds that tpc-compile takes."""
    began = time.time()
    text_of([f"{build}/bin/tpc-compile", f"{ROOT}/examples/tutorial-llama", "--plan", f"{ROOT}/examples/plans/megatron.yaml",
             "--mesh", f"dp=1,{mesh}", "--mode", "train", "--batch", "1", "--seq", "512", "-o", output, *extra])
    return time.time() - began


def step_seconds(build, program, threads, folder):
    """Median seconds of a step, the first left out."""
    data, metrics = os.path.join(folder, "data.txt"), os.path.join(folder, "metrics.jsonl")
    with open(data, "wb") as file:
        file.write(bytes(range(256)) * (2 * STEPS + 4))
    if os.path.exists(metrics):
        os.remove(metrics)
    text_of([f"{build}/bin/tpc-run", program, "--data", data, "--steps", str(STEPS), "--metrics", metrics, "--quiet",
             "--threads-per-rank", str(threads)])
    with open(metrics) as file:
        records = [json.loads(line) for line in file]
    return statistics.median(512 / record["tokens_per_s"] for record in records[1:])


def main(build):
    peak = float(text_of([f"{build}/benchmarks/tpc-peak"]))
    print(f"tutorial model, sequence 512, batch 1, f32; {os.cpu_count()} cores, peak {peak:.0f} GFLOP/s per core\n")
    print(f"{'mesh':6}{'threads':>8}{'compile s':>11}{'to local s':>12}{'step s':>9}{'tokens/s':>10}"
          f"{'GFLOP/s per core':>18}{'of peak':>9}{'speedup':>9}")
    first = None
    with tempfile.TemporaryDirectory() as folder:
        for mesh, threads in CASES:
            program = os.path.join(folder, "program")
            passes = compile_tutorial(build, mesh, os.devnull, "--emit=local")
            compiling = compile_tutorial(build, mesh, program)
            manifest = json.loads(text_of([program, "--print-manifest"]))
            seconds = step_seconds(build, program, threads, folder)
            first = first or seconds
            cores = threads * int(mesh.split("=")[1])
            rate = manifest["flops_per_token"] * 512 / seconds / cores / 1e9
            print(f"{mesh:6}{threads:>8}{compiling:>11.1f}{passes:>12.2f}{seconds:>9.2f}{512 / seconds:>10.0f}{rate:>18.1f}"
                  f"{rate / peak:>9.0%}{first / seconds:>9.2f}", flush=True)


if __name__ == "__main__":
    main(os.path.abspath(sys.argv[1]))
