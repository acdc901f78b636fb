"""Makes the folder that is carried to a GPU: executables, kernels with data, a processor's metrics."""
import argparse
import array
import json
import lzma
import os
import random
import re
import shutil
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.normpath(os.path.join(HERE, "..", ".."))
EXAMPLES = os.path.join(ROOT, "examples")
LIMIT = 60 << 20
BYTES = {"f32": 4, "f64": 8, "bf16": 2, "i32": 4, "i64": 8, "i1": 1}


class Packer:
    def __init__(self, options):
        self.options, self.folder = options, os.path.abspath(options.folder)
        self.contents = {"arch": options.arch, "training": []}
        self.work = os.path.join(self.folder, "work")

    def path(self, *names):
        return os.path.join(self.folder, *names)

    def tool(self, name):
        path = os.path.join(self.options.build, "bin", name)
        if not os.access(path, os.X_OK):
            raise SystemExit(f"error: {path} is not there: build tpc first, or name its folder with --build")
        return path

    def call(self, words, **more):
        result = subprocess.run([str(word) for word in words], capture_output=True, text=True, check=False, **more)
        if result.returncode:
            raise SystemExit(f"error: {words[0]} failed: {(result.stderr or result.stdout).strip()[-3000:]}")
        return result.stdout

    def compile(self, output, model, batch, sequence, *flags):
        """An executable; for a GPU unless the flags say otherwise."""
        target = [] if "--target" in flags else ["--target", "cuda", "--arch", self.options.arch]
        self.call([self.tool("tpc-compile"), model, "--plan", os.path.join(EXAMPLES, "plans", "tutorial.yaml"),
                   "--batch", batch, "--seq", sequence, "-o", output, *target, *flags])
        return output

    def carry(self, program):
        """Stripped and compressed."""
        self.call(["strip", program])
        with open(program, "rb") as file, lzma.open(program + ".xz", "wb", preset=6) as packed:
            shutil.copyfileobj(file, packed)
        os.remove(program)
        return os.path.basename(program)

    def add_tokens(self):
        """Random tokens, enough for each run; every vocabulary has them."""
        config = os.path.join(self.options.model, "config.json")
        vocabulary = min(json.load(open(config, encoding="utf-8"))["vocab_size"], 1 << 15)
        generator = random.Random(1)
        tokens = array.array("H", (generator.randrange(vocabulary) for _ in range(13 * 4096 + 1)))
        with open(self.path("tokens.bin"), "wb") as file:
            tokens.tofile(file)

    def add_training(self):
        """The model of the tutorial by a processor, and executables of it for a GPU."""
        options = self.options
        for precision, tolerance in (("f32", 1e-4), ("bf16", 1e-2)):
            shape = (options.model, 4, options.seq)
            program = self.compile(os.path.join(self.work, precision), *shape, "--precision", precision, "--target",
                                   "cpu", "--mesh", "dp=1,tp=1")
            flags, reference = ["--seed", "1", "--steps", str(options.steps)], f"processor-{precision}.jsonl"
            self.call([program, *flags, "--quiet", "--data", self.path("tokens.bin"), "--metrics",
                       self.path(reference)])
            for ranks in (1, 2, 4):
                name = f"train-{precision}-tp{ranks}"
                mesh = f"dp=1,tp={ranks}"
                self.carry(self.compile(self.path(name), *shape, "--precision", precision, "--mesh", mesh))
                run = {"name": name, "program": name, "flags": flags + (["--comm", "loopback"] if ranks > 1 else []),
                       "reference": reference, "tolerance": tolerance, "steps": options.steps, "processes": 1}
                self.contents["training"].append(run)
        few = min(3, options.steps)
        self.contents["training"].append({
            "name": "train-f32-tp2-nccl", "program": "train-f32-tp2", "flags": ["--seed", "1", "--steps", str(few)],
            "reference": "processor-f32.jsonl", "tolerance": 1e-4, "steps": few, "processes": 2})

    def add_step(self):
        """What is timed next to PyTorch, and what is run under compute-sanitizer."""
        options, flags = self.options, ("--precision", "bf16", "--mesh", "dp=1,tp=1")
        program = self.compile(self.path("step"), options.step_model, 1, options.step_seq, *flags)
        manifest = json.loads(self.call([program, "--print-manifest"]))
        self.carry(program)
        shutil.copy(os.path.join(options.step_model, "config.json"), self.path("step-config.json"))
        self.contents["step"] = {"name": os.path.basename(options.step_model), "program": "step", "batch": 1,
                                 "config": "step-config.json", "sequence": options.step_seq,
                                 "flops_per_step": manifest["flops_per_step"]}
        tiny = os.path.join(EXAMPLES, "tiny-llama")
        self.contents["sanitized"] = {"program": self.carry(self.compile(self.path("tiny"), tiny, 2, 64, *flags))}

    def add_bandwidth(self):
        """The kernels of that step as machine code, and how each is launched."""
        where = self.path("bandwidth")
        os.makedirs(where)
        module = self.compile(os.path.join(self.work, "kernels.mlir"), self.options.step_model, 1,
                              self.options.step_seq, "--precision", "bf16", "--mesh", "dp=1,tp=1", "--emit", "kernels")
        text = open(module, encoding="utf-8").read()
        bodies = "".join(re.findall(r"^#.*\n|^  func\.func private @(?:.*\n)*?  }.*\n", text, re.M))
        with open(module, "w", encoding="utf-8") as file:
            file.write(bodies)
        lowered = self.call([self.tool("tpc-opt"), module, "--tpc-lower-kernels-to-gpu"])
        kernels = describe_kernels(bodies, lowered, self.options.least_bytes)
        with open(os.path.join(where, "kernels.json"), "w", encoding="utf-8") as file:
            json.dump(kernels, file)
        binary = self.call([self.tool("tpc-opt"), module, "--tpc-lower-kernels-to-gpu",
                            f"--tpc-serialize-kernels=arch={self.options.arch}"])
        write_cubin(binary, os.path.join(where, "kernels.cubin"))

    def add_cases(self):
        """Kernels with inputs and float64 results, from the tests that run them in the emulator."""
        os.makedirs(self.path("cases"))
        tests = [os.path.join(ROOT, "test", "Python", name) for name in ("test_kernels.py", "test_kernels_bf16.py")]
        environment = {**os.environ, "TPC_BUILD": self.options.build, "PYTHONDONTWRITEBYTECODE": "1",
                       "TPC_RECORD_KERNELS": self.path("cases"), "TPC_RECORD_ARCH": self.options.arch}
        self.call([sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-k", self.options.cases, *tests],
                  env=environment)
        parts = sorted(name for name in os.listdir(self.path("cases")) if name.endswith(".case"))
        if not parts:
            raise SystemExit("error: no case was recorded: build tpc-emulate-kernels, and install the CUDA toolkit")
        cases = [json.load(open(self.path("cases", name), encoding="utf-8")) for name in parts]
        with open(self.path("cases", "cases.json"), "w", encoding="utf-8") as file:
            json.dump(cases, file)
        for name in parts:
            os.remove(self.path("cases", name))

    def add_scripts(self):
        os.makedirs(self.path("gpu_check"))
        for name in os.listdir(HERE):
            if name.endswith(".py") and name != "pack.py":
                shutil.copy(os.path.join(HERE, name), self.path("gpu_check"))
        shutil.copy(os.path.join(ROOT, "tools", "gpu-check.sh"), self.folder)

    def run(self):
        if os.path.exists(self.folder) and os.listdir(self.folder):
            raise SystemExit(f"error: {self.folder} is not empty: name a folder that is new or empty")
        os.makedirs(self.work)
        for step in (self.add_tokens, self.add_cases, self.add_bandwidth, self.add_step, self.add_training):
            print(step.__name__.replace("_", " "), file=sys.stderr)
            step()
        shutil.rmtree(self.work)
        self.add_scripts()
        with open(self.path("contents.json"), "w", encoding="utf-8") as file:
            json.dump(self.contents, file, indent=1)
        size = measure_folder(self.folder)
        if size > LIMIT:
            raise SystemExit(f"error: {self.folder} has {size >> 20} MiB, more than the {LIMIT >> 20} to be carried")
        print(f"{self.folder}: {size / (1 << 20):.1f} MiB; there, run: bash gpu-check.sh run .")


def measure_folder(folder):
    return sum(os.path.getsize(os.path.join(place, name)) for place, _, names in os.walk(folder) for name in names)


def write_cubin(text, path):
    """The machine code in a gpu.binary."""
    escaped = re.search(r'bin = "((?:[^"\\]|\\.)*)"', text)[1]
    with open(path, "wb") as file:
        file.write(unescape(escaped))


def unescape(text):
    """The bytes of a string of MLIR: \\XX, \\\\ and \\"."""
    code = lambda match: bytes([int(match[1], 16)]) if len(match[1]) == 2 else match[1]
    return re.sub(rb"\\([0-9A-F]{2}|.)", code, text.encode("latin-1"), flags=re.S)


def read_tensors(text):
    """Of types such as tensor<2x8xf32>, in order; index is a value, not a tensor."""
    tensors = []
    for shape in re.findall(r"tensor<([^>]*)>", text):
        *sizes, dtype = shape.split("x")
        elements = 1
        for size in sizes:
            elements *= int(size)
        tensors.append({"dtype": dtype, "bytes": elements * BYTES[dtype]})
    return tensors


def describe_kernels(module, lowered, least_bytes):
    """Of each kernel that moves enough to be measured: its tensors, launches and workspace."""
    grids = {}
    for line in re.findall(r"^ *gpu\.func @.*$", lowered, re.M):
        grid = re.search(r"tpc\.grid = {blocks = (\d+) : i64, threads = (\d+) : i64}", line)
        workspace = re.search(r"tpc\.workspace = (\d+)", line)
        finish = re.search(r"tpc\.finish = @(\w+)", line)
        grids[re.search(r"@(\w+)\(", line)[1]] = (int(grid[1]), int(grid[2]), int(workspace[1]) if workspace else 0,
                                                  finish[1] if finish else None)
    kernels = []
    plain = re.sub(r" loc\([^()]*\)", "", module)
    for name, signature in re.findall(r"func\.func private @(\w+)\((.*) attributes", plain):
        tensors, launches, stage = read_tensors(signature), [], name
        if name not in grids:
            continue  # launched within groups only
        if "index" in signature or sum(tensor["bytes"] for tensor in tensors) < least_bytes:
            continue
        workspace = grids[name][2]
        while stage:
            blocks, threads, _, finish = grids[stage]
            launches.append({"name": stage, "blocks": blocks, "threads": threads})
            stage = finish if finish != stage else None
        kernels.append({"name": name, "tensors": tensors, "launches": launches, "workspace": workspace})
    return kernels


def main(arguments):
    parser = argparse.ArgumentParser(prog="gpu-check.sh pack")
    parser.add_argument("folder")
    parser.add_argument("--arch", default="sm_90", choices=["sm_80", "sm_90", "sm_100", "sm_120"])
    parser.add_argument("--build", default=os.path.join(ROOT, "build"), help="where tpc is built")
    parser.add_argument("--model", default=os.path.join(EXAMPLES, "tutorial-llama"), help="what is trained")
    parser.add_argument("--seq", type=int, default=64, help="of its four sequences")
    parser.add_argument("--steps", type=int, default=20)
    parser.add_argument("--step-model", default=os.path.join(EXAMPLES, "llama-3.2-1b"), help="whose step is timed")
    parser.add_argument("--step-seq", type=int, default=4096)
    parser.add_argument("--least-bytes", type=int, default=16 << 20,
                        help="that a kernel moves whose bandwidth is measured")
    parser.add_argument("--cases", default="gpu", help="of the tests of kernels, in pytest's words")
    Packer(parser.parse_args(arguments)).run()


if __name__ == "__main__":
    main(sys.argv[1:])
