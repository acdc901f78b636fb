"""Data-parallel modes: training as on one rank, what each rank stores, what it receives, and what it keeps at the peak."""
import collections
import json
import os
import re

import numpy as np
import pytest

import llama_numpy
from harness import BATCH, GROUPED, PLANS, SEQUENCE, random_tokens, relative, run, succeed, tool, train, write_tokens
from tpc import hf

ONE = "dp=1,tp=1"
MODES = {"ddp": ["--dp-mode=ddp"], "zero1": ["--dp-mode=zero1"], "zero2": ["--dp-mode=zero2"], "fsdp": ["--dp-mode=fsdp"],
         "kept": ["--dp-mode=fsdp", "--reshard-after-forward=no"]}
MESHES = {"dp2": "dp=2,tp=1", "dp2tp2": "dp=2,tp=2", "hsdp": "replica=2,shard=2,tp=2"}
HYPER = ["--lr", "1e-2", "--warmup", 0, "--weight-decay", 0.1, "--betas", "0.9,0.99", "--clip", 1.0, "--seed", 3]
STRICT = ["--plan-policy=strict"]  # else the mode decides along with the rest how keys and values are projected
modes = pytest.mark.parametrize("mode", MODES)
meshes = pytest.mark.parametrize("mesh", MESHES)


@pytest.fixture(scope="module")
def tokens(work):
    return write_tokens(work.path("dp.bin"), random_tokens(GROUPED, 20 * BATCH * SEQUENCE + 1))


@pytest.fixture(scope="module")
def alone(work, tokens, tmp_path_factory):
    """Metrics of 20 steps on one rank."""
    return train(work.program(GROUPED, ONE), str(tmp_path_factory.mktemp("alone")), "--data", tokens, "--steps", 20,
                 *HYPER)


@modes
@meshes
def test_losses_are_those_of_one_rank(work, tmp_path, tokens, alone, mesh, mode):
    program = work.program(GROUPED, MESHES[mesh], extra=MODES[mode])
    records = train(program, str(tmp_path), "--data", tokens, "--steps", 20, *HYPER)
    assert len(records) == len(alone) == 20
    for found, expected in zip(records, alone):
        assert abs(found["loss"] / expected["loss"] - 1) < 1e-5, found
        assert abs(found["grad_norm"] / expected["grad_norm"] - 1) < 1e-4, found
    assert alone[-1]["loss"] < alone[0]["loss"] - 0.02  # something was learnt


# ---- what a rank stores ----


def manifest(program):
    return json.loads(run(program, "--print-manifest", ranks=1).stdout)


def stored(parameter, what):
    """Elements of a parameter's value, gradient or moment that a rank keeps."""
    own = parameter[what]
    return int(np.prod(own.get("local_shape", parameter["local_shape"])))


def shards_of(mesh, mode):
    """Over how many ranks the mode shares parameters, gradients and state."""
    data = dict(axis.split("=") for axis in mesh.split(","))
    shards = int(data.get("dp", data.get("shard")))
    return (shards if mode in ("fsdp", "kept") else 1, 1 if mode == "ddp" else shards)


