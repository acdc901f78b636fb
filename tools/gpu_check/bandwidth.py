"""Memory-bound kernels of a real step, timed against copies."""
import json
import os

FILLING = 0x3C  # a small positive number in every floating-point type
COLD = 512 << 20  # more than caches hold: so much is between two uses of a tensor


def get_share(bytes_moved, seconds, copy_bandwidth):
    """Of the bandwidth of copies."""
    return bytes_moved / seconds / copy_bandwidth


def measure_copies(driver, size=1 << 30):
    """Bytes read and written per second by a copy."""
    origin, to = driver.allocate(size, 0), driver.allocate(size, 0)
    seconds = driver.seconds(lambda: driver.copy(to, origin, size))
    driver.free(origin)
    driver.free(to)
    return 2 * size / seconds


def measure_kernel(driver, module, kernel, cold=COLD, repetitions=20):
    """Seconds of the kernel, of both its launches if it has two stages, on tensors that no cache holds."""
    moved = sum(tensor["bytes"] for tensor in kernel["tensors"])
    workspace = [driver.allocate(kernel["workspace"], 0)] if kernel["workspace"] else []
    sets = [[driver.allocate(tensor["bytes"], 0 if tensor["dtype"].startswith("i") else FILLING)
             for tensor in kernel["tensors"]] for _ in range(max(1, -(-cold // moved)))]
    launches = [(driver.kernel(module, launch["name"]), launch["blocks"], launch["threads"])
                for launch in kernel["launches"]]

    def work():
        for tensors in sets:
            for launch in launches:
                driver.launch(*launch, tensors + workspace)
    seconds = driver.seconds(work, repetitions)
    for address in sum(sets, workspace):
        driver.free(address)
    return seconds / len(sets)


def measure(driver, folder):
    """A row per kernel, worst first, and the bandwidth of copies."""
    with open(os.path.join(folder, "kernels.json"), encoding="utf-8") as file:
        kernels = json.load(file)
    with open(os.path.join(folder, "kernels.cubin"), "rb") as file:
        module = driver.load(file.read())
    copies = measure_copies(driver)
    rows = []
    for kernel in kernels:
        moved = sum(tensor["bytes"] for tensor in kernel["tensors"])
        seconds = measure_kernel(driver, module, kernel)
        rows.append({"kernel": kernel["name"], "bytes": moved, "seconds": seconds, "bytes_per_second": moved / seconds,
                     "share": get_share(moved, seconds, copies)})
    return copies, sorted(rows, key=lambda row: row["share"])
