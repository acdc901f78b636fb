"""`--explain`: what collectives cost, against numbers derived by hand, and what scripts may rely on."""
import json
import math
import os
import re

import pytest

from harness import BATCH, GROUPED, LLAMA3, PLANS, ROOT, SEQUENCE, call, complain, run, succeed, tool

TUTORIAL = os.path.join(ROOT, "examples", "tutorial-llama")
TOKENS, HIDDEN, LAYERS, VOCABULARY, KEYS = 512, 768, 12, 50000, 3 * 64


def explain(model, plan, mesh, *extra, batch=1, sequence=TOKENS):
    plans = ["--plan", os.path.join(PLANS, plan)] if plan else []
    return json.loads(succeed([tool("tpc-compile"), model, *plans, "--mesh", mesh, "--batch", batch, "--seq", sequence,
                               "--explain=json", *extra]).stdout)


def received(elements, ranks):
    """Bytes of f32 that a ring moves to gather or scatter so many."""
    return 4 * elements * (ranks - 1) // ranks


PHASES = ["forward", "backward", "update"]


def test_members_that_scripts_rely_on(work):
    report = explain(work.model(GROUPED), "tutorial.yaml", "dp=1,tp=2", batch=4, sequence=16)
    assert {"collectives", "totals", "machine", "parameters", "remarks"} <= set(report)
    for collective in report["collectives"]:
        assert {"index", "op", "axes", "dtype", "elements", "bytes", "seconds", "module", "phase", "kind",
                "why"} <= set(collective)
        assert collective["phase"] in PHASES
        assert collective["kind"] in ("activation", "parameter", "gradient", "scalar")
        assert collective["axes"] == ["tp"] and collective["dtype"] == "f32" and collective["seconds"] > 0
    assert [c["index"] for c in report["collectives"]] == list(range(len(report["collectives"])))
    for parameter in report["parameters"]:
        assert {"name", "shape", "layout", "bytes_per_rank"} <= set(parameter)


@pytest.mark.parametrize("mesh, mode", [("dp=1,tp=2", "ddp"), ("dp=2,tp=1", "ddp"), ("dp=2,tp=2", "zero1"), ("dp=2,tp=2", "fsdp")])
def test_phases_follow_each_other(work, mesh, mode):
    """Gradients are of the backward phase or later, whatever travels with them; the clip norm is of the update."""
    report = explain(work.model(GROUPED), "tutorial.yaml", mesh, f"--dp-mode={mode}", batch=4, sequence=16)
    phases = [PHASES.index(collective["phase"]) for collective in report["collectives"]]
    assert phases == sorted(phases)
    assert not [c for c in report["collectives"] if c["kind"] == "gradient" and c["phase"] == "forward"]


def test_totals_are_the_sums_of_the_list(work):
    report = explain(work.model(GROUPED), "tutorial.yaml", "dp=2,tp=2", batch=4, sequence=16)
    totals = report["totals"]
    assert totals["collectives"] == len(report["collectives"])
    assert totals["bytes"]["all"] == sum(c["bytes"] for c in report["collectives"])
    assert totals["bytes"]["all"] == sum(totals["bytes"][kind] for kind in
                                         ("activation", "parameter", "gradient", "scalar"))
    assert totals["seconds"] == pytest.approx(sum(c["seconds"] for c in report["collectives"]))


@pytest.mark.parametrize("ranks", [2, 4])
def test_strict_tutorial(ranks):
    """Per layer and direction: two gathers of the sequence and two scatters; forward q (12 heads), k, v (3 each) are
    gathered, and backward o_proj's input. The embedding is scattered, the head's input and the logits are gathered."""
    report = explain(TUTORIAL, "tutorial.yaml", f"tp={ranks}", "--plan-policy=strict")
    stream = TOKENS * HIDDEN
    elements = LAYERS * (8 * stream + 2 * stream + 2 * TOKENS * KEYS) + 4 * stream + TOKENS * VOCABULARY
    assert report["totals"]["bytes"]["activation"] <= received(elements, ranks)
    assert report["totals"]["bytes"]["activation"] <= {2: 153.4e6, 4: 230.2e6}[ranks]
    logits = [c for c in report["collectives"] if c["elements"] == TOKENS * VOCABULARY]
    assert [c["bytes"] for c in logits] == [received(TOKENS * VOCABULARY, ranks)]


