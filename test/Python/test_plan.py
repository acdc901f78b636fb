"""tpc.plan: PyTorch's names, defaults and mistakes; the plan files written are read back with PyYAML and JSON."""
import inspect
import json
import os

import pytest
import yaml

from tpc.plan import *

EXAMPLES = os.path.join(os.path.dirname(__file__), "..", "..", "examples", "plans")

# The tutorial's dictionaries as PyTorch takes them.
LAYER = {
    "input_layernorm": SequenceParallel(),
    "self_attn": PrepareModuleInput(input_layouts=Shard(1), desired_input_layouts=Replicate()),
    "self_attn.q_proj": ColwiseParallel(output_layouts=Replicate()),
    "self_attn.k_proj": ColwiseParallel(output_layouts=Replicate()),
    "self_attn.v_proj": ColwiseParallel(output_layouts=Replicate()),
    "self_attn.o_proj": RowwiseParallel(input_layouts=Replicate(), output_layouts=Shard(1)),
    "post_attention_layernorm": SequenceParallel(),
    "mlp": PrepareModuleInput(input_layouts=Shard(1), desired_input_layouts=Replicate()),
    "mlp.gate_proj": ColwiseParallel(),
    "mlp.up_proj": ColwiseParallel(),
    "mlp.down_proj": RowwiseParallel(output_layouts=Shard(1)),
}
TOP = {
    "base_model.embed_tokens": RowwiseParallel(input_layouts=Replicate(), output_layouts=Shard(1)),
    "base_model.norm": SequenceParallel(),
    "lm_head": ColwiseParallel(input_layouts=Shard(1), output_layouts=Replicate()),
}


def test_tutorial_dictionary_gives_the_example(tmp_path):
    path = tmp_path / "plan.yaml"
    write_plan(path, ("base_model.layers.*", LAYER), TOP)
    with open(os.path.join(EXAMPLES, "tutorial.yaml")) as file:
        assert yaml.safe_load(path.read_text()) == yaml.safe_load(file)


def test_json_holds_the_same(tmp_path):
    path = tmp_path / "plan.json"
    write_plan(path, ("base_model.layers.*", LAYER), TOP)
    assert json.loads(path.read_text()) == format_plan(("base_model.layers.*", LAYER), TOP)


@pytest.mark.parametrize("value, text", [
    (Shard(-1), "Shard(-1)"),
    (Replicate(), "Replicate()"),
    (Partial(), "Partial()"),
    (Partial("max"), 'Partial("max")'),
    (ColwiseParallel(use_local_output=False), "ColwiseParallel(use_local_output=False)"),
    (RowwiseParallel(), "RowwiseParallel()"),
    (SequenceParallel(sequence_dim=2), "SequenceParallel(sequence_dim=2)"),
    (PrepareModuleInput(input_layouts=(Shard(1), None), desired_input_layouts=(Replicate(), None)),
     "PrepareModuleInput(input_layouts=(Shard(1), None), desired_input_layouts=(Replicate(), None))"),
    (PrepareModuleOutput(output_layouts=Shard(0), desired_output_layouts=Replicate(), use_local_output=False),
     "PrepareModuleOutput(output_layouts=Shard(0), desired_output_layouts=Replicate(), use_local_output=False)"),
])
def test_prints_as_the_call(value, text):
    assert repr(value) == text


def test_keyword_layouts_survive_yaml(tmp_path):
    style = PrepareModuleInput(input_kwarg_layouts={"hidden_states": Shard(1)},
                               desired_input_kwarg_layouts={"hidden_states": Replicate()})
    write_plan(tmp_path / "plan.yaml", ("model.layers.*", {"self_attn": style}))
    read = yaml.safe_load((tmp_path / "plan.yaml").read_text())
    assert read[0]["plan"]["self_attn"] == repr(style)
    assert 'input_kwarg_layouts={"hidden_states": Shard(1)}' in repr(style)


def test_input_output_prints_both_sides():
    style = PrepareModuleInputOutput(input_layouts=Shard(0), desired_input_layouts=Replicate(),
                                     output_layouts=Partial(), desired_output_layouts=Shard(0))
    assert repr(style) == ("PrepareModuleInputOutput(input_layouts=Shard(0), desired_input_layouts=Replicate(), "
                           "output_layouts=Partial(), desired_output_layouts=Shard(0))")


