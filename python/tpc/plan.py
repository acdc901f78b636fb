"""Parallel plans under PyTorch's names.

The dictionary that `torch.distributed.tensor.parallel.parallelize_module` takes can be pasted here and written as a
plan file for `tpc-compile --plan`:

    from tpc.plan import *
    layer_plan = {
        "input_layernorm": SequenceParallel(),
        "self_attn.q_proj": ColwiseParallel(output_layouts=Replicate()),
    }
    write_plan("plan.yaml", ("base_model.layers.*", layer_plan), {"lm_head": ColwiseParallel(use_local_output=False)})

Classes carry PyTorch's arguments and defaults, check what can be checked without a model, and print as the constructor
call they came from (`repr`), which is what the plan file holds. Dimensions count from 0, negative ones from the end.
"""
import json
import os

__all__ = [
    "Shard", "Replicate", "Partial", "ColwiseParallel", "RowwiseParallel", "SequenceParallel", "PrepareModuleInput",
    "PrepareModuleOutput", "PrepareModuleInputOutput", "HUGGING_FACE_STYLES", "format_plan", "write_plan",
]

# Values of `base_model_tp_plan` in Hugging Face configurations.
HUGGING_FACE_STYLES = (
    "colwise", "rowwise", "colwise_rep", "colwise_gather_output", "rowwise_rep", "rowwise_split_input",
    "packed_colwise", "packed_rowwise", "local_packed_rowwise", "local_colwise", "local_rowwise", "local", "gather",
    "replicate", "embedding_rowwise", "embedding_colwise", "sequence_parallel", "replicated_with_grad_allreduce",
    "all_reduce",
)


class _Call:
    """Something that prints as a constructor call with the arguments that differ from their defaults."""

    _positional = ()

    def __init__(self, **arguments):
        self.__dict__.update(arguments)

    def __repr__(self):
        defaults = self._defaults()
        words = []
        for name, value in vars(self).items():
            if name in self._positional:
                words.append(repr(value))
            elif name not in defaults or value != defaults[name]:
                words.append(f"{name}={_text(value)}")
        return f"{type(self).__name__}({', '.join(words)})"

    def __eq__(self, other):
        return type(self) is type(other) and vars(self) == vars(other)

    def __hash__(self):
        return hash(repr(self))

    @classmethod
    def _defaults(cls):
        return dict(cls.__init__.__kwdefaults__ or {})


def _text(value):
    """A layout argument as the plan file spells it: names in double quotes, the rest as Python."""
    if isinstance(value, dict):
        return "{" + ", ".join(f'"{name}": {_text(item)}' for name, item in value.items()) + "}"
    if isinstance(value, (tuple, list)):
        return "(" + ", ".join(_text(item) for item in value) + ("," if len(value) == 1 else "") + ")"
    return repr(value)


class Shard(_Call):
    """Dimension `dim` is split evenly over the axis."""

    _positional = ("dim",)

    def __init__(self, dim):
        if isinstance(dim, bool) or not isinstance(dim, int):
            raise TypeError(f"Shard takes an integer dimension, got {dim!r}")
        super().__init__(dim=dim)


class Replicate(_Call):
    """Every rank of the axis holds the whole value."""


class Partial(_Call):
    """The value is the reduction of what the ranks of the axis hold."""

    def __init__(self, reduce_op="sum"):
        if reduce_op not in ("sum", "avg", "max", "min"):
            raise ValueError(f'Partial takes "sum", "avg", "max" or "min", got {reduce_op!r}')
        super().__init__(reduce_op=reduce_op)

    def __repr__(self):
        return "Partial()" if self.reduce_op == "sum" else f'Partial("{self.reduce_op}")'


def _check_layout(where, value):
    if not isinstance(value, (Shard, Replicate, Partial)):
        raise TypeError(f"{where} takes Shard(dim), Replicate() or Partial(), got {value!r}")


def _check_layouts(where, value):
    """One layout, or a tuple of layouts and None (an argument that is left alone)."""
    for item in value if isinstance(value, (tuple, list)) else (value,):
        if item is not None:
            _check_layout(where, item)


def _arity(value):
    return len(value) if isinstance(value, (tuple, list)) else 1


class ColwiseParallel(_Call):
    """Linear or embedding whose output features are split. Input Replicate, output Shard(-1) unless told otherwise."""

    def __init__(self, *, input_layouts=None, output_layouts=None, use_local_output=True):
        _check_layouts("input_layouts", input_layouts)
        _check_layouts("output_layouts", output_layouts)
        super().__init__(input_layouts=input_layouts, output_layouts=output_layouts, use_local_output=use_local_output)


class RowwiseParallel(ColwiseParallel):
    """Linear whose input features, or embedding whose rows, are split. Input Shard(-1), output Replicate unless told
    otherwise; an embedding's plan has to say `input_layouts=Replicate()`."""

    def __init__(self, *, input_layouts=None, output_layouts=None, use_local_output=True):
        super().__init__(input_layouts=input_layouts, output_layouts=output_layouts, use_local_output=use_local_output)


class SequenceParallel(_Call):
    """Norm or dropout on a value split along `sequence_dim`; its parameters are replicated."""

    def __init__(self, *, sequence_dim=1, use_local_output=False):
        super().__init__(sequence_dim=sequence_dim, use_local_output=use_local_output)