@pytest.mark.parametrize("ranks", [2, 4])
def test_strict_loss_parallel(ranks):
    report = explain(TUTORIAL, "tutorial-loss-parallel.yaml", f"tp={ranks}", "--plan-policy=strict")
    assert report["totals"]["bytes"]["activation"] <= {2: 102.2e6, 4: 153.4e6}[ranks]
    assert not [c for c in report["collectives"] if c["elements"] >= TOKENS * VOCABULARY]


def places(layout):
    """As reports spell it; hidden dimensions come third."""
    return {"Replicate()": "Replicate", "Shard(1)": "Shard(1) on tp", "Shard(-1)": "Shard(2) on tp"}[layout]


def declared(module, style):
    """What PyTorch's styles make of a module's input and output: the layouts said, then wanted."""
    said = dict(re.findall(r"(\w+)=(\w+\([-\d]*\))", style))
    name = style.split("(")[0]
    if name == "SequenceParallel":
        return ["Shard(1)"], ["Shard(1)"]
    if name == "PrepareModuleInput":
        return [said["input_layouts"], said["desired_input_layouts"]], None
    embeds = module.endswith("embed_tokens")
    needs = "Replicate()" if name == "ColwiseParallel" or embeds else "Shard(-1)"
    inputs = [said.get("input_layouts", needs), needs]
    if name == "ColwiseParallel":
        return inputs, ["Shard(-1)", said.get("output_layouts", "Shard(-1)")]
    return inputs, ["Partial", said.get("output_layouts", "Replicate()")]


def spelled(layouts):
    chain = ["Partial(sum) on tp" if layout == "Partial" else places(layout) for layout in layouts]
    return " -> ".join(layout for number, layout in enumerate(chain) if number == 0 or layout != chain[number - 1])


@pytest.mark.parametrize("plan", ["tutorial.yaml", "tutorial-loss-parallel.yaml", "megatron.yaml"])
@pytest.mark.parametrize("ranks", [2, 4])
def test_strict_has_every_layout_of_the_plan_in_place(plan, ranks):
    """Each input and output layout that a line of the plan declares is that of the module, in all layers."""
    report = explain(TUTORIAL, plan, f"tp={ranks}", "--plan-policy=strict")
    modules = {module["name"]: module for module in report["modules"]}
    with open(os.path.join(PLANS, plan), encoding="utf-8") as file:
        lines = re.findall(r"^    ([\w.]+): (\w+\(.*\))$", file.read(), re.M)
    assert len(lines) == 14
    for key, style in lines:
        inputs, outputs = declared(key, style)
        key = key.replace("base_model", "model")
        names = [key] if key in modules else [f"model.layers.{layer}.{key}" for layer in range(LAYERS)]
        for name in names:
            assert modules[name]["inputs"] == [spelled(inputs)], f"{name}: {style}"
            if outputs and style == "ColwiseParallel()" and key in ("self_attn.k_proj", "self_attn.v_proj"):
                outputs.append("Replicate()")  # what is split stands, but 3 heads are made whole before RoPE
            if outputs:
                assert modules[name]["outputs"] == [spelled(outputs)], f"{name}: {style}"


@pytest.mark.parametrize("plan", ["tutorial.yaml", "tutorial-loss-parallel.yaml"])
@pytest.mark.parametrize("ranks", [2, 4])
def test_optimized(plan, ranks):
    """Everything included, from either plan; and `strict` is what --plan-policy=strict reports."""
    report = explain(TUTORIAL, plan, f"tp={ranks}")
    assert report["totals"]["bytes"]["all"] <= {2: 88.5e6, 4: 132.5e6}[ranks]
    assert report["strict"] == explain(TUTORIAL, plan, f"tp={ranks}", "--plan-policy=strict")["totals"]


