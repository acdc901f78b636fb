"""Recorded cases of kernels: the launches of a small program, its inputs, and float64 results with their bounds."""
import array
import json
import os

GUARD = 64
PATTERN = 0xA5
# Quotients, roots and exponentials of a GPU are off by a unit or two more than those that the bounds were made with.
APPROXIMATION = 4


def read_cases(folder):
    """The cases of a folder, by name, and the file of their data."""
    with open(os.path.join(folder, "cases.json"), encoding="utf-8") as file:
        return json.load(file)


def widen(data, dtype):
    """Numbers of the bytes of a tensor."""
    if dtype == "bf16":
        words = array.array("I", (bits << 16 for bits in array.array("H", data)))
        return array.array("f", words.tobytes())
    return array.array({"f32": "f", "f64": "d", "i32": "i", "i64": "q", "i1": "B"}[dtype], data)


def compare(found, expected, relative, absolute):
    """How many numbers are off by more than relative * |expected| + absolute, and what is said of the worst."""
    wrong, worst, text = 0, -1.0, ""
    for place, (got, wanted) in enumerate(zip(found, expected)):
        off = abs(got - wanted)
        if off <= relative * abs(wanted) + absolute:
            continue
        wrong += 1
        if off != off or off > worst:
            worst, text = (float("inf") if off != off else off), f"[{place}] is {got!r}, not {wanted!r}"
    return wrong, text


def run_case(driver, folder, case):
    """What is wrong with the results on this GPU, a line each."""
    with open(os.path.join(folder, case["code"]), "rb") as file:
        module = driver.load(file.read())
    with open(os.path.join(folder, case["data"]), "rb") as file:
        data = file.read()
    addresses = []
    for buffer in case["buffers"]:
        address = driver.allocate(buffer["bytes"] + GUARD)
        driver.write(address + buffer["bytes"], bytes([PATTERN]) * GUARD)
        if "offset" in buffer:
            driver.write(address, data[buffer["offset"]:buffer["offset"] + buffer["bytes"]])
        addresses.append(address)
    for launch in case["launches"]:
        values = [addresses[number] if kind == "buffer" else number for kind, number in launch["arguments"]]
        driver.launch(driver.kernel(module, launch["kernel"]), launch["blocks"], launch["threads"], values)
    driver.synchronize()
    complaints = []
    for number, result in enumerate(case["results"]):
        size = case["buffers"][result["buffer"]]["bytes"]
        found = widen(driver.read(addresses[result["buffer"]], size), result["dtype"])
        expected = array.array("d", data[result["offset"]:result["offset"] + 8 * len(found)])
        absolute = 0 if result["dtype"].startswith("i") else result["absolute"] * APPROXIMATION
        wrong, text = compare(found, expected, result["relative"], absolute)
        if wrong:
            complaints.append(f"{case['name']}: {wrong} of {len(found)} numbers of result {number} are wrong: {text}")
    for address, buffer in zip(addresses, case["buffers"]):
        if driver.read(address + buffer["bytes"], GUARD) != bytes([PATTERN]) * GUARD:
            complaints.append(f"{case['name']}: a kernel writes past the end of a buffer of {buffer['bytes']} bytes")
        driver.free(address)
    return complaints
