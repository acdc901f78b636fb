"""From what the stages found to a verdict."""

# Of one GPU, matrix products of bf16, operations per second without sparsity.
PEAKS = {"A100": 3.12e14, "H100": 9.89e14, "H200": 9.89e14, "GH200": 9.89e14, "B200": 2.25e15, "GB200": 2.5e15}
TARGETS = {  # stage, figure: the least that is aimed at, for people
    ("bandwidth", "least_share"): (0.85, "memory-bound kernels reach {:.0%} of the bandwidth of copies"),
    ("step", "speedup"): (1.0, "a step is {:.2f} times as fast as torch.compile's"),
    ("step", "mfu"): (0.5, "a step's matrix products are {:.1%} of the GPU's peak"),
}


def get_peak(device):
    """By the GPU's name; None if it is not known."""
    words = device.replace("-", " ").split()
    return next((peak for name, peak in PEAKS.items() if name in words), None)


def get_mfu(flops_per_step, seconds, device):
    peak = get_peak(device)
    return flops_per_step / seconds / peak if peak else None


def judge(stages):
    """(verdict, lines): "wrong" if a stage failed, "incomplete" if one was skipped, else "correct"; targets, met or
    missed, are lines only."""
    lines = []
    for (stage, figure), (least, text) in TARGETS.items():
        value = stages.get(stage, {}).get("figures", {}).get(figure)
        if value is not None:
            lines.append(("met: " if value >= least else "MISSED: ") + text.format(value))
    states = [stage["status"] for stage in stages.values()]
    if "failed" in states:
        return "wrong", lines
    return ("incomplete" if "skipped" in states else "correct"), lines


def write_text(report):
    """The report for people."""
    lines = [f"GPU: {report['device']}"]
    for name, stage in report["stages"].items():
        lines.append(f"\n{name}: {stage['status']} in {stage['seconds']:.0f} s")
        lines += ["  " + line for line in stage["lines"]]
    lines += ["", *report["targets"], f"verdict: {report['verdict']}"]
    return "\n".join(lines) + "\n"
