"""Calls `tpc-run`, and reads what a run leaves."""
import json
import os

from tpc import tools


def run(executable, *arguments, ranks=None, timeout=None, **options):
    """Runs a compiled program on `ranks` ranks (None: as many as its mesh has) and returns its standard output.
    `options` become flags: `lr=1e-3` is `--lr 1e-3`, `save_every=10` is `--save-every 10`, True is a bare flag.
    Raises `tools.ToolError` with the program's message, subprocess.TimeoutExpired after `timeout` seconds."""
    words = [tools.find("tpc-run")]
    if ranks is not None:
        words += ["-n", str(ranks)]
    words += [os.fspath(executable), *map(str, arguments)]
    for name, value in options.items():
        words.append("--" + name.replace("_", "-"))
        if value is not True:
            words.append(str(value))
    return tools.call(words, timeout=timeout)


def read_metrics(path):
    """The records of a metrics file (JSON lines), one dictionary per line."""
    with open(path, encoding="utf-8") as file:
        return [json.loads(line) for line in file if line.strip()]
