"""What the build lacks is one error that names the Debian package, whichever tool would have failed without it."""
import os
import shutil
import subprocess

import pytest

ROOT = os.path.normpath(os.path.join(os.path.dirname(__file__), "..", ".."))
LLVM = "/usr/lib/llvm-22"
# Programs that a compile of nothing shows to work are not tried again, which is quick.
QUICK = ["-DCMAKE_C_COMPILER=gcc", "-DCMAKE_CXX_COMPILER=g++", "-DCMAKE_C_COMPILER_WORKS=1", "-DCMAKE_CXX_COMPILER_WORKS=1"]


def configure(folder, *flags):
    """What CMake says on standard error when it configures tpc with `flags`, which it refuses."""
    if not shutil.which("cmake") or not shutil.which("ninja"):
        pytest.skip("there is no CMake or no Ninja")
    result = subprocess.run(["cmake", "-G", "Ninja", "-S", ROOT, "-B", str(folder / "build"), *flags],
                            capture_output=True, text=True)
    assert result.returncode != 0
    return " ".join(result.stderr.split())


def has_llvm():
    return os.path.exists(f"{LLVM}/lib/cmake/mlir/MLIRConfig.cmake")


@pytest.mark.parametrize("flags, program, package", [
    (["-DCMAKE_CXX_COMPILER=clang++-99"], "clang++-99", "clang-99"),
    (["-DCMAKE_C_COMPILER=clang-99"], "clang-99", "clang-99"),
    (["-DCMAKE_CXX_COMPILER=g++-99"], "g++-99", "g++-99"),
    (["-DCMAKE_EXE_LINKER_FLAGS=-fuse-ld=lld-99 -fsanitize=address"], "ld.lld-99", "lld-99"),
])
def test_toolchain(tmp_path, flags, program, package):
    said = configure(tmp_path, *flags)
    assert said.startswith("CMake Error at tools/cmake/TPCToolchain.cmake")
    assert f"tpc: the program {program} is missing: install the Debian package {package} (tools/" in said


@pytest.mark.parametrize("present, package", [
    ([], "llvm-22-dev"),
    (["lib/cmake/llvm"], "libmlir-22-dev"),
    (["lib/cmake/llvm", "lib/cmake/mlir"], "mlir-22-tools"),
    (["lib/cmake/llvm", "lib/cmake/mlir", "bin/mlir-tblgen"], "llvm-22-tools"),
])
def test_llvm(tmp_path, present, package):
    """An LLVM of which only some packages are installed."""
    if not has_llvm():
        pytest.skip("there is no MLIR")
    for path in present:
        link = tmp_path / "llvm" / path
        link.parent.mkdir(parents=True, exist_ok=True)
        link.symlink_to(os.path.join(LLVM, path))
    said = configure(tmp_path, *QUICK, f"-DTPC_LLVM_ROOT={tmp_path / 'llvm'}")
    assert f"is missing: install the Debian package {package} (tools/" in said


@pytest.mark.parametrize("name, package", [
    ("ZLIB", "zlib1g-dev"), ("nlohmann_json", "nlohmann-json3-dev"), ("CLI11", "libcli11-dev"), ("GTest", "libgtest-dev")])
def test_library(tmp_path, name, package):
    if not has_llvm():
        pytest.skip("there is no MLIR")
    said = configure(tmp_path, *QUICK, f"-DCMAKE_DISABLE_FIND_PACKAGE_{name}=ON")
    assert f"is missing: install the Debian package {package} (tools/" in said
