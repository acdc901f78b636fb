"""`cmake --install` gives a set of tools that works away from the build folder."""
import os
import shutil

import pytest

from harness import BUILD, GROUPED, PLANS, call, random_tokens, succeed, tool, write_tokens

TOOLS = {"tpc-compile", "tpc-interpret", "tpc-lsp-server", "tpc-opt", "tpc-reduce", "tpc-run"}


@pytest.fixture(scope="module")
def prefix(tmp_path_factory):
    for name in TOOLS:
        tool(name)
    folder = tmp_path_factory.mktemp("installed")
    succeed(["cmake", "--install", BUILD, "--prefix", folder])
    return folder


def test_tools_are_there(prefix):
    assert TOOLS <= set(os.listdir(prefix / "bin"))


def test_installed_compiler_makes_a_program_that_runs(work, prefix, tmp_path):
    program = tmp_path / "program"
    succeed([prefix / "bin" / "tpc-compile", work.model(GROUPED), "--plan", os.path.join(PLANS, "tutorial.yaml"),
             "--mesh", "dp=1,tp=2", "--mode", "train", "--batch", 4, "--seq", 16, "--target", "cpu", "-o", program])
    data = write_tokens(tmp_path / "t.bin", random_tokens(GROUPED, 100))
    succeed([prefix / "bin" / "tpc-run", program, "--data", data, "--steps", 1])


def test_program_runs_without_the_tools_and_without_mpi(work, tmp_path):
    """A program copied elsewhere needs neither tpc nor an MPI library to start."""
    program = tmp_path / "program"
    shutil.copy(work.program(GROUPED, "dp=1,tp=1"), program)
    data = write_tokens(tmp_path / "t.bin", random_tokens(GROUPED, 100))
    result = call([program, "--data", data, "--steps", 1], cwd=tmp_path, env={"PATH": "/usr/bin:/bin"})
    assert result.returncode == 0, result.stderr
    libraries = succeed(["ldd", program]).stdout
    assert "libmpi" not in libraries and "libMLIR" not in libraries and "libLLVM" not in libraries
