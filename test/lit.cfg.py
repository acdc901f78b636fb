"""lit configuration: every .mlir and .test below test/ but for the folders that have runners of their own."""
import os
import shutil

import lit.formats

config.name = "tpc"
config.test_format = lit.formats.ShTest(execute_external=False)
config.suffixes = [".mlir", ".test"]
config.excludes = ["Acceptance", "Benchmark", "Inputs", "Integration", "Python", "Unit", "reference"]
config.test_source_root = os.path.join(config.tpc_source, "test")
config.test_exec_root = os.path.join(config.tpc_build, "test")

search = [os.path.join(config.tpc_build, "bin"), config.llvm_tools]
config.environment["PATH"] = os.pathsep.join(search + [config.environment["PATH"]])
config.environment["PYTHONPATH"] = os.path.join(config.tpc_source, "python")
config.environment["PYTHONDONTWRITEBYTECODE"] = "1"
# Ranks of the tests share few cores.
config.environment["OMP_NUM_THREADS"] = "1"

config.substitutions.append(("%examples", os.path.join(config.tpc_source, "examples")))
config.substitutions.append(("%source", config.tpc_source))
config.substitutions.append(("%build", config.tpc_build))
config.substitutions.append(("%python", config.python))


def cpu_flags():
    """Flags of the first CPU as Linux names them."""
    try:
        with open("/proc/cpuinfo") as info:
            for line in info:
                if line.startswith("flags"):
                    return set(line.split(":", 1)[1].split())
    except OSError:
        pass
    return set()


flags = cpu_flags()
if {"avx2", "fma", "bmi2"} <= flags:
    config.available_features.add("x86-64-v3")
if {"avx512f", "avx512bw", "avx512dq", "avx512vl"} <= flags:
    config.available_features.add("x86-64-v4")
if shutil.which("mpirun"):
    config.available_features.add("mpi")
# "cuda": programs for a GPU can be linked; "gpu": they can be run.
if config.has_cuda:
    config.available_features.add("cuda")
if shutil.which("nvidia-smi") and os.path.exists("/dev/nvidia0"):
    config.available_features.add("gpu")
if not config.tpc_build.endswith("-asan"):
    config.available_features.add("no-asan")