def test_norm_weights_and_clip_norm_travel_together():
    """25 norms of 768 and one sum of squares: an all-reduce, so twice (t-1)/t."""
    report = explain(TUTORIAL, "tutorial.yaml", "tp=2")
    combined = [c for c in report["collectives"] if c["kind"] == "gradient"]
    assert len(combined) == 1 and combined[0]["op"] == "all_reduce" and combined[0]["phase"] == "update"
    assert combined[0]["elements"] == 25 * 768 + 1 and combined[0]["bytes"] == 4 * (25 * 768 + 1)
    assert report["totals"]["bytes"]["gradient"] == 4 * 25 * 768 and report["totals"]["bytes"]["scalar"] == 4


def test_parameters_are_told_in_hugging_face_terms():
    parameters = {p["name"]: p for p in explain(TUTORIAL, "tutorial.yaml", "tp=2")["parameters"]}
    down = parameters["model.layers.3.mlp.down_proj.weight"]
    assert down["shape"] == [768, 3072] and down["layout"] == "Shard(1) on tp"
    assert down["bytes_per_rank"] == 768 * 3072 * 4 // 2
    # Three key/value heads do not divide by two: each rank has a part of every one.
    query = parameters["model.layers.0.self_attn.q_proj.weight"]
    assert query["shape"] == [768, 768] and query["layout"] == "Shard(0) on tp in 3 boxes"
    assert parameters["model.norm.weight"]["layout"] == "Replicate"


def chain(report, op, module, phase="forward"):
    found = [c for c in report["collectives"] if (c["op"], c["module"], c["phase"]) == (op, module, phase)]
    assert len(found) == 1, [(c["op"], c["module"], c["phase"]) for c in report["collectives"]]
    return [link.replace(os.path.join(PLANS, ""), "") for link in found[0]["why"]]


def test_why_is_this_collective_here():
    """Elsewhere there is no answer (jax-ml/jax#20381, openxla/xla#4062, #15207, NVIDIA/TransformerEngine#2714). Here:
    down_proj sums over what its weight (line 15) and the activation (gate, 13, and up, 14) split; line 15 wants Shard(1)."""
    report = explain(TUTORIAL, "tutorial.yaml", "tp=2")
    layer = "model.layers.3.mlp"
    links = chain(report, "reduce_scatter", layer + ".down_proj")
    assert links[0] in ("tutorial.yaml:13:5", "tutorial.yaml:14:5")
    assert links[-5:] == ["tutorial.yaml:15:5", layer + ".down_proj.weight", f"tpc.contract of {layer}.down_proj",
                          layer + ".down_proj", "tutorial.yaml:15:5"]
    links = chain(report, "all_gather", layer)
    assert links[-2:] == [layer, "tutorial.yaml:12:5"]
    assert "tutorial.yaml:10:5" in links and f"tpc.rms_norm of {layer[:-4]}.post_attention_layernorm" in links


def test_combined_collectives_have_the_reasons_of_all():
    report = explain(TUTORIAL, "tutorial.yaml", "tp=2")
    links = chain(report, "all_reduce", "model", "update")
    for layer in range(12):
        assert f"tpc.rms_norm_grad of model.layers.{layer}.input_layernorm" in links
    assert "tpc.sum_squares of optimizer" in links


def test_every_chain_of_the_step_begins_at_the_plan():
    for mesh in ("tp=2", "tp=4"):
        for collective in explain(TUTORIAL, "tutorial-loss-parallel.yaml", mesh)["collectives"]:
            assert "tutorial-loss-parallel.yaml:" in collective["why"][0], collective


