#!/usr/bin/env bash
# From nothing to a trained model: installs Debian packages, builds, compiles examples/tiny-llama for two ranks with the
# tutorial's plan, and trains it on the licence texts that Debian ships, bytes as tokens, the last tenth held out.
# Leaves everything in build/quickstart. Quick the second time; the training is run again.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
preset=${TPC_PRESET:-release}
steps=${TPC_STEPS:-300}
case $preset in release | dev) build=build ;; *) build=build-$preset ;; esac
here=$build/quickstart
began=$SECONDS
step() { printf '\n== %s (%d s)\n' "$1" $((SECONDS - began)); }

step "packages"
tools/install-packages.sh

step "build ($preset)"
cmake --preset "$preset" >/dev/null
cmake --build --preset "$preset" --target tpc-compile tpc-run

step "text: the licences in /usr/share/common-licenses"
mkdir -p "$here"
find /usr/share/common-licenses -type f | LC_ALL=C sort | xargs cat >"$here/all.txt"
bytes=$(stat -c %s "$here/all.txt")
head -c $((bytes * 9 / 10)) "$here/all.txt" >"$here/train.txt"
tail -c +$((bytes * 9 / 10 + 1)) "$here/all.txt" >"$here/heldout.txt"
wc -c "$here/train.txt" "$here/heldout.txt"

step "compile examples/tiny-llama with examples/plans/tutorial.yaml for tp=2"
"$build/bin/tpc-compile" examples/tiny-llama --plan examples/plans/tutorial.yaml --mesh dp=1,tp=2 --mode train \
  --batch 8 --seq 256 --target cpu -o "$here/tiny-llama-tp2"

step "train on two ranks"
rm -rf "$here/checkpoint" "$here/metrics.jsonl"
"$build/bin/tpc-run" -n 2 "$here/tiny-llama-tp2" --data "$here/train.txt" --validation "$here/heldout.txt" \
  --steps "$steps" --lr 4e-3 --warmup 20 --decay-steps "$steps" --seed 1 \
  --metrics "$here/metrics.jsonl" --save "$here/checkpoint"

step "result"
/usr/bin/python3 - "$here/metrics.jsonl" <<'PYTHON'
import json
import sys

records = [json.loads(line) for line in open(sys.argv[1])]
steps = [record for record in records if "loss" in record]
heldout = [record["validation_loss"] for record in records if record.get("validation_loss") is not None]
rates = sorted(record["tokens_per_s"] for record in steps)
print(f"training loss   {steps[0]['loss']:.3f} -> {steps[-1]['loss']:.3f} in {len(steps)} steps")
if heldout:
    print(f"held-out loss   {heldout[0]:.3f} -> {heldout[-1]:.3f}  (nats per byte)")
print(f"speed           {rates[len(rates) // 2]:.0f} tokens/s (median step)")
PYTHON
echo "checkpoint      $here/checkpoint"
echo "metrics         $here/metrics.jsonl"
echo "whole script    $((SECONDS - began)) s"
