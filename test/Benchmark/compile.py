"""How compile time grows: `compile.py BUILD`. CPU seconds and peak memory of tpc-compile from config.json to one rank's
program (printed to nowhere), by layers, devices, --dp-mode and plan, of propagation alone on a forward graph, of
--check by layers and plan, and of --emit=kernels and --explain by layers, --dp-mode and target.

Llama-3-8B and Llama-3.1-405B as their config.json describes them. Each case runs twice, the faster one counts. Then
come the limits, PASS or FAIL each; the exit status is 1 if one fails.
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
MEGATRON, NO_PLAN = f"{ROOT}/examples/plans/megatron.yaml", "none"
STAGE_LAYERS = [16, 32, 64, 126]
CUDA = ["--target=cuda", "--precision=bf16"]
STAGES = {"kernels": (["--emit=kernels"], "ddp"), "kernels cuda zero1": (["--emit=kernels", *CUDA], "zero1"),
          "kernels cuda fsdp": (["--emit=kernels", *CUDA], "fsdp"), "explain": (["--explain"], "ddp"),
          "explain cuda fsdp": (["--explain", *CUDA], "fsdp")}  # options and --dp-mode
DEVICE_MESHES = ["dp=1,tp=8", "dp=8,tp=8", "dp=64,tp=8", "dp=512,tp=8"]  # 8 to 4096 devices

PROPAGATION_SECONDS = 0.05
STEP_SECONDS, STEP_MEGABYTES = 3, 2048  # a training step of all 126 layers
PER_LAYER = 1.5    # of the dearest layer to the cheapest, where the number of layers grows: linear
PER_DEVICES = 1.5  # of the slowest to the fastest, where only the number of devices grows: constant


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


def compile_model(build, folder, config, mesh, mode="train", output=os.devnull, what=("--emit=local",),
                  storage="ddp", plan=MEGATRON):
    with open(os.path.join(folder, "config.json"), "w") as file:
        json.dump(config, file)
    return run([f"{build}/bin/tpc-compile", folder, "--plan", plan, "--mesh", mesh,
                "--mode", mode, "--batch", "4096", "--seq", "4096", "--dp-mode", storage, *what,
                "-o", output])


def propagation_seconds(build, folder):
    """Wall seconds of tpc-propagate-layouts on the forward graph of the 8B model, without parsing."""
    imported = os.path.join(folder, "imported.mlir")
    compile_model(build, folder, LLAMA_8B, "dp=1,tp=8", mode="forward", output=imported, what=["--emit=import"])
    plan = f"--tpc-apply-plan=plan={MEGATRON}"
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


def step_cases():
    """(layers, mesh, dp-mode, plan) of the training steps."""
    cases = [(layers, "dp=8,tp=8", "ddp", MEGATRON) for layers in LAYERS]
    cases += [(126, mesh, "ddp", MEGATRON) for mesh in [*MESHES, *DEVICE_MESHES]]
    cases += [(126, mesh, storage, MEGATRON) for mesh in ["dp=8,tp=8", "dp=8,tp=16"] for storage in MODES[1:]]
    cases += [(126, mesh, "fsdp", plan) for mesh in DEVICE_MESHES for plan in [MEGATRON, NO_PLAN]]
    return list(dict.fromkeys(cases))


def measure_steps(build, folder):
    """CPU seconds and peak MB by case; prints the table."""
    print("training step to one rank's program, Llama-3.1-405B's widths\n")
    print(f"{'layers':>7} {'mesh':14}{'dp-mode':8}{'plan':10}{'devices':>8}{'CPU s':>8}{'peak MB':>9}")
    measured = {}
    for case in step_cases():
        layers, mesh, storage, plan = case
        devices = math.prod(int(size) for size in re.findall(r"\d+", mesh))
        config = {**LLAMA_405B, "num_hidden_layers": layers}
        runs = [compile_model(build, folder, config, mesh, storage=storage, plan=plan) for _ in range(2)]
        seconds, memory, _ = measured[case] = min(runs)
        name = os.path.basename(plan).removesuffix(".yaml")
        print(f"{layers:>7} {mesh:14}{storage:8}{name:10}{devices:>8}{seconds:>8.2f}{memory:>9.0f}", flush=True)
    return measured


def measure_stages(build, folder):
    """CPU seconds by stage, then layers; prints the table."""
    print("\ntraining step, Llama-3.1-405B's widths, dp=8,tp=8, CPU s\n")
    print(f"{'layers':>7}" + "".join(f"{name:>19}" for name in STAGES))
    measured = {name: {} for name in STAGES}
    for layers in STAGE_LAYERS:
        config = {**LLAMA_405B, "num_hidden_layers": layers}
        for name, (what, storage) in STAGES.items():
            runs = [compile_model(build, folder, config, "dp=8,tp=8", what=what, storage=storage) for _ in range(2)]
            measured[name][layers] = min(runs)[0]
        print(f"{layers:>7}" + "".join(f"{times[layers]:>19.2f}" for times in measured.values()), flush=True)
    return measured


def get_slope_ratio(seconds):
    """Of what a further layer takes, the most by the least: the fixed part of a compilation would hide growth."""
    points = sorted(seconds.items())
    slopes = [(late[1] - early[1]) / (late[0] - early[0]) for early, late in zip(points, points[2:])]
    return max(slopes) / min(slopes)


def get_verdicts(propagation, measured, stages):
    """(what, measured, limit) of each limit."""
    whole = [value for case, value in measured.items() if case[0] == 126]
    verdicts = [("propagation of 32 layers, seconds", propagation, PROPAGATION_SECONDS),
                ("step of 126 layers, most CPU seconds", max(seconds for seconds, _, _ in whole), STEP_SECONDS),
                ("step of 126 layers, most MB", max(memory for _, memory, _ in whole), STEP_MEGABYTES)]
    steps = {layers: measured[layers, "dp=8,tp=8", "ddp", MEGATRON][0] for layers in LAYERS}
    for name, seconds in [("step", steps), *stages.items()]:
        verdicts.append((f"{name}, linear in layers, dearest layer to cheapest", get_slope_ratio(seconds), PER_LAYER))
    for storage, plan in [("ddp", MEGATRON), ("fsdp", MEGATRON), ("fsdp", NO_PLAN)]:
        times = [measured[126, mesh, storage, plan][0] for mesh in DEVICE_MESHES[1:]]
        name = os.path.basename(plan).removesuffix(".yaml")
        verdicts.append((f"64 to 4096 devices, {storage}, {name}, slowest to fastest", max(times) / min(times),
                         PER_DEVICES))
    return verdicts


def main(build):
    with tempfile.TemporaryDirectory() as folder:
        propagation = propagation_seconds(build, folder)
        print(f"propagation, 32-layer Llama-3-8B, forward, tp=8: {propagation * 1e3:.0f} ms\n")
        print_checks(build, folder)
        steps = measure_steps(build, folder)
        verdicts = get_verdicts(propagation, steps, measure_stages(build, folder))
    print()
    for what, value, limit in verdicts:
        print(f"{'PASS' if value <= limit else 'FAIL'}  {what}: {value:.3g}, at most {limit}")
    return any(value > limit for _, value, limit in verdicts)


if __name__ == "__main__":
    sys.exit(main(os.path.abspath(sys.argv[1])))