def test_chains_tell_what_propagation_recorded():
    """Per link: who took over what from whom, by which rule, in which round, and what lost against it."""
    report = explain(TUTORIAL, "tutorial.yaml", "tp=2")
    for collective in report["collectives"]:
        assert len(collective["recorded"]) == len(collective["why"])
    scatter = [c for c in report["collectives"] if c["module"] == "model.layers.3.mlp.down_proj"
               and c["phase"] == "forward"][0]
    told = {place: texts for place, texts in zip(scatter["why"], scatter["recorded"]) if texts}
    gate_or_up = [texts for place, texts in told.items() if place.endswith(("gate_proj", "up_proj"))]
    # f of a [f, k] weight, operand 1, becomes dim 2 of [b, s, f].
    assert gate_or_up == [['result 0: dim 2 on "tp" from operand 1 of tpc.contract (factor f, forward, round 1)']]
    # The sum is asked for along s, which the weight's f has the axis for.
    asked, lost = told["tpc.contract of model.layers.3.mlp.down_proj"]
    assert asked.startswith('result 0: dim 1 on "tp" from result 0 of tpc.constrain')
    assert asked.endswith("tutorial.yaml:15:5")
    assert lost == 'lost: result 0 wants s on "tp", which operand 1 has for f'


def bytes_of(entry):
    """Received by a rank, from the shapes and groups of the manifest; a ring."""
    ranks = len(entry["groups"][0])
    read = sum(math.prod(operand["input_shape"]) for operand in entry["operands"])
    written = sum(math.prod(operand["output_shape"]) for operand in entry["operands"])
    elements = {"all_gather": written - read, "reduce_scatter": read - written,
                "all_reduce": 2 * read * (ranks - 1) / ranks, "all_to_all": read * (ranks - 1) / ranks}
    return 4 * elements[entry["op"]]


@pytest.mark.parametrize("mesh,extra", [("tp=2", []), ("dp=1,tp=4", ["--plan-policy=strict"]),
                                        ("dp=2,tp=2", ["--dp-mode=fsdp"]), ("dp=2,tp=2", ["--dp-mode=zero1"])])
def test_collectives_are_those_of_the_manifest(work, mesh, extra):
    """What --explain counts is what runs: the same numbers, ops, axes and bytes as in the program compiled."""
    program = work.program(GROUPED, mesh, extra=extra)
    entries = json.loads(run(program, "--print-manifest", ranks=1).stdout)["collectives"]
    report = explain(work.model(GROUPED), "tutorial.yaml", mesh, *extra, batch=BATCH, sequence=SEQUENCE)
    assert report["collectives"]
    for collective in report["collectives"]:
        entry = entries[collective["number"]]
        assert entry["index"] == collective["number"] and entry["op"] == collective["op"]
        assert [axis["axis"] for axis in entry["axes"]] == [axis.split(":")[0] for axis in collective["axes"]]
        assert entry["dtype"] == collective["dtype"] and entry["module"] == collective["module"]
        assert abs(bytes_of(entry) - collective["bytes"]) <= 1
    # The rest of the manifest is the evaluation's, which has no backward pass: nothing of the step is left out.
    numbers = [c["number"] for c in report["collectives"]]
    assert numbers == list(range(numbers[0], numbers[0] + len(numbers)))


@pytest.mark.parametrize("plan", ["auto", "hf"])
def test_plans_that_are_no_files_have_remedies(plan, tmp_path):
    """Their rules have names and lines; `--emit-plan=yaml` makes them a file in which the change can be made."""
    words = [tool("tpc-compile"), TUTORIAL, "--plan", plan, "--mesh", "tp=2", "--batch", 1, "--seq", 64]
    report = json.loads(succeed([*words, "--explain=json"]).stdout)
    logits = [c for c in report["collectives"] if c["module"] == "loss" and c["phase"] == "forward"]
    remedies = [c["remedy"] for c in logits if c["remedy"]]
    assert remedies and remedies[0]["key"] == "lm_head"
    (tmp_path / "p.yaml").write_text(succeed([*words, "--emit-plan=yaml"]).stdout)
    lines = (tmp_path / "p.yaml").read_text().splitlines()
    if plan == "auto":
        assert "lm_head" in lines[int(remedies[0]["location"].split(":")[-2]) - 1]
    words[3] = tmp_path / "p.yaml"
    assert traffic(json.loads(succeed([*words, "--explain=json"]).stdout)) == traffic(report)


