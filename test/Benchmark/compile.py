"""How compile time grows: `compile.py BUILD`. CPU seconds and peak memory of tpc-compile from config.json to one rank's
program (printed to nowhere), by layers, devices and --dp-mode, of propagation alone on a forward graph, and of --check by
layers and plan.

Llama-3-8B and Llama-3.1-405B as their config.json describes them; plan: megatron.yaml. Linear in layers and constant in
devices is what to look for.
"""
import json
import math
import os
import re
import resource
import subprocess
import sys
import tempfile

ROOT = os.path.normpath(os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", ".."))
COMMON = {"architectures": ["LlamaForCausalLM"], "model_type": "llama", "hidden_act": "silu", "rms_norm_eps": 1e-5,
          "rope_theta": 500000.0, "max_position_embeddings": 8192, "vocab_size": 128256, "initializer_range": 0.02,
          "tie_word_embeddings": False, "attention_bias": False, "mlp_bias": False, "num_key_value_heads": 8}
LLAMA_8B = {**COMMON, "hidden_size": 4096, "intermediate_size": 14336, "num_hidden_layers": 32, "num_attention_heads": 32}
LLAMA_405B = {**COMMON, "hidden_size": 16384, "intermediate_size": 53248, "num_hidden_layers": 126,
              "num_attention_heads": 128}
LAYERS = [16, 32, 64, 126, 252]
MESHES = ["dp=1,tp=8", "dp=8,tp=8", "dp=64,tp=8", "dp=128,tp=8", "dp=8,tp=16", "dp=256,tp=16"]
MODES = ["ddp", "zero1", "zero2", "fsdp"]


def run(words):
    """CPU seconds, peak MB and output of a process."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    process = subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    out = process.stdout.read()
    _, status, usage = os.wait4(process.pid, 0)
    if status != 0:
        sys.exit(f"{' '.join(words)}\n{out}")
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return (after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime, usage.ru_maxrss / 1024, out)


def compile_model(build, folder, config, mesh, mode="train", output=os.devnull, emit="local", storage="ddp"):
    with open(os.path.join(folder, "config.json"), "w") as file:
        json.dump(config, file)
    return run([f"{build}/bin/tpc-compile", folder, "--plan", f"{ROOT}/examples/plans/megatron.yaml", "--mesh", mesh,
                "--mode", mode, "--batch", "1024", "--seq", "4096", "--dp-mode", storage, f"--emit={emit}",
                "-o", output])


def propagation_seconds(build, folder):
    """Wall seconds of tpc-propagate-layouts on the forward graph of the 8B model, without parsing."""
    imported = os.path.join(folder, "imported.mlir")
    compile_model(build, folder, LLAMA_8B, "dp=1,tp=8", mode="forward", output=imported, emit="import")
    plan = f"--tpc-apply-plan=plan={ROOT}/examples/plans/megatron.yaml"
    _, _, out = run([f"{build}/bin/tpc-opt", imported, plan, "--tpc-propagate-layouts", "--mlir-timing",
                     "--mlir-timing-display=list", "-o", os.devnull])
    return float(re.search(r"([\d.]+) \([^)]*\)\s+PropagateLayouts", out).group(1))


def print_checks(build, folder):
    """CPU seconds of --check; the plan auto is derived from the graph first."""
    plans = ["auto", "hf", f"{ROOT}/examples/plans/megatron.yaml"]
    print(f"--check, Llama-3-8B's widths, dp=8,tp=8, CPU s\n{'layers':>7}" + "".join(f"{name:>8}" for name in ("auto", "hf", "file")))
    for layers in (8, *LAYERS[1:], 504):
        with open(os.path.join(folder, "config.json"), "w") as file:
            json.dump({**LLAMA_8B, "num_hidden_layers": layers}, file)
        words = [f"{build}/bin/tpc-compile", folder, "--mesh", "dp=8,tp=8", "--batch", "1024", "--seq", "4096", "--check"]
        seconds = [run([*words, "--plan", plan])[0] for plan in plans]
        print(f"{layers:>7}" + "".join(f"{number:>8.2f}" for number in seconds), flush=True)
    print()


def main(build):
    with tempfile.TemporaryDirectory() as folder:
        print(f"propagation, 32-layer Llama-3-8B, forward, tp=8: {propagation_seconds(build, folder) * 1e3:.0f} ms\n")
        print_checks(build, folder)
        print("training step to one rank's program, Llama-3.1-405B's widths\n")
        print(f"{'layers':>7} {'mesh':14}{'dp-mode':8}{'devices':>8}{'CPU s':>8}{'peak MB':>9}")
        cases = [(layers, "dp=8,tp=8", "ddp") for layers in LAYERS] + [(126, mesh, "ddp") for mesh in MESHES]
        cases += [(126, mesh, storage) for mesh in ["dp=8,tp=8", "dp=8,tp=16"] for storage in MODES[1:]]
        for layers, mesh, storage in cases:
            devices = math.prod(int(size) for size in re.findall(r"\d+", mesh))
            config = {**LLAMA_405B, "num_hidden_layers": layers}
            seconds, memory, _ = compile_model(build, folder, config, mesh, storage=storage)
            print(f"{layers:>7} {mesh:14}{storage:8}{devices:>8}{seconds:>8.2f}{memory:>9.0f}", flush=True)


if __name__ == "__main__":
    main(os.path.abspath(sys.argv[1]))
