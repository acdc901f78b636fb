"""Runs of carried executables, and their metrics against others."""
import json
import os
import statistics
import subprocess
import sys
import sysconfig

# Several NCCL ranks on one GPU are taken for ranks on hosts of their own.
NCCL = {"NCCL_NET": "Socket", "NCCL_SOCKET_IFNAME": "lo", "NCCL_ALGO": "Ring", "NCCL_PROTO": "Simple",
        "NCCL_MULTI_RANK_GPU_ENABLE": "1"}


def get_environment(**changes):
    """This process', and where the vendor's Python packages keep their libraries."""
    folders = [folder for folder in os.environ.get("LD_LIBRARY_PATH", "").split(os.pathsep) if folder]
    for root in {path for path in (*sys.path, *sysconfig.get_paths().values()) if path.endswith("-packages")}:
        for folder, names, _ in os.walk(os.path.join(root, "nvidia")):
            if "lib" in names:
                folders.append(os.path.join(folder, "lib"))
    folders += [folder for folder in ("/usr/local/cuda/lib64",) if os.path.isdir(folder)]
    return {**os.environ, "LD_LIBRARY_PATH": os.pathsep.join(folders), **changes}


def read_metrics(path):
    """The records of steps, in order."""
    with open(path, encoding="utf-8") as file:
        return [record for record in map(json.loads, file) if "loss" in record]


def train(words, metrics, timeout, ranks=1):
    """Trains with `ranks` processes on one GPU; the metrics. Raises RuntimeError with what the program said."""
    processes = []
    words = [*map(str, words), "--quiet", "--metrics", metrics]
    for rank in range(ranks):
        place = {}
        if ranks > 1:
            place = {"TPC_RANK": str(rank), "TPC_WORLD_SIZE": str(ranks), "TPC_JOB": f"gpu-check-{os.getpid()}",
                     "NCCL_HOSTID": f"r{rank}", **NCCL}
        processes.append(subprocess.Popen(words + (["--share-gpu"] if ranks > 1 else []), stdout=subprocess.DEVNULL,
                                          stderr=subprocess.PIPE, text=True, env=get_environment(**place)))
    try:
        said = [process.communicate(timeout=timeout)[1] for process in processes]
    finally:
        for process in processes:
            process.kill()
    if any(process.returncode for process in processes):
        raise RuntimeError("".join(said).strip()[-2000:] or f"ended with status {processes[0].returncode}")
    return read_metrics(metrics)


def compare_metrics(found, expected, tolerance):
    """The largest deviation of loss and grad_norm, as a part of the expected, and complaints beyond the tolerance."""
    largest, complaints = 0.0, []
    if len(found) < len(expected):
        complaints.append(f"{len(found)} steps instead of {len(expected)}")
    for got, wanted in zip(found, expected):
        for key in ("loss", "grad_norm"):
            off = abs(got[key] - wanted[key]) / abs(wanted[key])
            largest = max(largest, off)
            if not off <= tolerance:  # NaN too
                complaints.append(f"step {wanted['step']}: {key} is {got[key]:.6g}, a processor's {wanted[key]:.6g}")
    return largest, complaints


def get_step_seconds(records, skipped=3):
    """Median of the steps after the first few."""
    return statistics.median(record["seconds"] for record in records[min(skipped, len(records) - 1):])
