"""Linked executables of linear graphs: on every mesh the bits of NumPy's result for the whole tensors.

Inputs are multiples of 1/4 and small, so every sum is exact in float32 whatever its order, and == is fair.
"""
import itertools
import json

import numpy as np
import pytest

from harness import complain, run, succeed, tool
from tpc import hf

MESHES = {"tp1": {"tp": 1}, "tp2": {"tp": 2}, "tp4": {"tp": 4}, "dp2tp2": {"dp": 2, "tp": 2}}
COLLECTIVES = {
    "tp1": set(),
    "tp2": {"all_gather", "all_to_all", "all_reduce", "reduce_scatter"},
    "tp4": {"all_gather", "all_to_all", "all_reduce", "reduce_scatter", "permute"},
    "dp2tp2": {"all_gather", "all_to_all", "all_reduce", "reduce_scatter", "permute"},
}


def quarters(rng, *shape):
    """Multiples of 1/4 in [-2, 2]."""
    return (rng.integers(-8, 9, shape) / 4).astype(np.float32)


def axes_of(mesh):
    """Lists of axes that may split one dimension; of tp=4 also its halves, each alone and in the other order."""
    names = [f'"{name}"' for name in mesh]
    lists = [list(order) for count in range(1, len(names) + 1) for order in itertools.permutations(names, count)]
    if mesh["tp"] == 4:
        halves = ['"tp":(1)2', '"tp":(2)2']
        lists += [[halves[0]], [halves[1]], halves[::-1]]
    return lists


def layouts(mesh):
    """All layouts of a matrix over the mesh, as the dialect writes them."""
    choices = [[]] + axes_of(mesh)
    result = []
    for rows, columns in itertools.product(choices, choices):
        used = [axis.split(":")[0] if (rows + columns).count(axis) > 1 else axis for axis in rows + columns]
        whole = {axis for axis in used if ":" not in axis}
        if len(set(used)) == len(used) and not any(axis.split(":")[0] in whole for axis in used if ":" in axis):
            result.append(f"<@mesh, [{{{', '.join(rows)}}}, {{{', '.join(columns)}}}]>")
    return result


def with_layout(kind, layout):
    return f"{kind} {{tpc.layout = #tpc.layout{layout}}}"


def function(name, arguments, results, body):
    """`arguments`: (type, layout) by name; `results`: (value, type, layout)."""
    given = ", ".join(f"%{argument}: {with_layout(*spec)}" for argument, spec in arguments.items())
    types = ", ".join(kind for _, kind, _ in results)
    return (f"func.func @{name}({given})\n"
            f"    -> ({', '.join(with_layout(kind, layout) for _, kind, layout in results)}) {{\n"
            + "".join(f"  {line}\n" for line in body)
            + f"  return {', '.join(value for value, _, _ in results)} : {types}\n}}\n")


class Executable:
    """A linked module of some functions that take the same inputs."""

    def __init__(self, folder, mesh, functions, inputs):
        self.folder = folder
        axes = ", ".join(f'"{axis}"={size}' for axis, size in mesh.items())
        (folder / "m.mlir").write_text(f"tpc.mesh @mesh <[{axes}]>\n" + "".join(functions))
        succeed([tool("tpc-compile"), folder / "m.mlir", "-o", folder / "program"])
        hf.write_safetensors(str(folder / "in"), {f"arg{number}": value for number, value in enumerate(inputs)})

    def run(self, name, threads=1):
        result = run(self.folder / "program", "--entry", name, "--inputs", self.folder / "in", "--outputs",
                     self.folder / "out", "--threads-per-rank", threads)
        assert result.returncode == 0, result.stderr
        outputs = hf.read_safetensors(str(self.folder / "out"))
        return [outputs[f"result{number}"] for number in range(len(outputs))]

    def collectives(self):
        return {c["op"] for c in json.loads(succeed([self.folder / "program", "--print-manifest"]).stdout)["collectives"]}