def test_hugging_face_strings(tmp_path):
    assert format_plan({"model.layers.*.self_attn.q_proj": "colwise"})[0]["plan"] == {
        "model.layers.*.self_attn.q_proj": "colwise"}
    write_plan(tmp_path / "plan.yaml", {"*.q_proj": "colwise"})
    assert yaml.safe_load((tmp_path / "plan.yaml").read_text()) == [{"plan": {"*.q_proj": "colwise"}}]


@pytest.mark.parametrize("make, message", [
    (lambda: Shard("1"), "integer dimension"),
    (lambda: Shard(True), "integer dimension"),
    (lambda: Partial("mean"), '"sum", "avg", "max" or "min"'),
    (lambda: ColwiseParallel(output_layouts="Replicate"), "Shard\\(dim\\), Replicate\\(\\) or Partial\\(\\)"),
    (lambda: ColwiseParallel(outputs=Shard(1)), "unexpected keyword"),
    (lambda: PrepareModuleInput(input_layouts=Shard(1)), "without desired_input_layouts"),
    (lambda: PrepareModuleInput(desired_input_layouts=Shard(1)), "without input_layouts"),
    (lambda: PrepareModuleInput(input_layouts=(Shard(1), None), desired_input_layouts=Replicate()), "got 2 and 1"),
    (lambda: PrepareModuleInput(input_kwarg_layouts={"x": Shard(1)}), "should name the same arguments"),
    (lambda: PrepareModuleOutput(output_layouts=Shard(1)), "desired_output_layouts"),
    (lambda: format_plan({"q_proj": "ep_router"}), "q_proj: unknown style 'ep_router'"),
    (lambda: format_plan({"q_proj": Shard(1)}), "q_proj: a style"),
])
def test_mistakes(make, message):
    with pytest.raises((TypeError, ValueError), match=message):
        make()


# The constructors of torch/distributed/tensor/parallel/style.py.
SIGNATURES = {
    ColwiseParallel: "(*, input_layouts=None, output_layouts=None, use_local_output=True)",
    RowwiseParallel: "(*, input_layouts=None, output_layouts=None, use_local_output=True)",
    SequenceParallel: "(*, sequence_dim=1, use_local_output=False)",
    PrepareModuleInput: "(*, input_layouts=None, desired_input_layouts=None, input_kwarg_layouts=None, "
                        "desired_input_kwarg_layouts=None, use_local_output=False)",
    PrepareModuleOutput: "(*, output_layouts, desired_output_layouts, use_local_output=True)",
    PrepareModuleInputOutput: "(*, input_layouts=None, desired_input_layouts=None, input_kwarg_layouts=None, "
                              "desired_input_kwarg_layouts=None, use_local_input=False, output_layouts, "
                              "desired_output_layouts, use_local_output=True)",
}


@pytest.mark.parametrize("style", SIGNATURES, ids=lambda style: style.__name__)
def test_constructors_are_pytorchs(style):
    assert str(inspect.signature(style)) == SIGNATURES[style]


@pytest.mark.parametrize("style", [
    *LAYER.values(), *TOP.values(), ColwiseParallel(use_local_output=False), SequenceParallel(sequence_dim=-2),
    PrepareModuleInput(input_kwarg_layouts={"hidden_states": Shard(1), "rope": None},
                       desired_input_kwarg_layouts={"hidden_states": Replicate(), "rope": None}),
    PrepareModuleInput(input_layouts=(Shard(1), None, None), desired_input_layouts=(Replicate(), None, None)),
    PrepareModuleOutput(output_layouts=Partial(), desired_output_layouts=(Shard(1),)),
    PrepareModuleInputOutput(input_layouts=Shard(1), desired_input_layouts=Replicate(), use_local_input=True,
                             output_layouts=Partial("sum"), desired_output_layouts=Shard(1)),
], ids=repr)
def test_text_is_the_call(style, tmp_path):
    write_plan(tmp_path / "plan.yaml", ("model.layers.*", {"mlp": style}))
    text = yaml.safe_load((tmp_path / "plan.yaml").read_text())[0]["plan"]["mlp"]
    assert eval(text) == style
