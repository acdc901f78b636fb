"""Plan mistakes that other stacks accept in silence: a key that matches nothing is a warning there
(pytorch/pytorch#157182, huggingface/transformers#37893, NVIDIA-NeMo/Automodel#2244) and the module stays replicated; a
whole tensor is taken for a shard and the sequence comes out tiled (pytorch/pytorch#129355). Here each is said at its
line of the plan, and no plan changes what the program computes."""
import pytest

from harness import GROUPED, complain, succeed, tool
from test_bad_input import compile_

SILENTLY_REPLICATED = {
    "pattern-of-another-model": '- plan:\n    "transformer.h.*.mlp.c_fc": ColwiseParallel()\n',
    "prefix-of-a-wrapper": '- plan:\n    "module.model.layers.*.mlp.up_proj": ColwiseParallel()\n',
    "one-star-too-few": '- plan:\n    "model.*.mlp.up_proj": ColwiseParallel()\n',
    "layer-that-is-not-there": '- plan:\n    model.layers.2.mlp.up_proj: ColwiseParallel()\n',
    "parameter-in-place-of-a-module": '- plan:\n    "model.layers.*.mlp.up_proj.weight": colwise\n',
}


@pytest.mark.parametrize("name", SILENTLY_REPLICATED)
def test_key_that_matches_nothing_is_an_error(tmp_path, name):
    complain(compile_(str(tmp_path), plan=SILENTLY_REPLICATED[name]), "plan.yaml:2:5: error", "matches no module")


# Norms between modules that hand on whole values.
TILED = '''- plan:
    embed_tokens: RowwiseParallel(input_layouts=Replicate())
    layers.0.input_layernorm: SequenceParallel()
'''


def test_whole_value_is_not_taken_for_a_shard_of_the_sequence(tmp_path):
    complain(compile_(str(tmp_path), plan=TILED, extra=["--plan-policy=strict"]),
             "plan.yaml:3:31: error: the style takes the input of 'model.layers.0.input_layernorm' to be Shard(1)",
             "but the value arrives as Replicate: hand it on as that", "plan.yaml:2:5: note: it is handed on so here")
    relaxed = compile_(str(tmp_path), plan=TILED, extra=["--check"])
    assert relaxed.returncode == 0 and "PyTorch would misread it" in relaxed.stderr


def compare_with_the_import(tmp_path, plan, config=GROUPED, mesh="dp=1,tp=2"):
    """The partitioned loss against the imported one, in the interpreter."""
    programs = []
    for stage in ("import", "local"):
        result = compile_(str(tmp_path), config, plan=plan, mesh=mesh, batch=2, seq=8, output=stage + ".mlir",
                          extra=["--emit=" + stage])
        assert result.returncode == 0, result.stderr
        programs.append(tmp_path / (stage + ".mlir"))
    succeed([tool("tpc-interpret"), programs[1], "--function", "loss", "--against", programs[0], "--tolerance", 1e-9,
             "--inputs=random", "--ids", 16])
    return result.stderr


def test_false_claim_does_not_change_the_loss(tmp_path):
    assert "PyTorch would misread it" in compare_with_the_import(tmp_path, TILED)


@pytest.mark.parametrize("style", ["colwise", "rowwise", "colwise_rep", "rowwise_rep", "replicate", "gather", "local",
                                   "all_reduce", "replicated_with_grad_allreduce", "local_colwise", "local_rowwise",
                                   "colwise_gather_output", "rowwise_split_input"])
def test_plan_string_on_any_linear_module_keeps_the_loss(tmp_path, style):
    """Each string alone on one module of a pair: what does not fit its neighbour is resharded."""
    config = {**GROUPED, "num_hidden_layers": 1, "mlp_bias": True}
    compare_with_the_import(tmp_path, f'- plan:\n    "layers.*.mlp.[ud]*_proj": {style}\n', config)


@pytest.mark.parametrize("style", ["embedding_rowwise", "embedding_colwise", "rowwise", "colwise", "replicate",
                                   "RowwiseParallel(input_layouts=Replicate(), output_layouts=Shard(1))",
                                   "ColwiseParallel(output_layouts=Shard(1))"])
def test_embedding_split_by_rows_or_columns_keeps_the_loss(tmp_path, style):
    config = {**GROUPED, "num_hidden_layers": 1}
    compare_with_the_import(tmp_path, f"- plan:\n    embed_tokens: {style}\n", config)


@pytest.mark.parametrize("style", [
    "PrepareModuleOutput(output_layouts=Partial(), desired_output_layouts=Shard(1))",
    "PrepareModuleOutput(output_layouts=Replicate(), desired_output_layouts=Shard(-1), use_local_output=False)",
    "PrepareModuleInputOutput(input_layouts=Replicate(), desired_input_layouts=Shard(1), use_local_input=True, "
    "output_layouts=Shard(1), desired_output_layouts=Replicate())",
])
def test_prepared_module_keeps_the_loss(tmp_path, style):
    config = {**GROUPED, "num_hidden_layers": 1}
    plan = f'- plan:\n    "layers.*.mlp": {style}\n    "layers.*.mlp.down_proj": RowwiseParallel(input_layouts=Replicate())\n'
    compare_with_the_import(tmp_path, plan.replace("RowwiseParallel(input_layouts=Replicate())", "rowwise_rep"), config)


# Where two lines cannot both be honoured: at the residual, between linear modules of an MLP, a parameter against a request, and
# on the batch, which dp has too. For each the lines of the plan that must be named.
CONFLICTS = {
    "port-and-port": ("dp=1,tp=2", (3, 4), """- plan:
    # the residual along the sequence, then along the features
    "layers.*.self_attn.o_proj": RowwiseParallel(output_layouts=Shard(1))
    "layers.*.mlp.down_proj": RowwiseParallel(output_layouts=Shard(-1))
"""),
    "inside-an-mlp": ("dp=1,tp=2", (2, 3), """- plan:
    "layers.*.mlp.gate_proj": ColwiseParallel(output_layouts=Shard(1))
    "layers.*.mlp.up_proj": ColwiseParallel()
"""),
    "parameter-and-port": ("dp=1,tp=2", (2, 4), """- plan:
    "layers.*.mlp.gate_proj": local_colwise
    "layers.*.mlp.up_proj": local
    "layers.*.post_attention_layernorm": SequenceParallel()
"""),
    "batch-of-dp": ("dp=2,tp=2", (2, 3), """- plan:
    "layers.*.self_attn.o_proj": RowwiseParallel(output_layouts=Shard(0))
    "layers.*.mlp.down_proj": RowwiseParallel(output_layouts=Shard(1))
"""),
}


@pytest.mark.parametrize("kind", CONFLICTS)
def test_conflict_names_both_lines_of_the_plan(tmp_path, kind):
    """Chains of notes lead from the op to both, whether the conflict is an error or decided by cost; then nothing changes
    in what is computed."""
    mesh, lines, plan = CONFLICTS[kind]
    words = dict(plan=plan, mesh=mesh, batch=4, seq=8)
    error = compile_(str(tmp_path), GROUPED, extra=["--on-conflict=error", "--emit=layouts"], **words)
    complain(error, "error: two annotations", *(f"plan.yaml:{line}:5: note: " for line in lines))
    decided = compile_(str(tmp_path), GROUPED, extra=["--emit=layouts"], **words)
    assert decided.returncode == 0
    remark = decided.stderr[decided.stderr.index("remark: two annotations"):]
    assert "the first is kept: " in remark
    for line in lines:
        assert f"plan.yaml:{line}:5: note: " in remark
    compare_with_the_import(tmp_path, plan, mesh=mesh)
