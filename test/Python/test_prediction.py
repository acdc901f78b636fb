"""The benchmark of predictions fails where a prediction is beyond its limits."""
import importlib.util
import os
import types

import pytest

PATH = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "Benchmark", "prediction.py")


@pytest.fixture(scope="module")
def prediction():
    spec = importlib.util.spec_from_file_location("prediction", PATH)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize("measured, times, verdict", [
    (1.0, {}, True), (1.0, {"a": [2.0], "b": [0.5]}, True), (1.0, {"a": [1.0, 1.9, 5.0]}, True),
    (1.17, {}, True), (0.88, {}, True), (1.18, {}, False), (0.86, {}, False),  # 1 / 1.18 and 1 / 0.86 are 15.3 and 16.3 % off
    (1.0, {"a": [2.01], "b": [1.0]}, False), (1.0, {"a": [0.1, 0.49, 1.0]}, False),
])
def test_verdict(prediction, capsys, measured, times, verdict):
    case = types.SimpleNamespace(
        ranks=2, threads=1, timeline={"seconds": 1.0}, profile={"seconds": measured}, kinds=lambda: [("contract", (1.0, measured))],
        collectives=lambda: {(op, "dp", 4): (1.0, real) for op, real in times.items()})
    assert prediction.report("dp=2", case) is verdict
    assert ("NOT within" in capsys.readouterr().out) is not verdict


def test_equal_collectives_are_one_kind(prediction):
    case = object.__new__(prediction.Case)
    args = {"axes": "tp", "bytes": 8}
    case.collectives_predicted = {number: {"dur": 2e6, "args": {**args, "bytes": size}} for number, size in enumerate([8, 8, 16])}
    case.profile = {"collectives": [{"number": number, "op": "all_gather", "seconds": seconds}
                                    for number, seconds in enumerate([3.0, 1.0, 7.0])]}
    assert case.collectives() == {("all_gather", "tp", 8): (2.0, [1.0, 3.0]), ("all_gather", "tp", 16): (2.0, [7.0])}