def test_remedies_were_tried(tmp_path):
    """A remedy really removes its kind of collective: said so for a plan, the collective is gone from the report."""
    report = explain(TUTORIAL, "tutorial.yaml", "tp=2", "--plan-policy=strict")
    gathers = [c for c in report["collectives"] if c["module"] == "model.layers.3.self_attn.k_proj" and
               c["phase"] == "forward"]
    assert len(gathers) == 1 and gathers[0]["op"] == "all_gather"
    remedy = gathers[0]["remedy"]
    assert remedy["location"].endswith("tutorial.yaml:8:5")
    text = open(os.path.join(PLANS, "tutorial.yaml"), encoding="utf-8").read().splitlines()
    line = int(remedy["location"].split(":")[-2]) - 1
    key = text[line].split(":")[0]
    text[line] = f"{key}: {remedy['style']}" if remedy["style"] else ""
    (tmp_path / "p.yaml").write_text("\n".join(text))
    changed = explain(TUTORIAL, tmp_path / "p.yaml", "tp=2", "--plan-policy=strict")
    assert changed["totals"]["collectives"] < report["totals"]["collectives"] or (
        changed["totals"]["bytes"]["all"] < report["totals"]["bytes"]["all"])
    assert not [c for c in changed["collectives"] if c["op"] == "all_gather" and c["phase"] == "forward" and
                c["module"] == "model.layers.3.self_attn.k_proj"]


def alike(report, collective):
    """How many collectives of the report are like this one: what it is, of what, in which module of any layer."""
    def key(one):
        place = "".join("*" if part.isdigit() else part + "." for part in one["module"].split("."))
        return one["op"], one["kind"], place, one["elements"] if one["kind"] == "activation" else 0
    return sum(key(one) == key(collective) for one in report["collectives"])


@pytest.mark.parametrize("plan, mesh, flags", [("tutorial.yaml", "dp=1,tp=2", ["--plan-policy=strict"]),
                                               ("megatron.yaml", "dp=2,tp=2", ["--dp-mode=fsdp"])])
def test_every_remedy_removes_its_collective(work, tmp_path, plan, mesh, flags):
    """Followed on the whole model: there are fewer like it, and fewer or less of all."""
    model, sizes = work.model(GROUPED), {"batch": 4, "sequence": 16}
    report = explain(model, plan, mesh, *flags, **sizes)
    text = open(os.path.join(PLANS, plan), encoding="utf-8").read().splitlines()
    remedies = {}
    for collective in report["collectives"]:
        if collective["remedy"]:
            remedies.setdefault((collective["remedy"]["location"], collective["remedy"]["style"]), []).append(collective)
    assert remedies
    for (location, style), collectives in remedies.items():
        line, changed = int(location.split(":")[-2]) - 1, list(text)
        changed[line] = f"{text[line].split(':')[0]}: {style}" if style else ""
        (tmp_path / "p.yaml").write_text("\n".join(changed))
        after = explain(model, tmp_path / "p.yaml", mesh, *flags, **sizes)
        for collective in collectives:
            assert alike(after, collective) < alike(report, collective), (location, style, collective)
        assert after["totals"]["collectives"] < report["totals"]["collectives"] or (
            after["totals"]["bytes"]["all"] < report["totals"]["bytes"]["all"]), (location, style)


def test_remedies_of_a_plan_that_names_a_later_layer(work, tmp_path):
    """Changes are tried on as many layers as the plan names."""
    (tmp_path / "p.yaml").write_text(open(os.path.join(PLANS, "tutorial.yaml"), encoding="utf-8").read() +
                                     "    base_model.layers.1.mlp.up_proj: ColwiseParallel()\n")
    report = explain(work.model(GROUPED), tmp_path / "p.yaml", "tp=2", batch=4, sequence=16)
    assert [c for c in report["collectives"] if c["remedy"]]


