"""Writes `fixtures/*.safetensors`: small random Llamas run through Hugging Face transformers in float64.

    python3 make_fixture.py          # needs torch and transformers; NumPy's reference is not involved

Each file holds tokens, targets, logits, loss, the gradients before clipping ("gradient.NAME"), their norm, and the
weights ("updated.NAME") after one clipped torch.optim.AdamW step. The metadata holds the configuration and the versions.
Weights are not stored: they are `llama_numpy.random_weights(config, seed)`, float32, from NumPy's PCG64 generator,
and the metadata has a checksum of them.
"""
import hashlib
import json
import os
import sys

import numpy as np

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "python"))
import llama_numpy  # noqa: E402  (only its names, shapes and random weights)
from tpc import hf  # noqa: E402

BASE = {
    "architectures": ["LlamaForCausalLM"], "model_type": "llama", "vocab_size": 48, "hidden_size": 16,
    "intermediate_size": 24, "num_hidden_layers": 2, "num_attention_heads": 4, "num_key_value_heads": 2, "head_dim": 8,
    "hidden_act": "silu", "max_position_embeddings": 512, "initializer_range": 0.02, "rms_norm_eps": 1e-5,
    "rope_theta": 10000.0, "rope_scaling": None, "attention_bias": False, "mlp_bias": False,
    "tie_word_embeddings": False,
}
# Wavelengths of head_dim 8, theta 10000: 6.3, 63, 628, 6283. Bounds 128 / 4 and 128 / 1 put them into all three bands.
LLAMA3 = {"rope_type": "llama3", "factor": 8.0, "low_freq_factor": 1.0, "high_freq_factor": 4.0,
          "original_max_position_embeddings": 128}
VARIANTS = {
    "plain": {},
    "llama3": {"rope_scaling": LLAMA3, "num_key_value_heads": 4},
    "linear-biases-tied": {"rope_scaling": {"rope_type": "linear", "factor": 2.5}, "attention_bias": True,
                           "mlp_bias": True, "tie_word_embeddings": True, "num_key_value_heads": 1},
}
SEED, RATE, CLIP, IGNORE = 7, 1e-3, 1.0, -100


def checksum(weights):
    digest = hashlib.sha256()
    for name, weight in weights.items():
        digest.update(name.encode() + weight.tobytes())
    return digest.hexdigest()


def batch(config):
    """tokens and targets [3, 20]; a third of the targets of the last sequence are ignored."""
    generator = np.random.default_rng(SEED + 1)
    tokens = generator.integers(0, config["vocab_size"], (3, 21)).astype(np.int32)
    targets = tokens[:, 1:].copy()
    targets[2, ::3] = IGNORE
    return tokens[:, :-1], targets


def run_transformers(config, weights, tokens, targets):
    import torch
    from transformers import LlamaConfig, LlamaForCausalLM
    torch.set_default_dtype(torch.float64)
    model = LlamaForCausalLM(LlamaConfig(**config, attn_implementation="eager")).double()
    state = {name: torch.from_numpy(weight.astype(np.float64)) for name, weight in weights.items()}
    missing, unexpected = model.load_state_dict(state, strict=False)
    assert not unexpected and set(missing) <= {"lm_head.weight"}, (missing, unexpected)
    model.tie_weights()
    logits = model(torch.from_numpy(tokens.astype(np.int64))).logits
    loss = torch.nn.functional.cross_entropy(logits.flatten(0, 1), torch.from_numpy(targets.astype(np.int64)).flatten(),
                                             ignore_index=IGNORE)
    loss.backward()
    parameters = dict(model.named_parameters())
    result = {"tokens": tokens, "targets": targets, "logits": logits.detach().numpy(),
              "loss": np.array(loss.item())}
    result.update({f"gradient.{name}": p.grad.numpy().copy() for name, p in parameters.items()})
    optimizer = torch.optim.AdamW(parameters.values(), lr=RATE, betas=(0.9, 0.99), eps=1e-8, weight_decay=0.1)
    result["grad_norm"] = np.array(torch.nn.utils.clip_grad_norm_(parameters.values(), CLIP).item())
    optimizer.step()
    result.update({f"updated.{name}": p.detach().numpy().copy() for name, p in parameters.items()})
    return result


def main():
    import torch
    import transformers
    folder = os.path.join(os.path.dirname(os.path.abspath(__file__)), "fixtures")
    os.makedirs(folder, exist_ok=True)
    for name, changes in VARIANTS.items():
        config = {**BASE, **changes}
        weights = llama_numpy.random_weights(config, SEED)
        tokens, targets = batch(config)
        result = run_transformers(config, weights, tokens, targets)
        made = (f"test/reference/make_fixture.py: transformers {transformers.__version__}, torch {torch.__version__}, "
                f"numpy {np.__version__}, float64, eager attention (transformers computes norms, softmax and rotary tables in float32)")
        hf.write_safetensors(os.path.join(folder, f"{name}.safetensors"), result,
                             {"config": json.dumps(config), "made_by": made, "seed": str(SEED), "rate": str(RATE),
                              "clip": str(CLIP), "ignore_index": str(IGNORE), "weights_sha256": checksum(weights)})
        print(f"{name}: loss {float(result['loss']):.6f}, grad_norm {float(result['grad_norm']):.6f}")


if __name__ == "__main__":
    main()
