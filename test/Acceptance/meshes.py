#!/usr/bin/env python3
"""Trains the tutorial's model for 20 steps on several meshes and compares every step with one rank's.

    python3 test/Acceptance/meshes.py [--build build] [--steps 20] [--meshes tp=1 tp=2 tp=4 dp=2,tp=2]

Same data and seed, lr 1e-3, no warm-up. Checks: first loss in 10.8 .. 11.1; at every step loss within 1e-5 (relative) and
grad_norm within 1e-4 (relative) of the first mesh's; exported weights after the last step within 1e-4 (L2, relative, each
tensor). A loss alone does not notice missing or doubled gradient reductions. Takes about a quarter of an hour on two
cores and 3 GB of memory.
"""
import argparse
import json
import os
import subprocess
import sys
import tempfile

import numpy as np

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path.insert(0, os.path.join(ROOT, "python"))

from tpc import hf  # noqa: E402

LOSS, GRAD_NORM, WEIGHTS = 1e-5, 1e-4, 1e-4


def make_tokens(path, count):
    """Skewed random tokens: something to learn, the same on every machine."""
    draws = np.random.default_rng(7).zipf(1.3, size=count)
    np.minimum(draws - 1, 49_999).astype("<u2").tofile(path)


def train(options, mesh, folder, data):
    """Compiles for `mesh`, trains, exports; returns the metrics and the exported folder."""
    tools = os.path.join(options.build, "bin")
    name = mesh.replace(",", "-")
    program, metrics, weights = (os.path.join(folder, name + end) for end in (".exe", ".jsonl", ".hf"))
    subprocess.run([os.path.join(tools, "tpc-compile"), os.path.join(ROOT, "examples", "tutorial-llama"), "--plan",
                    os.path.join(ROOT, "examples", "plans", options.plan + ".yaml"), "--mesh", mesh, "--mode", "train",
                    "--batch", "4", "--seq", "512", "-o", program], check=True, stderr=subprocess.DEVNULL)
    print(f"training {mesh}", flush=True)
    subprocess.run([os.path.join(tools, "tpc-run"), program, "--data", data, "--steps", str(options.steps), "--seed", "1",
                    "--init", "torch", "--lr", "1e-3", "--warmup", "0", "--metrics", metrics, "--export-hf", weights], check=True)
    with open(metrics, encoding="utf-8") as lines:
        return [json.loads(line) for line in lines], weights


def compare_metrics(mesh, records, reference):
    """Largest relative differences of loss and grad_norm over all steps."""
    assert len(records) == len(reference), f"{mesh}: {len(records)} steps, expected {len(reference)}"
    return tuple(max(abs(a[key] / b[key] - 1) for a, b in zip(records, reference)) for key in ("loss", "grad_norm"))


def compare_weights(folder, reference):
    """Largest relative L2 distance of a tensor."""
    ours, theirs = hf.read_weights(folder), hf.read_weights(reference)
    assert sorted(ours) == sorted(theirs)
    return max(np.linalg.norm(ours[name].astype("f8") - theirs[name]) / np.linalg.norm(theirs[name].astype("f8"))
               for name in theirs)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--build", default=os.path.join(ROOT, "build"))
    parser.add_argument("--steps", type=int, default=20)
    parser.add_argument("--plan", default="tutorial")
    parser.add_argument("--meshes", nargs="+", default=["tp=1", "tp=2", "tp=4", "dp=2,tp=2"])
    options = parser.parse_args()
    failed = False
    with tempfile.TemporaryDirectory() as folder:
        data = os.path.join(folder, "tokens.bin")
        make_tokens(data, 4 * 512 * (options.steps + 2))
        reference, weights = train(options, options.meshes[0], folder, data)
        first = reference[0]["loss"]
        failed |= not 10.8 <= first <= 11.1
        print(f"{options.meshes[0]}: loss {first:.6f} -> {reference[-1]['loss']:.6f}")
        for mesh in options.meshes[1:]:
            records, exported = train(options, mesh, folder, data)
            loss, norm = compare_metrics(mesh, records, reference)
            distance = compare_weights(exported, weights)
            ok = loss <= LOSS and norm <= GRAD_NORM and distance <= WEIGHTS
            failed |= not ok
            print(f"{mesh}: loss {loss:.1e} (limit {LOSS}), grad_norm {norm:.1e} (limit {GRAD_NORM}), "
                  f"weights {distance:.1e} (limit {WEIGHTS}): {'ok' if ok else 'FAILED'}", flush=True)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
