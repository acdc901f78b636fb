"""tools/gpu-check.sh without a GPU: its refusals, its arithmetic, and its runner on a driver of this file."""
import ctypes
import json
import os
import subprocess
import sys

import numpy as np
import pytest
from gpu_emulation import EMULATE, EmulatedProgram
from kernel_harness import LLVM

ROOT = os.path.normpath(os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", ".."))
sys.path.insert(0, os.path.join(ROOT, "tools"))

# pylint: disable=wrong-import-position
from gpu_check import bandwidth, cases, pack, report, run, stages, training  # noqa: E402
from gpu_check.driver import Driver, Refusal  # noqa: E402

SCRIPT = os.path.join(ROOT, "tools", "gpu-check.sh")
HAS_GPU = os.path.exists("/dev/nvidia0")


def call(*words):
    return subprocess.run(["bash", SCRIPT, *map(str, words)], capture_output=True, text=True, check=False)


#===-- refusals ----------------------------------------------------------------===#

@pytest.mark.skipif(HAS_GPU, reason="a GPU is here")
def test_without_a_gpu_it_says_so(tmp_path):
    (tmp_path / "contents.json").write_text('{"arch": "sm_90"}')
    result = call("run", tmp_path)
    assert result.returncode == 1 and not result.stdout
    assert result.stderr.startswith("error: no ") and result.stderr.count("\n") == 1
    assert "run it where nvidia-smi lists" in result.stderr
    assert os.listdir(tmp_path) == ["contents.json"]


def test_without_a_pack_it_says_so(tmp_path):
    result = call("run", tmp_path)
    assert result.returncode == 1
    assert result.stderr.startswith(f"error: nothing is packed in {tmp_path}: gpu-check.sh pack {tmp_path} does that")


def test_usage():
    result = call()
    assert result.returncode == 1
    assert "gpu-check.sh pack DIR" in result.stderr and "gpu-check.sh run DIR" in result.stderr


def test_a_folder_in_use_is_left_alone(tmp_path):
    (tmp_path / "mine").write_text("")
    result = call("pack", tmp_path)
    assert result.returncode == 1 and "is not empty" in result.stderr and os.listdir(tmp_path) == ["mine"]


def test_another_architecture_is_refused(tmp_path, monkeypatch):
    class Device:
        name = staticmethod(lambda: "NVIDIA H200")
        architecture = staticmethod(lambda: 90)
    monkeypatch.setattr(run, "Driver", Device)
    for arch in ("sm_80", "sm_100"):
        (tmp_path / "contents.json").write_text(json.dumps({"arch": arch}))
        with pytest.raises(Refusal, match=f"the GPU is sm_90, what is packed is for {arch}: pack with --arch sm_90"):
            run.check_place(str(tmp_path))
    (tmp_path / "contents.json").write_text('{"arch": "sm_90"}')
    assert run.check_place(str(tmp_path)) == "NVIDIA H200"


#===-- arithmetic --------------------------------------------------------------===#

def test_numbers_are_wrong_beyond_their_bounds():
    assert cases.compare([1.0, 2.0], [1.0, 2.0], 0, 0) == (0, "")
    assert cases.compare([1.0099, 200.0], [1.0, 202.0], 0.01, 0)[0] == 0
    assert cases.compare([1.0, 2.5, 4.0], [1.0, 2.0, 3.0], 0.1, 0.2) == (2, "[2] is 4.0, not 3.0")
    assert cases.compare([float("nan")], [1.0], 1, 1) == (1, "[0] is nan, not 1.0")


def test_bf16_is_widened():
    values = np.array([1.0, -2.5, 1e30], np.float32)
    assert list(cases.widen((values.view(np.uint32) >> 16).astype(np.uint16).tobytes(), "bf16")) == [
        1.0, -2.5, float(np.uint32(np.float32(1e30).view(np.uint32) & 0xFFFF0000).view(np.float32))]


def test_metrics_are_compared_as_parts():
    expected = [{"step": 1, "loss": 10.0, "grad_norm": 2.0}, {"step": 2, "loss": 9.0, "grad_norm": 1.0}]
    near = [{"loss": 10.01, "grad_norm": 2.0}, {"loss": 9.0, "grad_norm": 1.0}]
    assert training.compare_metrics(near, expected, 1e-2) == (pytest.approx(1e-3), [])
    assert training.compare_metrics(near, expected, 1e-4)[1] == ["step 1: loss is 10.01, a processor's 10"]
    assert training.compare_metrics(near[:1], expected, 1e-2)[1] == ["1 steps instead of 2"]
    lost = [{"loss": float("nan"), "grad_norm": 2.0}, near[1]]
    assert training.compare_metrics(lost, expected, 1e-2)[1] == ["step 1: loss is nan, a processor's 10"]


def test_a_step_is_the_median_of_the_later_ones():
    records = [{"seconds": value} for value in (9, 9, 9, 2, 1, 3)]
    assert training.get_step_seconds(records) == 2
    assert training.get_step_seconds(records[:1]) == 9


def test_shares_of_peaks():
    assert bandwidth.get_share(8e9, 2e-3, 5e12) == pytest.approx(0.8)
    assert report.get_mfu(4.945e14, 1.0, "NVIDIA H100 80GB HBM3") == pytest.approx(0.5)
    assert report.get_mfu(3.12e13, 0.2, "NVIDIA A100-SXM4-40GB") == pytest.approx(0.5)
    assert report.get_mfu(1e12, 1.0, "a GPU of tomorrow") is None


def stage(status, **figures):
    return {"status": status, "figures": figures, "lines": [], "seconds": 1.0}


def test_verdicts():
    found = {"kernels": stage("passed"), "bandwidth": stage("passed", least_share=0.9),
             "step": stage("passed", speedup=0.97, mfu=0.512)}
    verdict, lines = report.judge(found)
    assert verdict == "correct"
    assert lines == ["met: memory-bound kernels reach 90% of the bandwidth of copies",
                     "MISSED: a step is 0.97 times as fast as torch.compile's",
                     "met: a step's matrix products are 51.2% of the GPU's peak"]
    assert report.judge({**found, "sanitizer": stage("skipped")})[0] == "incomplete"
    assert report.judge({**found, "sanitizer": stage("skipped"), "training": stage("failed")})[0] == "wrong"
    text = report.write_text({"device": "NVIDIA H200", "stages": found, "targets": lines, "verdict": verdict})
    assert "GPU: NVIDIA H200" in text and "kernels: passed in 1 s" in text and text.endswith("verdict: correct\n")


def test_all_stages_together_take_less_than_nine_minutes():
    assert sum(limit for _, _, limit in stages.STAGES) < 9 * 60


#===-- stages ------------------------------------------------------------------===#

@pytest.mark.skipif(HAS_GPU, reason="a GPU is here")
def test_a_stage_writes_what_came_of_it(tmp_path):
    (tmp_path / "out").mkdir()
    result = run.run_stage("kernels", str(tmp_path), 30)
    assert result["status"] == "skipped" and "no " in result["lines"][0] and result["seconds"] < 30


def test_a_stage_that_hangs_has_failed(tmp_path, monkeypatch):
    (tmp_path / "out").mkdir()
    monkeypatch.setattr(sys, "executable", "/bin/sh")
    monkeypatch.setattr(run.os.path, "abspath", lambda path: "/nowhere/a/b")
    monkeypatch.setattr(run.subprocess, "Popen", lambda words, popen=subprocess.Popen, **options: popen(
        ["sleep", "60"], **{**options, "cwd": "/"}))
    result = run.run_stage("kernels", str(tmp_path), 1)
    assert result["status"] == "failed" and result["lines"] == ["it took more than 1 s"] and result["seconds"] < 20


#===-- packing -----------------------------------------------------------------===#

def test_machine_code_is_taken_out_of_its_string(tmp_path):
    pack.write_cubin(r'gpu.binary @k [#gpu.object<t, bin = "\7FELF\22\5Ca\\b\0A">]', tmp_path / "code")
    assert (tmp_path / "code").read_bytes() == b'\x7fELF"\\a\\b\n'


def test_kernels_are_described_by_what_they_move():
    def grid(blocks, threads):
        return f"tpc.grid = {{blocks = {blocks} : i64, threads = {threads} : i64}}"
    module = """
  func.func private @large(%a: tensor<2048x8192xbf16>, %b: tensor<f32>) -> tensor<2048x8192xf32> attributes {} {
  func.func private @small(%a: tensor<8xf32>) -> (tensor<8xf32>, tensor<8xf32>) attributes {} {
"""
    lowered = f"""
    gpu.func @large(%a: ptr) kernel attributes {{tpc.finish = @large_finish, {grid(7, 256)}, tpc.workspace = 64 : i64}}
    gpu.func @large_finish(%a: !llvm.ptr<1>) kernel attributes {{{grid(1, 32)}}}
    gpu.func @small(%a: !llvm.ptr<1>) kernel attributes {{{grid(1, 32)}}}
"""
    assert pack.describe_kernels(module, lowered, 1 << 20) == [{
        "name": "large", "workspace": 64,
        "tensors": [{"dtype": "bf16", "bytes": 2 * 2048 * 8192}, {"dtype": "f32", "bytes": 4},
                    {"dtype": "f32", "bytes": 4 * 2048 * 8192}],
        "launches": [{"name": "large", "blocks": 7, "threads": 256},
                     {"name": "large_finish", "blocks": 1, "threads": 32}]}]


#===-- the runner on a driver that emulates -------------------------------------===#

class EmulatedDriver:
    """The functions of libcuda that the check calls, over this process' memory; machine code is an emulated program."""

    def __init__(self, program):
        self.program, self.memory, self.launches, self.milliseconds = program, {}, 0, 1.0

    def cuEventElapsedTime(self, milliseconds, *_):  # pylint: disable=invalid-name
        ctypes.cast(milliseconds, ctypes.POINTER(ctypes.c_float))[0] = self.milliseconds
        return 0

    def cuMemAlloc_v2(self, address, size):  # pylint: disable=invalid-name
        memory = ctypes.create_string_buffer(size.value + 64)
        aligned = ctypes.addressof(memory) + (-ctypes.addressof(memory)) % 64
        self.memory[aligned] = memory
        ctypes.cast(address, ctypes.POINTER(ctypes.c_uint64))[0] = aligned
        return 0

    def cuMemFree_v2(self, address):  # pylint: disable=invalid-name
        return 0 if self.memory.pop(address.value, None) else 1

    def cuMemsetD8_v2(self, address, byte, size):  # pylint: disable=invalid-name
        ctypes.memset(address.value, byte.value, size.value)
        return 0

    def cuMemcpyHtoD_v2(self, address, data, size):  # pylint: disable=invalid-name
        ctypes.memmove(address.value, data, size.value)
        return 0

    def cuMemcpyDtoH_v2(self, data, address, size):  # pylint: disable=invalid-name
        ctypes.memmove(data, address.value, size.value)
        return 0

    def cuModuleGetFunction(self, function, _, name):  # pylint: disable=invalid-name
        address = ctypes.cast(getattr(self.program.code, name.decode()), ctypes.c_void_p).value
        ctypes.cast(function, ctypes.POINTER(ctypes.c_void_p))[0] = address
        return 0

    def cuLaunchKernel(self, function, blocks, *rest):  # pylint: disable=invalid-name
        threads, table = rest[2], rest[7]
        count = len(table)
        values = (ctypes.c_uint64 * count)(*(ctypes.c_uint64.from_address(table[i]).value for i in range(count)))
        self.program.code.tpc_emulate(function, values, ctypes.c_int64(blocks), ctypes.c_int64(threads))
        self.launches += 1
        return 0

    def __getattr__(self, name):
        return lambda *arguments: 0


COLUMNS = """func.func @f(%x: tensor<4096x33xf32>) -> (tensor<33xf32>, tensor<70xi32>) {
  %0 = tpc.reduce sum %x dims [0] : tensor<4096x33xf32> -> tensor<33xf32>
  %1 = arith.constant dense<3> : tensor<70xi32>
  return %0, %1 : tensor<33xf32>, tensor<70xi32>
}"""


@pytest.fixture(scope="module")
def emulated(tmp_path_factory):
    if not os.path.exists(EMULATE) or not os.path.exists(f"{LLVM}/clang"):
        pytest.skip("needs tpc-emulate-kernels and clang")
    return EmulatedProgram(COLUMNS, str(tmp_path_factory.mktemp("emulated")))


@pytest.fixture
def recorded(emulated, tmp_path, monkeypatch):
    """A driver, the folder and the case of sums of columns."""
    kernel_record = pytest.importorskip("kernel_record")
    monkeypatch.setattr(kernel_record.RecordedProgram, "write_code", lambda self, path: open(path, "wb").close())
    values = np.random.default_rng(3).standard_normal((4096, 33)).astype(np.float32)
    expected = [values.astype(np.float64).sum(0), np.full(70, 3)]
    kernel_record.RecordedProgram(COLUMNS).write("columns", [values], expected, [(0, 1e-3), (0, 0)], 0, tmp_path)
    driver = Driver.__new__(Driver)
    driver.library = EmulatedDriver(emulated)
    return driver, str(tmp_path), json.loads((tmp_path / "columns.case").read_text())


def test_a_case_runs_as_it_was_recorded(recorded):
    driver, folder, case = recorded
    assert cases.run_case(driver, folder, case) == []
    assert driver.library.launches == len(case["launches"]) >= 2 and not driver.library.memory


def test_a_wrong_result_is_told(recorded):
    driver, folder, case = recorded
    case["launches"].pop()
    complaints = cases.run_case(driver, folder, case)
    assert len(complaints) == 1 and complaints[0].startswith("columns: ") and "numbers of result" in complaints[0]


def test_a_kernel_that_writes_too_far_is_told(recorded):
    driver, folder, case = recorded
    result = case["results"][1]
    case["buffers"][result["buffer"]]["bytes"] -= 4
    assert any("writes past the end of a buffer of 276 bytes" in text for text in cases.run_case(driver, folder, case))


def test_a_kernel_is_timed_with_both_its_stages(recorded):
    driver, _, case = recorded
    sums = next(number for number, result in enumerate(case["results"]) if result["dtype"] == "f32")
    buffer = case["results"][sums]["buffer"]
    stages_of_sum = [launch for launch in case["launches"] if ["buffer", buffer] in launch["arguments"]]
    kernel = {"name": "columns", "workspace": case["buffers"][stages_of_sum[0]["arguments"][2][1]]["bytes"],
              "tensors": [{"dtype": "f32", "bytes": 4 * 4096 * 33}, {"dtype": "f32", "bytes": 4 * 33}],
              "launches": [{"name": launch["kernel"], **{key: launch[key] for key in ("blocks", "threads")}}
                           for launch in stages_of_sum]}
    driver.library.milliseconds = 2.0
    moved = 4 * 4096 * 33 + 4 * 33
    assert bandwidth.measure_kernel(driver, None, kernel, moved, repetitions=1) == pytest.approx(2e-3)
    assert driver.library.launches == 4 * len(stages_of_sum) == 8 and not driver.library.memory
    assert bandwidth.measure_kernel(driver, None, kernel, moved + 1, repetitions=1) == pytest.approx(1e-3)
    assert driver.library.launches == 8 + 2 * 8
    assert bandwidth.measure_copies(driver, 1 << 10) == pytest.approx(2 * 1024 / 2e-3)


def test_driver_errors_have_a_name():
    class Failing:
        def cuInit(self, _):  # pylint: disable=invalid-name
            return 0

        def cuDeviceGetCount(self, count):  # pylint: disable=invalid-name
            ctypes.cast(count, ctypes.POINTER(ctypes.c_int))[0] = 0
            return 0
    with pytest.raises(Refusal, match="no GPU here"):
        Driver(Failing())
    driver = Driver.__new__(Driver)
    driver.library = type("Full", (), {"cuMemAlloc_v2": lambda *_: 2, "cuGetErrorString": lambda *_: 0})()
    with pytest.raises(RuntimeError, match=r"cuMemAlloc_v2: an unknown error \(2\)"):
        driver.allocate(8)


def test_recorded_cases_hold_the_bounds_of_the_test(recorded):
    _, _, case = recorded
    assert [result["absolute"] for result in case["results"]] == [1e-3, 0]
