"""The same training step in PyTorch: f32 parameters, bf16 products, torch.compile, fused AdamW, attention of cuDNN.

Prints {"seconds": median of a step, "loss": of the last}.
"""
import argparse
import array
import json
import math
import statistics
import time

import torch
from torch import nn
from torch.nn import functional as F
from torch.nn.attention import SDPBackend, sdpa_kernel


def get_frequencies(config, size):
    """Of rotary positions, with Llama 3's scaling where the configuration has it."""
    frequencies = config["rope_theta"] ** (-torch.arange(0, size, 2, dtype=torch.float64) / size)
    scaling = config.get("rope_scaling")
    if not scaling or scaling.get("rope_type") != "llama3":
        return frequencies
    low, high, factor = (scaling[key] for key in ("low_freq_factor", "high_freq_factor", "factor"))
    turns = scaling["original_max_position_embeddings"] * frequencies / (2 * math.pi)
    share = ((turns - low) / (high - low)).clamp(0, 1)
    return frequencies * (share + (1 - share) / factor)


class RMSNorm(nn.Module):
    """Computed in f32; the residual stream stays in bf16."""

    def __init__(self, size, eps):
        super().__init__()
        self.weight, self.eps = nn.Parameter(torch.ones(size)), eps

    def forward(self, x):
        return F.rms_norm(x.float(), self.weight.shape, self.weight, self.eps).to(x.dtype)


class Attention(nn.Module):
    def __init__(self, config):
        super().__init__()
        hidden, self.heads, self.key_heads = (
            config[name] for name in ("hidden_size", "num_attention_heads", "num_key_value_heads"))
        self.size = config.get("head_dim") or hidden // self.heads
        self.q, self.k, self.v = (nn.Linear(hidden, heads * self.size, bias=False)
                                  for heads in (self.heads, self.key_heads, self.key_heads))
        self.o = nn.Linear(self.heads * self.size, hidden, bias=False)

    @staticmethod
    def turn(x, cos, sin):
        a, b = x.float().chunk(2, -1)
        return torch.cat([a * cos - b * sin, b * cos + a * sin], -1).to(x.dtype)

    def forward(self, x, cos, sin):
        batch, sequence, _ = x.shape
        q, k, v = (layer(x).view(batch, sequence, -1, self.size).transpose(1, 2) for layer in (self.q, self.k, self.v))
        q, k = self.turn(q, cos, sin), self.turn(k, cos, sin)
        y = F.scaled_dot_product_attention(q, k, v, is_causal=True, enable_gqa=True)
        return self.o(y.transpose(1, 2).reshape(batch, sequence, -1))


class Layer(nn.Module):
    def __init__(self, config):
        super().__init__()
        hidden, inner, eps = (config[name] for name in ("hidden_size", "intermediate_size", "rms_norm_eps"))
        self.attention = Attention(config)
        self.gate, self.up = (nn.Linear(hidden, inner, bias=False) for _ in range(2))
        self.down = nn.Linear(inner, hidden, bias=False)
        self.before, self.between = RMSNorm(hidden, eps), RMSNorm(hidden, eps)

    def forward(self, x, cos, sin):
        x = x + self.attention(self.before(x), cos, sin)
        y = self.between(x)
        return x + self.down(F.silu(self.gate(y)) * self.up(y))


class Llama(nn.Module):
    def __init__(self, config, sequence):
        super().__init__()
        self.embedding = nn.Embedding(config["vocab_size"], config["hidden_size"])
        self.layers = nn.ModuleList(Layer(config) for _ in range(config["num_hidden_layers"]))
        self.norm = RMSNorm(config["hidden_size"], config["rms_norm_eps"])
        self.head = nn.Linear(config["hidden_size"], config["vocab_size"], bias=False)
        if config.get("tie_word_embeddings"):
            self.head.weight = self.embedding.weight
        size = self.layers[0].attention.size
        angle = torch.arange(sequence, dtype=torch.float64)[:, None] * get_frequencies(config, size)
        self.register_buffer("cos", angle.cos().float())
        self.register_buffer("sin", angle.sin().float())
        for parameter in self.parameters():
            if parameter.dim() > 1:
                nn.init.normal_(parameter, std=config["initializer_range"])

    def forward(self, tokens, targets):
        x = self.embedding(tokens).bfloat16()
        for layer in self.layers:
            x = layer(x, self.cos, self.sin)
        return F.cross_entropy(self.head(self.norm(x)).flatten(0, 1).float(), targets.flatten())


def read_batches(path, batch, sequence, vocabulary):
    """Tokens of 16 bits, again from the start at the end."""
    with open(path, "rb") as file:
        tokens = torch.tensor(array.array("H", file.read()), dtype=torch.int64, device="cuda") % vocabulary
    size, start = batch * sequence, 0
    while True:
        if start + size + 1 > len(tokens):
            start = 0
        part = tokens[start:start + size + 1]
        yield part[:-1].view(batch, sequence), part[1:].view(batch, sequence)
        start += size


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--config", required=True)
    parser.add_argument("--data", required=True)
    for name in ("--batch", "--seq", "--steps"):
        parser.add_argument(name, type=int, required=True)
    options = parser.parse_args()
    with open(options.config, encoding="utf-8") as file:
        config = json.load(file)
    model = Llama(config, options.seq).cuda()
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3, betas=(0.9, 0.99), weight_decay=0.1, fused=True)
    compiled = torch.compile(model)
    batches = read_batches(options.data, options.batch, options.seq, config["vocab_size"])
    times = []
    for _ in range(options.steps):
        tokens, targets = next(batches)
        torch.cuda.synchronize()
        begin = time.perf_counter()
        with torch.autocast("cuda", torch.bfloat16), sdpa_kernel(SDPBackend.CUDNN_ATTENTION):
            loss = compiled(tokens, targets)
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        optimizer.zero_grad()
        torch.cuda.synchronize()
        times.append(time.perf_counter() - begin)
    print(json.dumps({"seconds": statistics.median(times[min(3, len(times) - 1):]), "loss": loss.item()}))


if __name__ == "__main__":
    main()
