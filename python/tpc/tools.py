"""Finds and calls tpc's tools."""
import os
import shutil
import subprocess


class ToolError(RuntimeError):
    """A tool failed; the text is what it wrote to standard error."""


def find(name):
    """Path of a tool: in `$TPC_BUILD/bin`, the `build/bin` of the source tree, or the PATH. ToolError if nowhere."""
    here = os.path.dirname(os.path.abspath(__file__))
    builds = [os.environ.get("TPC_BUILD"), os.path.join(here, "..", "..", "build")]
    for folder in [os.path.join(build, "bin") for build in builds if build]:
        path = os.path.join(folder, name)
        if os.access(path, os.X_OK):
            return os.path.normpath(path)
    path = shutil.which(name)
    if path is None:
        raise ToolError(f"{name} was not found: build it, or set TPC_BUILD to the build folder")
    return path


def call(arguments, **options):
    """Standard output of a command. ToolError with its standard error if it fails. `options` as in subprocess.run."""
    done = subprocess.run([os.fspath(word) for word in arguments], capture_output=True, text=True, **options)
    if done.returncode != 0:
        raise ToolError(done.stderr.strip() or f"{arguments[0]} ended with status {done.returncode}")
    return done.stdout
