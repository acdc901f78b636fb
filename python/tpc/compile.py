"""Calls `tpc-compile`."""
import os
import tempfile

from tpc import plan as plans
from tpc import tools


def command_line(model, *, mesh, mode="train", batch, seq, output=None, plan=None, target="cpu", extra=()):
    """The words of a `tpc-compile` command. `mesh` maps axis names to sizes, major axis first; `batch` is global."""
    words = [tools.find("tpc-compile"), os.fspath(model)]
    if plan is not None:
        words += ["--plan", os.fspath(plan)]
    words += ["--mesh", ",".join(f"{name}={size}" for name, size in mesh.items())]
    words += ["--mode", mode, "--batch", str(batch), "--seq", str(seq), "--target", target]
    if output is not None:
        words += ["-o", os.fspath(output)]
    return words + list(extra)


def compile_model(model, *, plan=None, **options):
    """Compiles and returns what the tool printed. `plan` is a plan file, or a list of entries as `tpc.plan.write_plan`
    takes them. Other options as in `command_line`. Raises `tools.ToolError` with the compiler's message."""
    if plan is None or isinstance(plan, (str, os.PathLike)):
        return tools.call(command_line(model, plan=plan, **options))
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "plan.yaml")
        plans.write_plan(path, *plan)
        return tools.call(command_line(model, plan=path, **options))