def assert_equal(found, expected):
    assert len(found) == len(expected)
    for number, (ours, theirs) in enumerate(zip(found, expected)):
        assert ours.dtype == np.float32 and ours.shape == theirs.shape
        assert (ours.astype(np.float64) == theirs).all(), f"result {number}"


def reshards(name, splits, sources, target):
    """Every value of layout `sources` and every product whose sum is split, as `target`: all different, so none helps another."""
    matrix = "tensor<8x16xf32>"
    arguments = {f"a{number}": (matrix, source) for number, source in enumerate(sources)}
    body = []
    for number, split in enumerate(splits):
        split = ", ".join(split)
        arguments[f"l{number}"] = ("tensor<8x4xf32>", f"<@mesh, [{{}}, {{{split}}}]>")
        arguments[f"r{number}"] = ("tensor<4x16xf32>", f"<@mesh, [{{{split}}}, {{}}]>")
        body.append(f"%p{number} = tpc.contract %l{number}, %r{number} : [m, k], [k, n] -> [m, n] : "
                    f"(tensor<8x4xf32>, tensor<4x16xf32>) -> {matrix}")
    values = [f"%a{number}" for number in range(len(sources))] + [f"%p{number}" for number in range(len(splits))]
    return function(name, arguments, [(value, matrix, target) for value in values], body)


@pytest.mark.parametrize("mesh", MESHES)
def test_every_reshard(tmp_path, mesh):
    """From every layout of a matrix, and from summands over every axis, to every layout."""
    axes, every = MESHES[mesh], layouts(MESHES[mesh])
    splits = axes_of(axes)
    rng = np.random.default_rng(3)
    inputs = [quarters(rng, 8, 16) for _ in every]
    for _ in splits:
        inputs += [quarters(rng, 8, 4), quarters(rng, 4, 16)]
    wide = [value.astype(np.float64) for value in inputs]
    factors = wide[len(every):]
    expected = wide[:len(every)] + [left @ right for left, right in zip(factors[::2], factors[1::2])]
    functions = [reshards(f"to_{number}", splits, every, target) for number, target in enumerate(every)]
    program = Executable(tmp_path, axes, functions, inputs)
    assert program.collectives() == COLLECTIVES[mesh]
    for number in range(len(every)):
        assert_equal(program.run(f"to_{number}"), expected)


def linear_graph(mesh, table, weight):
    """An embedding, products, sums and changes of shape, forward and as gradients use them."""
    body = [
        "%e = tpc.embedding %ids, %table : (tensor<4x8xi32>, tensor<16x8xf32>) -> tensor<4x8x8xf32>",
        "%h = tpc.contract %e, %w : [b, s, k], [n, k] -> [b, s, n] : (tensor<4x8x8xf32>, tensor<12x8xf32>) -> tensor<4x8x12xf32>",
        "%y = tpc.contract %h, %w : [b, s, n], [n, k] -> [b, s, k] : (tensor<4x8x12xf32>, tensor<12x8xf32>) -> tensor<4x8x8xf32>",
        "%z = arith.addf %y, %e : tensor<4x8x8xf32>",
        "%sum = tpc.reduce sum %z dims [0, 1] : tensor<4x8x8xf32> -> tensor<8xf32>",
        "%max = tpc.reduce max %z dims [2] : tensor<4x8x8xf32> -> tensor<4x8xf32>",
        "%b = tpc.broadcast %sum dims [2] : tensor<8xf32> -> tensor<4x8x8xf32>",
        "%s = arith.subf %z, %b : tensor<4x8x8xf32>",
        "%t = tpc.transpose %s permutation [2, 0, 1] : tensor<4x8x8xf32> -> tensor<8x4x8xf32>",
        "%gw = tpc.contract %h, %e : [b, s, n], [b, s, k] -> [n, k] : (tensor<4x8x12xf32>, tensor<4x8x8xf32>) -> tensor<12x8xf32>",
        "%part = tensor.extract_slice %w[4, 0] [8, 8] [1, 1] : tensor<12x8xf32> to tensor<8x8xf32>",  # 128 bytes behind %w
        "%q = tpc.contract %z, %part : [b, s, k], [n, k] -> [b, s, n] : (tensor<4x8x8xf32>, tensor<8x8xf32>) -> tensor<4x8x8xf32>",
        "%gt = tpc.embedding_grad %ids, %e : (tensor<4x8xi32>, tensor<4x8x8xf32>) -> tensor<16x8xf32>",
    ]
    batch = '<@mesh, [{"dp"}, {}]>' if "dp" in mesh else "<@mesh, [{}, {}]>"
    arguments = {"ids": ("tensor<4x8xi32>", batch), "table": ("tensor<16x8xf32>", table), "w": ("tensor<12x8xf32>", weight)}
    results = [("%t", "tensor<8x4x8xf32>", "<@mesh, [{}, {}, {}]>"), ("%sum", "tensor<8xf32>", "<@mesh, [{}]>"),
               ("%max", "tensor<4x8xf32>", '<@mesh, [{}, {"tp"}]>'), ("%gw", "tensor<12x8xf32>", weight),
               ("%gt", "tensor<16x8xf32>", table), ("%q", "tensor<4x8x8xf32>", "<@mesh, [{}, {}, {}]>")]
    return function("graph", arguments, results, body)