def test_numbers_of_the_text_are_those_of_messages(work):
    words = [work.model(GROUPED), "--plan", os.path.join(PLANS, "tutorial.yaml"), "--mesh", "tp=2", "--batch", 4, "--seq", 16]
    report = json.loads(succeed([tool("tpc-compile"), *words, "--explain=json"]).stdout)
    text = succeed([tool("tpc-compile"), *words, "--explain"]).stdout
    told = [int(number) for line in text.splitlines() if line.startswith("    number ")
            for number in line.split(":")[0].removeprefix("    number ").split(", ") if number != "..."]
    assert told and set(told) <= {c["number"] for c in report["collectives"]}
    assert min(told) == min(c["number"] for c in report["collectives"])


def test_report_goes_where_o_says(work, tmp_path):
    words = [tool("tpc-compile"), work.model(GROUPED), "--mesh", "tp=2", "--batch", 4, "--seq", 16]
    assert succeed([*words, "--explain=json", "-o", tmp_path / "r.json"]).stdout == ""
    assert json.loads((tmp_path / "r.json").read_text())["totals"]["collectives"] > 0
    assert succeed([*words, "--emit-plan=yaml", "-o", tmp_path / "p.yaml"]).stdout == ""
    assert "lm_head" in (tmp_path / "p.yaml").read_text()
    complain(call([*words, "--explain", "-o", tmp_path / "no" / "r"]), "cannot write: No such file or directory")


def test_one_answer_at_a_time(work):
    words = [tool("tpc-compile"), work.model(GROUPED), "--mesh", "tp=2", "--batch", 4, "--seq", 16]
    for pair in (["--explain", "--check"], ["--explain", "--emit=local"], ["--emit-plan=yaml", "--explain"]):
        complain(call([*words, *pair]), "excludes")


def test_against_another_plan():
    """The loss-parallel plan lacks the gather of the logits, in lm_head, and joins the loss instead."""
    words = [tool("tpc-compile"), TUTORIAL, "--plan", os.path.join(PLANS, "tutorial.yaml"), "--plan-policy=strict",
             "--mesh", "tp=2", "--batch", 1, "--seq", TOKENS, "--against",
             os.path.join(PLANS, "tutorial-loss-parallel.yaml")]
    both = json.loads(succeed([*words, "--explain=json"]).stdout)
    assert [p["bytes"] for p in both["plans"]] == [
        explain(TUTORIAL, plan, "tp=2", "--plan-policy=strict")["totals"]["bytes"]["all"]
        for plan in ("tutorial.yaml", "tutorial-loss-parallel.yaml")]
    modules = {m["name"]: m for m in both["modules"]}
    assert modules["lm_head"]["bytes"][0] - modules["lm_head"]["bytes"][1] == received(TOKENS * VOCABULARY, 2)
    assert both["plans"][0]["parameter_bytes"] == both["plans"][1]["parameter_bytes"]
    text = succeed([*words, "--explain"]).stdout
    assert "modules that differ" in text and "lm_head" in text


def test_a_plan_does_not_differ_from_itself():
    plan = os.path.join(PLANS, "tutorial.yaml")
    assert "no module differs" in succeed([tool("tpc-compile"), TUTORIAL, "--plan", plan, "--against", plan, "--mesh",
                                           "tp=2", "--batch", 1, "--seq", 16]).stdout


def traffic(report):
    """Not the module: a gather stands at the request for it where a plan has one, else at the op that needs it."""
    return [(c["op"], c["phase"], c["elements"]) for c in report["collectives"]]


@pytest.mark.parametrize("plan", ["tutorial.yaml", "tutorial-loss-parallel.yaml", "megatron.yaml"])
@pytest.mark.parametrize("mesh", ["tp=2", "tp=4"])
def test_emitted_pytorch_plan_reads_back(plan, mesh, tmp_path):
    """The dictionary, read by tpc.plan, gives the same collectives."""
    import tpc.plan
    text = succeed([tool("tpc-compile"), TUTORIAL, "--plan", os.path.join(PLANS, plan), "--mesh", mesh, "--batch", 1,
                    "--seq", 48, "--emit-plan=pytorch"]).stdout
    names = {name: getattr(tpc.plan, name) for name in tpc.plan.__all__}
    exec(text, names)
    tpc.plan.write_plan(tmp_path / "p.yaml", names["plan"])
    assert traffic(explain(TUTORIAL, tmp_path / "p.yaml", mesh, sequence=48)) == traffic(
        explain(TUTORIAL, plan, mesh, sequence=48))


