"""Runs a program of Inputs/product.mlir on random matrices and compares its result with float64."""
import os
import subprocess
import sys
import tempfile

import numpy as np
from tpc import hf

program, names = sys.argv[1], ("arg0", "arg1")
rng = np.random.default_rng(5)
x, w = (rng.standard_normal(shape).astype(np.float32) for shape in ((4, 8), (6, 8)))
with tempfile.TemporaryDirectory() as folder:
    inputs, outputs = (os.path.join(folder, name) for name in ("inputs", "outputs"))
    hf.write_safetensors(inputs, dict(zip(names, (x, w))))
    subprocess.run([program, "--inputs", inputs, "--outputs", outputs], check=True)
    (result,) = hf.read_safetensors(outputs).values()
expected = x.astype(np.float64) @ w.astype(np.float64).T
print("largest error", np.abs(result - expected).max() / np.abs(expected).max())
sys.exit(not np.abs(result - expected).max() < 1e-6 * np.abs(expected).max())