def expected_graph(ids, table, weight):
    table, weight = table.astype(np.float64), weight.astype(np.float64)
    e = table[ids]
    h = e @ weight.T
    z = h @ weight + e
    total = z.sum((0, 1))
    gradient = np.zeros_like(table)
    np.add.at(gradient, ids, e)
    return [(z - total).transpose(2, 0, 1), total, z.max(2), np.einsum("bsn,bsk->nk", h, e), gradient,
            z @ weight[4:].T]


@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize("table, weight", [("rows", "rows"), ("rows", "columns"), ("columns", "rows"), ("columns", "whole")])
@pytest.mark.parametrize("mesh", MESHES)
def test_linear_graph(tmp_path, mesh, table, weight, threads):
    split = {"rows": '<@mesh, [{"tp"}, {}]>', "columns": '<@mesh, [{}, {"tp"}]>', "whole": "<@mesh, [{}, {}]>"}
    rng = np.random.default_rng(5)
    inputs = [rng.integers(0, 16, (4, 8)).astype(np.int32), quarters(rng, 16, 8), quarters(rng, 12, 8)]
    program = Executable(tmp_path, MESHES[mesh], [linear_graph(MESHES[mesh], split[table], split[weight])], inputs)
    assert_equal(program.run("graph", threads), expected_graph(*inputs))


def test_inputs_that_do_not_fit(tmp_path):
    matrix = "tensor<8x16xf32>"
    gather = function("f", {"a": (matrix, '<@mesh, [{"tp"}, {}]>')}, [("%a", matrix, "<@mesh, [{}, {}]>")], [])
    Executable(tmp_path, {"tp": 2}, [gather], [np.zeros((8, 16), np.float32)])

    def attempt(tensors, *arguments):
        hf.write_safetensors(str(tmp_path / "in"), tensors)
        (tmp_path / "out").unlink(missing_ok=True)
        result = run(tmp_path / "program", *(arguments or ("--entry", "f", "--inputs", tmp_path / "in", "--outputs", tmp_path / "out")))
        assert not (tmp_path / "out").exists()
        return result

    good = {"arg0": np.zeros((8, 16), np.float32)}
    complain(attempt({"arg1": good["arg0"]}), "has no tensor 'arg0'")
    complain(attempt({"arg0": np.zeros((16, 8), np.float32)}), "tensor 'arg0' has another shape")
    complain(attempt({"arg0": np.zeros((8, 16), np.int32)}), "tensor 'arg0' has another shape or element type")
    complain(attempt(good, "--inputs", tmp_path / "in", "--outputs", tmp_path / "out"), "no entry 'forward'")
    complain(attempt(good, "--inputs", tmp_path / "in"), "--inputs and --outputs belong together")
    complain(attempt(good, "--outputs", tmp_path / "out", "--data", "x"), "--inputs and --outputs belong together")