def test_emitted_pytorch_plan_names_the_model_edits(work):
    """The tutorial's 3 key/value heads stay whole at tp=2; 4 of them are split."""
    def heads(model):
        return succeed([tool("tpc-compile"), model, "--plan", os.path.join(PLANS, "tutorial.yaml"), "--mesh", "tp=2",
                        "--batch", 1, "--seq", 48, "--emit-plan=pytorch"]).stdout
    assert "12 // 2 = 6 heads" in heads(TUTORIAL) and "with all 3" in heads(TUTORIAL)
    assert "4 // 2 = 2 heads" in heads(work.model(LLAMA3)) and "values with 4 // 2 = 2" in heads(work.model(LLAMA3))


def test_emitted_hugging_face_plan_reads_back(tmp_path):
    """Put into config.json it is what --plan=hf takes."""
    words = [tool("tpc-compile"), TUTORIAL, "--plan", "hf", "--mesh", "tp=2", "--batch", 1, "--seq", 16]
    names = {}
    exec(succeed([*words, "--emit-plan=hf"]).stdout, names)
    assert names["base_model_tp_plan"]["layers.*.mlp.down_proj"] == "rowwise"
    config = json.load(open(os.path.join(TUTORIAL, "config.json"), encoding="utf-8"))
    config.update(base_model_tp_plan=names["base_model_tp_plan"], tp_plan=names["tp_plan"])
    (tmp_path / "config.json").write_text(json.dumps(config))
    words[1] = tmp_path
    again = json.loads(succeed([*words, "--explain=json"]).stdout)
    words[1] = TUTORIAL
    assert traffic(again) == traffic(json.loads(succeed([*words, "--explain=json"]).stdout))


def test_what_hugging_face_cannot_say():
    complain(call([tool("tpc-compile"), TUTORIAL, "--plan", os.path.join(PLANS, "tutorial.yaml"), "--mesh", "tp=2",
                   "--batch", 1, "--seq", 16, "--emit-plan=hf"]),
             "tutorial.yaml:10:23: error: 'base_model.layers.*.self_attn.o_proj' cannot be said in Hugging Face's",
             "RowwiseParallel(output_layouts=Shard(1))")


def test_one_rank_has_no_collectives():
    report = explain(TUTORIAL, "tutorial.yaml", "tp=1")
    assert report["collectives"] == [] and report["totals"]["bytes"]["all"] == 0


def test_machine_sets_the_prices(tmp_path):
    """Seconds are latency + bytes / bandwidth of the link of the collective's axis."""
    machine = tmp_path / "m.yaml"
    machine.write_text("name: paper\nflops: 1.0e12\nmemory_bandwidth: 1.0e11\n"
                       "links: [{name: wire, latency: 1.0e-3, bandwidth: 1.0e9}]\ndefault_link: wire\n")
    report = explain(TUTORIAL, "tutorial.yaml", "tp=2", "--machine", machine)
    assert report["machine"] == "paper"
    for collective in report["collectives"]:
        assert collective["seconds"] == pytest.approx(1e-3 + collective["bytes"] / 1e9)


def test_unknown_machine():
    complain(call([tool("tpc-compile"), TUTORIAL, "--mesh", "tp=2", "--machine", "abacus", "--explain=json"]),
             "--machine: error:", "abacus", "h200x8")


def test_unknown_format():
    complain(call([tool("tpc-compile"), TUTORIAL, "--explain=xml"]), "--explain", "xml")


def test_errors_stay_errors(tmp_path):
    """A plan that does not fit is refused as it is without --explain, and nothing is printed."""
    plan = tmp_path / "p.yaml"
    plan.write_text("- plan:\n    model.layers.*.mlp.upp: ColwiseParallel()\n")
    result = call([tool("tpc-compile"), TUTORIAL, "--plan", plan, "--mesh", "tp=2", "--explain=json"])
    complain(result, "p.yaml:2:5: error:")
    assert result.stdout == ""
