"""Layouts do not depend on the order in which a program is written: independent ops and the operands of additions and
products change places, and every value is laid out as before."""
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


def rewrite(text, draw):
    """Every function's ops, each located at its results' names; reordered if `draw` is given."""
    lines, result, body = text.splitlines(), [], []
    for line in lines:
        if OP.match(line) and not line.lstrip().startswith("return"):
            names = line.split(" = ")[0].strip().replace("%", "")
            body.append(f'{line} loc("{function} {names}")')
            continue
        if line.lstrip().startswith("func.func"):
            function = re.search(r"@\w+", line).group(0)
        if body and line.lstrip().startswith("return"):
            result += [swap(op, draw) for op in shuffled(body, draw)] if draw else body
            body = []
        result.append(line)
    return "\n".join(result)


def layouts(program):
    """By the names that rewrite() gave."""
    text = succeed([tool("tpc-opt"), program, "--tpc-propagate-layouts", "--mlir-print-debuginfo",
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
