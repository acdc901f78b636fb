"""Layouts do not depend on the order in which a program is written: independent ops and the operands of additions and
products change places, values get other names, and every value is laid out as before."""
import os
import random
import re

import pytest

from harness import PLANS, ROOT, succeed, tool

TINY = os.path.join(ROOT, "examples", "tiny-llama")
OP = re.compile(r"    (%[%\w:, ]+ = .*|return .*)$")
COMMUTES = re.compile(r"((?:arith\.addf|arith\.mulf|arith\.addi) )(%[\w#]+), (%[\w#]+)")


def shuffled(lines, draw):
    """The ops of one function in another order in which operands still come first."""
    made = {}
    for number, line in enumerate(lines):
        for name in re.findall(r"%\w+", line.split(" = ")[0]):
            made[name] = number
    waits = [{made[name] for name in re.findall(r"%\w+", line.split(" = ", 1)[1]) if name in made} for line in lines]
    done, order = set(), []
    while len(order) < len(lines):
        ready = [n for n in range(len(lines)) if n not in done and waits[n] <= done]
        chosen = draw.choice(ready)
        done.add(chosen)
        order.append(chosen)
    return [lines[n] for n in order]


def swap(line, draw):
    return COMMUTES.sub(r"\1\3, \2", line) if draw.random() < 0.5 else line


def renamed(line, names):
    return re.sub(r"%\w+", lambda name: names.get(name.group(0), name.group(0)), line)


def written(body, returned, draw):
    """The ops of one function and its return, as another author would write them."""
    made = [name for line in body for name in re.findall(r"%\w+", line.split(" = ")[0])]
    names = dict(zip(made, [f"%v{number}" for number in draw.sample(range(len(made)), len(made))]))
    return [renamed(line.rsplit(" loc(", 1)[0], names) + " loc(" + line.rsplit(" loc(", 1)[1]
            for line in (swap(op, draw) for op in shuffled(body, draw))] + [renamed(returned, names)]


def rewrite(text, draw):
    """Every function's ops, each located at its results' names; written another way if `draw` is given."""
    lines, result, body = text.splitlines(), [], []
    for line in lines:
        if OP.match(line) and not line.lstrip().startswith("return"):
            names = line.split(" = ")[0].strip().replace("%", "")
            body.append(f'{line} loc("{function} {names}")')
            continue
        if line.lstrip().startswith("func.func"):
            function = re.search(r"@\w+", line).group(0)
        if body and line.lstrip().startswith("return"):
            result += written(body, line, draw) if draw else body + [line]
            body = []
            continue
        result.append(line)
    return "\n".join(result)


def layouts(program, options=""):
    """By the names that rewrite() gave."""
    text = succeed([tool("tpc-opt"), program, f"--tpc-propagate-layouts{options}", "--mlir-print-debuginfo",
                    "--mlir-print-local-scope"]).stdout
    return dict((name, found) for found, name in re.findall(r'tpc\.layouts = \[(.*?>)\].*loc\("(@[^"]*)"\)', text))


@pytest.mark.parametrize("plan", ["tutorial.yaml", "megatron.yaml"])
def test_order_does_not_matter(plan, tmp_path):
    imported, program = str(tmp_path / "import.mlir"), str(tmp_path / "program.mlir")
    succeed([tool("tpc-compile"), TINY, "--mesh", "dp=2,tp=4", "--batch", 4, "--seq", 16, "--emit=import", "-o", imported])
    text = succeed([tool("tpc-opt"), imported, f"--tpc-apply-plan=plan={os.path.join(PLANS, plan)}", "--tpc-differentiate",
                    "--tpc-append-optimizer"]).stdout
    with open(program, "w", encoding="utf-8") as file:
        file.write(rewrite(text, None))
    expected = layouts(program)
    assert len(expected) > 400
    for seed in range(4):
        with open(program, "w", encoding="utf-8") as file:
            file.write(rewrite(text, random.Random(seed)))
        found = layouts(program)
        assert {name: found[name] for name in expected if found[name] != expected[name]} == {}, f"seed {seed}"


AXES = ["x", "y", "z"]
TYPE = "tensor<8x8xf32>"
SLOW_X = os.path.join(ROOT, "test", "Propagation", "Inputs", "slow-x.yaml")


def random_layout(draw):
    """Each axis splits the rows, the columns or nothing."""
    dims = [[], []]
    for axis in draw.sample(AXES, len(AXES)):
        if draw.random() < 0.5:
            draw.choice(dims).append(f'"{axis}"')
    return f'#tpc.layout<@mesh, [{{{", ".join(dims[0])}}}, {{{", ".join(dims[1])}}}]>'


def random_op(number, values, draw):
    a, b, kind = draw.choice(values), draw.choice(values), draw.random()
    if kind < 0.5:
        return f"    %{number} = arith.{draw.choice(['addf', 'mulf'])} {a}, {b} : {TYPE}"
    if kind < 0.7:
        return f"    %{number} = arith.negf {a} : {TYPE}"
    if kind < 0.8:
        return f"    %{number} = tpc.constrain {a} to {random_layout(draw)[11:]} : {TYPE}"
    return f"    %{number} = tpc.contract {a}, {b} : [m, k], [k, n] -> [m, n] : ({TYPE}, {TYPE}) -> {TYPE}"


def contested(name, draw):
    """A function whose arguments are split in all ways or say nothing, and whose values have many users."""
    inputs = [f"%a{n}: {TYPE}" + (f" {{tpc.layout = {random_layout(draw)}}}" if draw.random() < 0.6 else "")
              for n in range(4)]
    values, body = [f"%a{n}" for n in range(4)], []
    for number in range(12):
        body.append(random_op(number, values, draw))
        values.append(f"%{number}")
    results = ", ".join(values[-3:])
    return "\n".join([f"  func.func @{name}({', '.join(inputs)}) -> ({', '.join([TYPE] * 3)}) {{", *body,
                      f"    return {results} : {', '.join([TYPE] * 3)}", "  }"])


@pytest.mark.parametrize("options", ["", f"=machine={SLOW_X}"])
def test_order_does_not_matter_where_claims_contend(options, tmp_path):
    """200 graphs full of conflicts, with equal links and with a slow one."""
    draw, program = random.Random(3), str(tmp_path / "program.mlir")
    mesh = '  tpc.mesh @mesh <["x"=2, "y"=2, "z"=2]>'
    text = "\n".join(["module {", mesh, *(contested(f"f{n}", draw) for n in range(200)), "}"])
    found = []
    for seed in range(5):
        with open(program, "w", encoding="utf-8") as file:
            file.write(rewrite(text, random.Random(seed) if seed else None))
        found.append(layouts(program, options))
    assert len(found[0]) == 200 * 12
    for seed, other in enumerate(found):
        assert {name: other[name] for name in found[0] if other[name] != found[0][name]} == {}, f"seed {seed}"