@modes
@meshes
def test_bytes_stored(work, mesh, mode):
    """Every parameter has a dimension that the mode's axis divides, so each rank has an exact part of the tp shard, which
    is what a rank of the same mesh has without sharding over data."""
    program = work.program(GROUPED, MESHES[mesh], extra=MODES[mode] + STRICT)
    whole = work.program(GROUPED, MESHES[mesh], extra=MODES["ddp"] + STRICT)
    of_tp_shard = sum(stored(p, "value") for p in manifest(whole)["parameters"])
    values, rest = shards_of(MESHES[mesh], mode)
    parameters = manifest(program)["parameters"]
    for what, share in (("value", values), ("gradient", rest), ("exp_avg", rest), ("exp_avg_sq", rest)):
        assert sum(stored(p, what) for p in parameters) * share == of_tp_shard, what
    described = run(program, "--describe").stdout
    for name, size in (("parameters", 4 * of_tp_shard // values), ("gradients", 4 * of_tp_shard // rest),
                       ("optimizer_state", 8 * of_tp_shard // rest)):
        assert re.search(rf"stored on a rank:(\n  .*)*\n  {name} +{size} bytes", described), (name, size)


def test_whole_model_is_counted(work):
    total = sum(stored(p, "value") for p in manifest(work.program(GROUPED, ONE))["parameters"])
    assert total == sum(int(np.prod(shape)) for shape in llama_numpy.parameter_shapes(GROUPED).values())


# ---- what a rank receives ----


def explained(work, mesh, mode, batch=BATCH, sequence=SEQUENCE):
    result = succeed([tool("tpc-compile"), work.model(GROUPED), "--plan", os.path.join(PLANS, "tutorial.yaml"), "--mesh",
                      MESHES[mesh], "--batch", batch, "--seq", sequence, "--explain=json", *MODES[mode], *STRICT])
    return json.loads(result.stdout)


def received(report, axis):
    """Bytes of parameters and gradients over one mesh axis. A collective over several axes counts as one over each in turn,
    the most major first where it scatters: the order in which it would move the least."""
    sizes = {name: int(size) for name, size in (part.split("=") for part in report["mesh"].split(","))}
    total = 0
    for collective in report["collectives"]:
        if collective["kind"] not in ("parameter", "gradient"):
            continue
        size = 4 * collective["elements"]
        for name in collective["axes"]:
            ranks = sizes[name.split(":")[0]]
            part = size * (ranks - 1) // ranks * (2 if collective["op"] == "all_reduce" else 1)
            total += part if name == axis else 0
            size //= 1 if collective["op"] == "all_reduce" else ranks
    return total


@modes
@pytest.mark.parametrize("tokens_per_step", [(4, 16), (4, 256)])
@pytest.mark.parametrize("mesh", ["dp2", "dp2tp2"])
def test_bytes_received(work, mesh, mode, tokens_per_step):
    """2 (d-1)/d P for one sum of the gradients, or a scattered sum and one gather; (d-1)/d P more for a second gather,
    which only the embedding's table, of no use to backward, does not need."""
    report = explained(work, mesh, mode, *tokens_per_step)
    shard = sum(p["bytes_per_rank"] for p in explained(work, mesh, "ddp", *tokens_per_step)["parameters"])
    table = 4 * GROUPED["vocab_size"] * GROUPED["hidden_size"] // (2 if mesh == "dp2tp2" else 1)
    expected = 2 * shard // 2 + ((shard - table) // 2 if mode == "fsdp" else 0)
    scalars = 32  # the clip norm travels with gradients
    assert expected <= received(report, "dp") <= expected + scalars


@pytest.mark.parametrize("mode", ["zero2", "fsdp", "kept"])
def test_bytes_received_on_replicas(work, mode):
    """HSDP: sums of shards over replica, the rest as on dp."""
    report = explained(work, "hsdp", mode)
    shard = sum(p["bytes_per_rank"] for p in explained(work, "hsdp", "ddp")["parameters"])
    table = 4 * GROUPED["vocab_size"] * GROUPED["hidden_size"] // 2
    over_shard = shard + ((shard - table) // 2 if mode == "fsdp" else 0)
    assert over_shard <= received(report, "shard") <= over_shard + 32
    assert shard // 2 <= received(report, "replica") <= shard // 2 + 32


@modes
def test_every_collective_of_a_mode_names_it(work, mode):
    """Gathers of parameters, and sums of gradients but for tp's, are there because of the mode."""
    report = explained(work, "dp2tp2", mode)
    collectives = [c for c in report["collectives"] if c["kind"] in ("parameter", "gradient") and "dp" in c["axes"]]
    assert len(collectives) > 1
    for collective in collectives:
        assert MODES[mode][0] in collective["why"], collective
        assert collective["phase"] == "update" or collective["kind"] == "gradient" or mode in ("fsdp", "kept")


# ---- memory ----


def test_gathered_parameters_are_not_kept(work):
    """Deep and wide, few tokens: parameters rule the peak. fsdp keeps half of values, gradients and state, and beside them
    a layer's gathered weights; ddp keeps all. Without resharding the gathered weights stay as well."""
    config = {**GROUPED, "num_hidden_layers": 6, "hidden_size": 96, "intermediate_size": 192}
    def arena(mode):
        return sum(manifest(work.program(config, "dp=2,tp=1", batch=2, seq=4, extra=MODES[mode]))["arena"][region]
                   for region in ("private", "communication"))
    parameters = 4 * sum(int(np.prod(shape)) for shape in llama_numpy.parameter_shapes(config).values())
    ddp, zero, fsdp, kept = (arena(mode) for mode in ("ddp", "zero1", "fsdp", "kept"))
    assert fsdp < kept < ddp and fsdp < zero < ddp
    assert ddp >= 4 * parameters
    assert zero <= 2.5 * parameters + 0.35 * parameters
    assert fsdp <= 2 * parameters + 0.35 * parameters
    assert kept - fsdp >= 0.4 * parameters


def test_gathers_start_ahead(work, tmp_path, tokens):
    """With overlap the gathers of what comes next are under way meanwhile, as far as the given memory goes: the same
    losses bit for bit, and no more memory than that."""
    mesh, mode, cap = MESHES["dp2tp2"], MODES["fsdp"], 20000
    alone = work.program(GROUPED, mesh, extra=mode)
    ahead = work.program(GROUPED, mesh, extra=[*mode, "--overlap=on", f"--overlap-memory={cap}"])
    arena = [manifest(program)["arena"] for program in (alone, ahead)]
    total = [sizes["private"] + sizes["communication"] for sizes in arena]
    assert total[0] < total[1] <= total[0] + cap + 4096
    losses = [[record["loss"] for record in train(program, str(tmp_path), "--data", tokens, "--steps", 4, *HYPER)]
              for program in (alone, ahead)]
    assert losses[0] == losses[1]


# Nothing is gained by starting fewer collectives here: each travels alone.
WITHOUT_LATENCY = ("{name: m, flops: 1.0e11, memory_bandwidth: 1.5e10, links: [{name: l, latency: 0, bandwidth: 2.0e10}], "
                   "default_link: l}")


@pytest.mark.parametrize("mode", ["zero1", "fsdp"])
@pytest.mark.parametrize("overlap", ["off", "on"])
def test_what_travels_together_computes_the_same(work, tmp_path, tokens, mode, overlap):
    """Small gathers and scatters are one op with several operands: fewer collectives, the same bits."""
    machine = tmp_path / "without-latency.yaml"
    machine.write_text(WITHOUT_LATENCY)
    flags = [*MODES[mode], "--overlap", overlap]
    apart = work.program(GROUPED, MESHES["dp2"], extra=[*flags, "--machine", str(machine)])
    together = work.program(GROUPED, MESHES["dp2"], extra=flags)
    count = [collections.Counter(min(len(collective["operands"]), 2) for collective in manifest(program)["collectives"]
                                 if collective["op"] in ("all_gather", "reduce_scatter")) for program in (apart, together)]
    assert count[0][2] == 0 and count[1][2] > 0 and count[1].total() < count[0].total() / 2
    records = [train(program, str(tmp_path), "--data", tokens, "--steps", 4, *HYPER) for program in (apart, together)]
    for key in ("loss", "grad_norm"):
        assert [record[key] for record in records[0]] == [record[key] for record in records[1]]


def test_the_next_layer_is_gathered_before_this_one_ends(work, tmp_path):
    """In the schedule a second layer's weight is being gathered over dp when the first layer's attention runs."""
    machine = tmp_path / "without-latency.yaml"
    machine.write_text(WITHOUT_LATENCY)
    text = succeed([tool("tpc-compile"), work.model(GROUPED), "--plan", os.path.join(PLANS, "tutorial.yaml"), "--mesh",
                    "dp=2,tp=1", "--batch", 2, "--seq", 4, *MODES["fsdp"], "--overlap=on", "--machine", machine,
                    "--emit=kernels"]).stdout
    step = text[text.index("func.func @step"):]
    arguments = step[:step.index("\n")]
    weight = re.search(r'(%arg\d+): tensor<[^>]*> \{[^%]*"model.layers.1.self_attn.q_proj.weight"', arguments)[1]
    start = re.search(rf"(%\w+) = tpc.all_gather {weight} .*!tpc.pending", step)
    wait = step.index(f"tpc.wait {start[1]} ")
    assert start.start() < step.index("tpc.attention") < wait


# ---- checkpoints, weights, gradients ----


@pytest.mark.parametrize("mesh, mode", [("dp2tp2", "fsdp"), ("dp2tp2", "zero1"), ("hsdp", "fsdp")])
def test_gradients_and_weights_are_whole(work, tmp_path, mesh, mode):
    folder, weights = work.weights(GROUPED)
    tokens = random_tokens(GROUPED, BATCH * SEQUENCE + 1)
    data = write_tokens(tmp_path / "t.bin", tokens)
    found = {}
    for name, program in (("one", work.program(GROUPED, ONE)),
                          ("many", work.program(GROUPED, MESHES[mesh], extra=MODES[mode]))):
        train(program, str(tmp_path), "--load", folder, "--data", data, "--steps", 1, *HYPER,
              "--dump-gradients", tmp_path / f"{name}.safetensors", "--export-hf", tmp_path / name)
        found[name] = (hf.read_safetensors(tmp_path / f"{name}.safetensors"), hf.read_weights(tmp_path / name))
    for ours, theirs in zip(found["many"], found["one"]):
        assert set(ours) == set(theirs) == set(weights)
        for name in theirs:
            assert relative(ours[name], theirs[name]) < 1e-5, name


@pytest.mark.parametrize("mesh, mode, other", [("dp2tp2", "fsdp", ("dp2", "zero1")), ("dp2", "zero1", ("hsdp", "fsdp")),
                                               ("hsdp", "fsdp", ("dp2tp2", "ddp"))])
def test_resume_on_another_mesh_and_mode(work, tmp_path, tokens, alone, mesh, mode, other):
    """Each box of a checkpoint is written once; another mesh and mode go on with it as if nothing had happened."""
    common = ["--data", tokens, *HYPER, "--save", tmp_path / "ckpt", "--decay-steps", 20]
    train(work.program(GROUPED, MESHES[mesh], extra=MODES[mode]), str(tmp_path), *common, "--steps", 4)
    index = json.loads((tmp_path / "ckpt" / "step-00000004" / "index.json").read_text())
    for parameter in index["parameters"]:
        for parts in (parameter["parts"], parameter["state_parts"]):
            assert sum(int(np.prod(part["sizes"])) for part in parts) == np.prod(parameter["global_shape"])
    records = train(work.program(GROUPED, MESHES[other[0]], extra=MODES[other[1]]), str(tmp_path), *common, "--steps", 8,
                    "--resume")
    assert [record["step"] for record in records][-4:] == [5, 6, 7, 8]
    same = train(work.program(GROUPED, ONE), str(tmp_path), "--data", tokens, *HYPER, "--decay-steps", 20, "--steps", 8)
    for found, expected in zip(records[-4:], same[-4:]):
        assert abs(found["loss"] / expected["loss"] - 1) < 1e-5


def test_validation_with_stored_shards(work, tmp_path, tokens):
    """The evaluation entry gathers what it uses."""
    def losses(program):
        result = run(program, "--data", tokens, "--validation", tokens, "--steps", 1, *HYPER, "--metrics", tmp_path / "m")
        assert result.returncode == 0, result.stderr
        return [json.loads(line)["validation_loss"] for line in open(tmp_path / "m") if "validation_loss" in line]
    expected = losses(work.program(GROUPED, ONE))
    found = losses(work.program(GROUPED, MESHES["dp2tp2"], extra=MODES["fsdp"]))
    assert found == pytest.approx(expected, rel=1e-5) and len(found) == 2
