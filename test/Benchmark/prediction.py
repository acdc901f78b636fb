"""What the cost model predicts beside what a run takes: `prediction.py BUILD [MODEL] [--seq S] [--batch B]`.

By mesh and threads of a rank: `tpc-run --measure` with as many ranks and threads, the step that `tpc-compile --explain` predicts
for that machine, and a run of the program with `--profile`. Lines say whether the step is within 15 % and the median of each
kind of collective (op, axes, bytes; over steps and occurrences) within a factor of 2; the exit status is 1 if one is not. Meant
for a machine that does nothing else. MODEL is the tutorial's without one.
"""
import argparse
import collections
import json
import os
import statistics
import subprocess
import sys
import tempfile

ROOT = os.path.normpath(os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", ".."))
CASES = [("dp=1,tp=1", 1, 2), ("dp=1,tp=2", 2, 1), ("dp=2,tp=1", 2, 1)]  # mesh, ranks, threads of each
STEPS = 8


def text_of(words):
    return subprocess.run([str(word) for word in words], check=True, stdout=subprocess.PIPE, text=True).stdout


class Case:
    """One mesh: predicted and measured, op by op."""

    def __init__(self, options, folder, mesh, ranks, threads):
        self.options, self.folder, self.ranks, self.threads = options, folder, ranks, threads
        self.flags = [options.model, "--plan", f"{ROOT}/examples/plans/megatron.yaml" if "tp=2" in mesh else "none", "--mesh",
                      mesh, "--mode", "train", "--batch", options.batch, "--seq", options.seq]

    def path(self, name):
        return os.path.join(self.folder, name)

    def measure(self):
        text_of([f"{self.options.build}/bin/tpc-run", "-n", self.ranks, "--threads-per-rank", self.threads, "--measure", "-o",
                 self.path("machine.yaml")])

    def predict(self):
        compiler = f"{self.options.build}/bin/tpc-compile"
        self.timeline = json.loads(text_of([compiler, *self.flags, "--machine", self.path("machine.yaml"), "--explain=json",
                                            "--trace", self.path("trace.json")]))["timeline"]
        with open(self.path("trace.json")) as file:
            events = [event for event in json.load(file)["traceEvents"] if event["ph"] == "X"]
        self.ops = [event for event in events if event["cat"] == "compute"]
        self.collectives_predicted = {event["args"]["number"]: event for event in events if event["cat"] == "communication"}
        text_of([compiler, *self.flags, "--machine", self.path("machine.yaml"), "-o", self.path("program")])

    def run(self):
        tokens = (STEPS + 1) * self.options.seq * self.options.batch + 1
        with open(self.path("data.txt"), "wb") as file:
            file.write((bytes(range(256)) * (tokens // 256 + 1))[:tokens])
        text_of([f"{self.options.build}/bin/tpc-run", "-n", self.ranks, "--threads-per-rank", self.threads, self.path("program"),
                 "--data", self.path("data.txt"), "--steps", STEPS, "--profile", self.path("profile.json"), "--quiet"])
        with open(self.path("profile.json")) as file:
            self.profile = json.load(file)

    def kinds(self):
        """Predicted and measured seconds by kind of op; launches by kernel, the sizes in its name left out."""
        sums = collections.defaultdict(lambda: [0.0, 0.0])
        for event, op in zip(self.ops, self.profile["ops"], strict=True):
            kind = op["op"] if op["op"] != "launch" else event["args"]["op"].rsplit("_", 1)[0]
            sums[kind][0] += event["dur"] / 1e6
            sums[kind][1] += op["seconds"]
        return sorted(sums.items(), key=lambda item: -item[1][1])

    def collectives(self):
        """By op, axes and received bytes: seconds predicted of each, and measured of all."""
        predicted, measured = {}, collections.defaultdict(list)
        for collective in self.profile["collectives"]:
            event = self.collectives_predicted[collective["number"]]
            kind = (collective["op"], event["args"]["axes"], event["args"]["bytes"])
            predicted.setdefault(kind, []).append(event["dur"] / 1e6)
            measured[kind].append(collective["seconds"])
        return {kind: (statistics.median(predicted[kind]), sorted(measured[kind])) for kind in sorted(measured)}


def report_collectives(case):
    """Prints a line for each kind of collective; is the median of each within a factor of 2?"""
    succeeded = True
    for (op, axes, size), (model, real) in case.collectives().items():
        close = 0.5 <= statistics.median(real) / model <= 2
        succeeded &= close
        spread = f", {real[0] * 1e6:.0f} to {real[-1] * 1e6:.0f}" if len(real) > 1 else ""
        print(f"  {f'{op} {axes}':30} {size:10} B x {len(real):3}: {model * 1e6:9.1f} {statistics.median(real) * 1e6:9.1f} us, ratio "
              f"{model / statistics.median(real):.2f}{spread}" + ("" if close else ": NOT within 2x"))
    return succeeded


def report(mesh, case):
    """Prints both sides; is the step predicted within 15 % and each collective within a factor of 2?"""
    predicted, measured = case.timeline["seconds"], case.profile["seconds"]
    close = abs(predicted / measured - 1) <= 0.15
    verdict = "within 15 %" if close else "NOT within 15 %"
    print(f"{mesh}, {case.ranks} ranks x {case.threads} threads: predicted {predicted * 1e3:.1f} ms, measured "
          f"{measured * 1e3:.1f} ms, ratio {predicted / measured:.2f}: {verdict}")
    for kind, (model, real) in case.kinds():
        print(f"  {kind:44} {model * 1e3:10.2f} {real * 1e3:10.2f} ms")
    return report_collectives(case) and close


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("build")
    parser.add_argument("model", nargs="?", default=f"{ROOT}/examples/tutorial-llama")
    parser.add_argument("--seq", type=int, default=512)
    parser.add_argument("--batch", type=int, default=2)
    options = parser.parse_args()
    succeeded = True
    for mesh, ranks, threads in CASES:
        with tempfile.TemporaryDirectory() as folder:
            case = Case(options, folder, mesh, ranks, threads)
            case.measure()
            case.predict()
            case.run()
            succeeded &= report(mesh, case)
    return 0 if succeeded else 1


if __name__ == "__main__":
    sys.exit(main())