def _check_pair(what, given, desired):
    """PyTorch's rule: layouts and desired layouts come together, one for one."""
    _check_layouts(f"{what}_layouts", given)
    _check_layouts(f"desired_{what}_layouts", desired)
    if given is None:
        if desired is not None:
            raise ValueError(f"desired_{what}_layouts without {what}_layouts")
        return
    if desired is None:
        raise ValueError(f"{what}_layouts without desired_{what}_layouts")
    if _arity(given) != _arity(desired):
        raise ValueError(f"{what}_layouts and desired_{what}_layouts should have the same length, "
                         f"got {_arity(given)} and {_arity(desired)}")


def _check_keywords(given, desired):
    if (given or {}).keys() != (desired or {}).keys():
        raise ValueError("input_kwarg_layouts and desired_input_kwarg_layouts should name the same arguments, "
                         f"got {sorted(given or {})} and {sorted(desired or {})}")
    for table in (given or {}), (desired or {}):
        for name, layout in table.items():
            if layout is not None:
                _check_layout(f"the keyword argument {name}", layout)


class PrepareModuleInput(_Call):
    """Inputs of a module arrive as `input_layouts` and are used as `desired_input_layouts`, by position (a tuple, None
    for an argument left alone) or by name (the kwarg dictionaries)."""

    def __init__(self, *, input_layouts=None, desired_input_layouts=None, input_kwarg_layouts=None,
                 desired_input_kwarg_layouts=None, use_local_output=False):
        _check_pair("input", input_layouts, desired_input_layouts)
        _check_keywords(input_kwarg_layouts, desired_input_kwarg_layouts)
        super().__init__(input_layouts=input_layouts, desired_input_layouts=desired_input_layouts,
                         input_kwarg_layouts=input_kwarg_layouts,
                         desired_input_kwarg_layouts=desired_input_kwarg_layouts, use_local_output=use_local_output)


class PrepareModuleOutput(_Call):
    """Outputs of a module are produced as `output_layouts` and handed on as `desired_output_layouts`."""

    def __init__(self, *, output_layouts, desired_output_layouts, use_local_output=True):
        _check_pair("output", output_layouts, desired_output_layouts)
        super().__init__(output_layouts=output_layouts, desired_output_layouts=desired_output_layouts,
                         use_local_output=use_local_output)


class PrepareModuleInputOutput(_Call):
    """PrepareModuleInput and PrepareModuleOutput of one module."""

    def __init__(self, *, input_layouts=None, desired_input_layouts=None, input_kwarg_layouts=None,
                 desired_input_kwarg_layouts=None, use_local_input=False, output_layouts, desired_output_layouts,
                 use_local_output=True):
        _check_pair("input", input_layouts, desired_input_layouts)
        _check_keywords(input_kwarg_layouts, desired_input_kwarg_layouts)
        _check_pair("output", output_layouts, desired_output_layouts)
        super().__init__(input_layouts=input_layouts, desired_input_layouts=desired_input_layouts,
                         input_kwarg_layouts=input_kwarg_layouts,
                         desired_input_kwarg_layouts=desired_input_kwarg_layouts, use_local_input=use_local_input,
                         output_layouts=output_layouts, desired_output_layouts=desired_output_layouts,
                         use_local_output=use_local_output)


_STYLES = (ColwiseParallel, SequenceParallel, PrepareModuleInput, PrepareModuleOutput, PrepareModuleInputOutput)


def _style_text(key, style):
    if isinstance(style, str):
        if style not in HUGGING_FACE_STYLES:
            raise ValueError(f"{key}: unknown style {style!r}; styles are {', '.join(HUGGING_FACE_STYLES)}")
        return style
    if not isinstance(style, _STYLES):
        raise TypeError(f"{key}: a style such as ColwiseParallel() was expected, got {style!r}")
    return repr(style)


def format_plan(*entries):
    """The plan as a list of JSON-like objects. Each entry is a dictionary (keys are full module names) or a pair of a
    pattern and a dictionary (keys are relative to every module the pattern matches)."""
    rules = []
    for entry in entries:
        apply_to, plan = entry if isinstance(entry, (tuple, list)) else (None, entry)
        rule = {} if apply_to is None else {"apply_to": apply_to}
        rule["plan"] = {key: _style_text(key, style) for key, style in plan.items()}
        rules.append(rule)
    return rules


def _scalar(text):
    """A YAML scalar: plain where YAML reads it back as the same string, quoted where it would not."""
    plain = text[:1].isalpha() and ": " not in text and " #" not in text and "*" not in text and text == text.strip()
    return text if plain and text.lower() not in ("null", "true", "false", "yes", "no", "on", "off") else json.dumps(text)


def _yaml(rules):
    lines = []
    for rule in rules:
        head = "- "
        if "apply_to" in rule:
            lines.append(f"{head}apply_to: {_scalar(rule['apply_to'])}")
            head = "  "
        lines.append(f"{head}plan:")
        lines += [f"    {_scalar(key)}: {_scalar(style)}" for key, style in rule["plan"].items()]
    return "\n".join(lines) + "\n"


def write_plan(path, *entries):
    """Writes a plan file: JSON if `path` ends in `.json`, YAML otherwise. Entries as in `format_plan`."""
    rules = format_plan(*entries)
    text = json.dumps(rules, indent=2) + "\n" if os.fspath(path).endswith(".json") else _yaml(rules)
    with open(path, "w", encoding="utf-8") as file:
        file.write(text)
