"""Runs what was packed, stage by stage, each in a process of its own with a limit of time, and writes the report."""
import argparse
import json
import lzma
import os
import subprocess
import sys
import time

from . import report
from .driver import Driver, Refusal
from .stages import STAGES, read_contents


def unpack(folder):
    """Executables travel compressed."""
    for name in os.listdir(folder):
        if name.endswith(".xz") and not os.path.exists(os.path.join(folder, name[:-3])):
            with lzma.open(os.path.join(folder, name)) as file:
                data = file.read()
            program = os.path.join(folder, name[:-3])
            with open(program + ".part", "wb") as file:
                file.write(data)
            os.chmod(program + ".part", 0o755)
            os.rename(program + ".part", program)


def run_stage(name, folder, limit):
    """What became of a stage; one that takes too long has failed."""
    output = os.path.join(folder, "out", name + ".json")
    if os.path.exists(output):
        os.remove(output)
    begin = time.monotonic()
    root = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
    words = [sys.executable, "-m", "gpu_check.stages", name, folder, output]
    result = {"status": "failed", "figures": {}}
    process = subprocess.Popen(words, cwd=root, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                               start_new_session=True)
    try:
        said, _ = process.communicate(timeout=limit)
        result["lines"] = said.strip().splitlines()[-5:]
        if os.path.exists(output):
            with open(output, encoding="utf-8") as file:
                result = json.load(file)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, 9)
        process.wait()
        result["lines"] = [f"it took more than {limit} s"]
    result["seconds"] = time.monotonic() - begin
    return result


def check_place(folder):
    """The GPU's name. Raises Refusal if nothing can run here."""
    if not os.path.exists(os.path.join(folder, "contents.json")):
        raise Refusal(f"nothing is packed in {folder}: gpu-check.sh pack {folder} does that where tpc is built")
    driver, wanted = Driver(), read_contents(folder)["arch"]
    if driver.architecture() // 10 != int(wanted[3:]) // 10:
        raise Refusal(f"the GPU is sm_{driver.architecture()}, what is packed is for {wanted}: pack with --arch "
                      f"sm_{driver.architecture() // 10}0")
    return driver.name()


def main(arguments):
    parser = argparse.ArgumentParser(prog="gpu-check.sh run")
    parser.add_argument("folder")
    parser.add_argument("--stages", help="only these, separated by commas")
    options = parser.parse_args(arguments)
    folder = os.path.abspath(options.folder)
    try:
        device = check_place(folder)
    except Refusal as refusal:
        print(f"error: {refusal}", file=sys.stderr)
        return 1
    unpack(folder)
    os.makedirs(os.path.join(folder, "out"), exist_ok=True)
    chosen = options.stages.split(",") if options.stages else [name for name, _, _ in STAGES]
    stages = {name: run_stage(name, folder, limit) for name, _, limit in STAGES if name in chosen}
    verdict, targets = report.judge(stages)
    found = {"device": device, "stages": stages, "targets": targets, "verdict": verdict}
    with open(os.path.join(folder, "out", "report.json"), "w", encoding="utf-8") as file:
        json.dump(found, file, indent=1)
    text = report.write_text(found)
    with open(os.path.join(folder, "out", "report.txt"), "w", encoding="utf-8") as file:
        file.write(text)
    print(text, end="")
    return 1 if verdict == "wrong" else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
