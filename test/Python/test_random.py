"""The generator in NumPy against published vectors, and tpc.dropout in the interpreter against it."""
import os
import subprocess

import numpy as np
import pytest
import random_numpy

BUILD = os.environ.get("TPC_BUILD", os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "build"))
INTERPRET = os.path.join(BUILD, "bin", "tpc-interpret")


@pytest.mark.parametrize("word, expected", [
    (0, [0x6627E8D5, 0xE169C58D, 0xBC57AC4C, 0x9B00DBD8]),
    (0xFFFFFFFF, [0x408F276D, 0x41C83B0E, 0xA20BC7C6, 0x6D5451FD]),
])
def test_philox_known_answers(word, expected):
    """Random123's kat_vectors."""
    found = random_numpy.philox([np.array([word])] * 4, (word, word))
    assert [int(value[0]) for value in found] == expected


@pytest.mark.skipif(not os.path.exists(INTERPRET), reason="needs tpc-interpret")
@pytest.mark.parametrize("seed", [0, 42, 2**40 + 7])
def test_dropout_keeps_what_the_reference_keeps(seed):
    shape, name, probability = (3, 5, 67), "model.layers.3.mlp", 0.1
    text = f"""func.func @f() -> tensor<3x5x67xf64> {{
      %seed = arith.constant dense<{seed}> : tensor<i64>
      %x = arith.constant dense<3.0> : tensor<3x5x67xf64>
      %y = tpc.dropout %x seed(%seed) probability {probability} stream "{name}" global [3, 5, 67] : tensor<3x5x67xf64>, tensor<i64>
      return %y : tensor<3x5x67xf64>
    }}"""
    run = subprocess.run([INTERPRET], input=text, capture_output=True, text=True, check=True)
    found = np.array(run.stdout.split("]", 1)[1].split(), np.float64).reshape(shape)
    expected = random_numpy.dropout(np.full(shape, 3.0), seed, name, probability)
    assert ((found == 0) == (expected == 0)).all() and 0.05 < (found == 0).mean() < 0.15
    np.testing.assert_allclose(found, expected, rtol=1e-8)
