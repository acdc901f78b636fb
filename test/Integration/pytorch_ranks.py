"""Ranks that run a transformers Llama under a plan of `tpc-compile --emit-plan=pytorch`, and the same model whole.

Usage: pytorch_ranks.py CONFIG PLAN RANKS. Applies the edits that the plan's comments name, no others, and prints one JSON
object: both losses and, per parameter, the largest difference of gradients relative to the largest gradient."""
import json
import os
import sys
import tempfile

import torch
import torch.distributed as dist
import torch.distributed.tensor.parallel as styles
import torch.multiprocessing as multiprocessing
import torch.nn.functional as functional
import transformers.integrations.sdpa_attention as attention
from torch.distributed.device_mesh import init_device_mesh
from torch.distributed.tensor import DTensor, Partial, Replicate, Shard
from transformers import LlamaConfig, LlamaForCausalLM

BATCH, SEQUENCE = 2, 32


def build(path):
    torch.manual_seed(0)
    return LlamaForCausalLM(LlamaConfig.from_json_file(path))


def differentiate(model):
    """The loss, with gradients left in the model: position_ids are given, and a split loss is computed split."""
    generator = torch.Generator().manual_seed(1)
    tokens, targets = torch.randint(0, model.config.vocab_size, (2, BATCH, SEQUENCE), generator=generator)
    logits = model(tokens, position_ids=torch.arange(SEQUENCE)[None], use_cache=False).logits

    def backward():
        loss = functional.cross_entropy(logits.flatten(0, 1), targets.flatten())
        loss.backward()
        return loss
    if not isinstance(logits, DTensor):
        return backward().item()
    with styles.loss_parallel():
        return backward().full_tensor().item()


def read_plan(path):
    """The dictionary, with the input of self_attn bound by name as transformers hands it on."""
    names = {**vars(styles), "Replicate": Replicate, "Shard": Shard}
    with open(path, encoding="utf-8") as file:
        exec(file.read(), names)
    plan = names["plan"]
    for key in plan:
        if key.endswith(".self_attn"):
            plan[key] = styles.PrepareModuleInput(input_kwarg_layouts={"hidden_states": Shard(1)},
                                                  desired_input_kwarg_layouts={"hidden_states": Replicate()})
    return plan


def keep_heads(model, rank, ranks):
    """Where key and value heads are not split: their gradients are sums, and a rank keeps those its queries meet."""
    for name, module in model.named_modules():
        if name.endswith(("k_proj", "v_proj")):
            module.register_forward_hook(lambda module, inputs, output: output.to_local(grad_placements=[Partial()]))
    repeat = attention.repeat_kv

    def keep(heads, times):
        heads = repeat(heads, times)
        count = heads.shape[1] // ranks
        return heads[:, rank * count:(rank + 1) * count]
    attention.repeat_kv = keep
    attention.use_gqa_in_sdpa = lambda *arguments: False


def compare(whole, split):
    differences = {}
    for (name, expected), actual in zip(whole.named_parameters(), split.parameters()):
        gradient = actual.grad.full_tensor() if isinstance(actual.grad, DTensor) else actual.grad
        difference = (expected.grad - gradient).abs().max() / expected.grad.abs().max()
        differences[name] = difference.item()
    return differences


def run(rank, ranks, config, plan, rendezvous):
    torch.set_num_threads(1)
    dist.init_process_group("gloo", init_method=f"file://{rendezvous}", rank=rank, world_size=ranks)
    whole, split = build(config), build(config)
    losses = [differentiate(whole)]
    styles.parallelize_module(split, init_device_mesh("cpu", (ranks,)), read_plan(plan))
    if split.config.num_key_value_heads % ranks:
        keep_heads(split, rank, ranks)
    losses.append(differentiate(split))
    differences = compare(whole, split)
    if rank == 0:
        print(json.dumps({"losses": losses, "gradients": differences}))
    dist.destroy_process_group()


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as folder:
        multiprocessing.spawn(run, (int(sys.argv[3]), *sys.argv[1:3], os.path.join(folder, "rendezvous")),
                              nprocs=int(sys.argv[3]))
