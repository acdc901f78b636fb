"""Llama in float64 NumPy, forward and backward by hand: the independent reference of the end-to-end tests.

Shapes: B batch, S sequence, H heads, K KV heads, D head_dim, V vocabulary, C hidden, F intermediate. Weights have
Hugging Face names and shapes (a linear weight is [out, in]). Tokens and targets are integers [B, S]; targets are
already shifted. The loss is the mean over targets unlike `ignore_index`. Gradients are before clipping.

Backward follows the chain rule of each function; `*_grad` takes the cotangent of the output and gives those of the
inputs. Nothing is shared with the compiler or its interpreter.
"""
import math

import numpy as np


# ---------------------------------------------------------------------------------------------- functions

def rms_norm(x, weight, eps):
    """y = x / sqrt(mean(x^2) + eps) * weight over the last dimension; returns y and 1 / sqrt(...)."""
    scale = 1.0 / np.sqrt(np.mean(x * x, axis=-1, keepdims=True) + eps)
    return x * scale * weight, scale


def rms_norm_grad(dy, x, weight, scale):
    normalized = x * scale
    d_normalized = dy * weight
    d_x = scale * (d_normalized - normalized * np.mean(d_normalized * normalized, axis=-1, keepdims=True))
    return d_x, np.sum(dy * normalized, axis=tuple(range(dy.ndim - 1)))


def linear(x, weight, bias=None):
    y = x @ weight.T
    return y if bias is None else y + bias


def linear_grad(dy, x, weight):
    """Cotangents of x, weight and bias."""
    rows = dy.reshape(-1, dy.shape[-1])
    return dy @ weight, rows.T @ x.reshape(-1, x.shape[-1]), rows.sum(axis=0)


def silu(x):
    return x / (1.0 + np.exp(-x))


def silu_grad(dy, x):
    s = 1.0 / (1.0 + np.exp(-x))
    return dy * s * (1.0 + x * (1.0 - s))


def rotate(x, cos, sin):
    """Half-split rotation of x [B, S, heads, D] by tables [S, D/2]."""
    half = x.shape[-1] // 2
    a, b = x[..., :half], x[..., half:]
    c, s = cos[None, :, None, :], sin[None, :, None, :]
    return np.concatenate([a * c - b * s, b * c + a * s], axis=-1)


def rotate_grad(dy, cos, sin):
    return rotate(dy, cos, -sin)


def attention(q, k, v):
    """Causal attention of q [B, S, H, D] with k, v [B, S, K, D]; query head h uses KV head h // (H / K).
    Returns [B, S, H, D] and the probabilities [B, H, S, S]."""
    group = q.shape[2] // k.shape[2]
    k, v = np.repeat(k, group, axis=2), np.repeat(v, group, axis=2)
    scores = np.einsum("bihd,bjhd->bhij", q, k) / math.sqrt(q.shape[-1])
    scores = np.where(np.tri(q.shape[1], dtype=bool), scores, -np.inf)
    p = np.exp(scores - scores.max(axis=-1, keepdims=True))
    p /= p.sum(axis=-1, keepdims=True)
    return np.einsum("bhij,bjhd->bihd", p, v), p


def attention_grad(d_out, q, k, v, p):
    kv_heads, group = k.shape[2], q.shape[2] // k.shape[2]
    k_all, v_all = np.repeat(k, group, axis=2), np.repeat(v, group, axis=2)
    d_v = np.einsum("bhij,bihd->bjhd", p, d_out)
    d_p = np.einsum("bihd,bjhd->bhij", d_out, v_all)
    d_scores = p * (d_p - np.sum(d_p * p, axis=-1, keepdims=True)) / math.sqrt(q.shape[-1])
    d_q = np.einsum("bhij,bjhd->bihd", d_scores, k_all)
    d_k = np.einsum("bhij,bihd->bjhd", d_scores, q)

    def gather(d):
        return d.reshape(*d.shape[:2], kv_heads, group, d.shape[-1]).sum(axis=3)
    return d_q, gather(d_k), gather(d_v)


def cross_entropy(logits, targets, ignore_index):
    """Mean loss over valid targets, and the cotangent of the logits. No valid target: loss 0."""
    valid = targets != ignore_index
    count = max(int(valid.sum()), 1)
    top = logits.max(axis=-1, keepdims=True)
    log_sum = top + np.log(np.exp(logits - top).sum(axis=-1, keepdims=True))
    safe = np.where(valid, targets, 0)[..., None]
    picked = np.take_along_axis(logits, safe, axis=-1)
    loss = float(np.where(valid[..., None], log_sum - picked, 0.0).sum() / count)
    d_logits = np.exp(logits - log_sum)
    np.put_along_axis(d_logits, safe, np.take_along_axis(d_logits, safe, axis=-1) - 1.0, axis=-1)
    return loss, np.where(valid[..., None], d_logits, 0.0) / count


# ---------------------------------------------------------------------------------------------- rotary tables

def rope_settings(config):
    """(theta, type, parameters) from any spelling Hugging Face has used: rope_theta with rope_scaling, or rope_parameters."""
    table = config.get("rope_parameters") or config.get("rope_scaling") or {}
    theta = table.get("rope_theta", config.get("rope_theta", 10000.0))
    return float(theta), table.get("rope_type", table.get("type", "default")), table


def inverse_frequencies(config):
    """[D/2] angles per position. llama3: "The Llama 3 Herd of Models" as in Hugging Face's modeling_rope_utils."""
    dim = head_dim(config)
    theta, kind, table = rope_settings(config)
    frequency = theta ** (-np.arange(0, dim, 2, dtype=np.float64) / dim)
    if kind == "linear":
        return frequency / table["factor"]
    if kind != "llama3":
        assert kind == "default", kind
        return frequency
    low, high = table["low_freq_factor"], table["high_freq_factor"]
    old = table["original_max_position_embeddings"]
    wavelength = 2 * math.pi / frequency
    blend = (old / wavelength - low) / (high - low)
    blended = (1 - blend) * frequency / table["factor"] + blend * frequency
    return np.where(wavelength > old / low, frequency / table["factor"],
                    np.where(wavelength < old / high, frequency, blended))


def rope_tables(config, length):
    angles = np.arange(length, dtype=np.float64)[:, None] * inverse_frequencies(config)
    return np.cos(angles), np.sin(angles)


def head_dim(config):
    return config.get("head_dim") or config["hidden_size"] // config["num_attention_heads"]


# ---------------------------------------------------------------------------------------------- parameters

def parameter_shapes(config):
    """{Hugging Face name: shape} in the order of the model."""
    c, f, d = config["hidden_size"], config["intermediate_size"], head_dim(config)
    heads, kv_heads = config["num_attention_heads"], config.get("num_key_value_heads", config["num_attention_heads"])
    shapes = {"model.embed_tokens.weight": (config["vocab_size"], c)}
    for layer in range(config["num_hidden_layers"]):
        linears = {"self_attn.q_proj": (heads * d, c), "self_attn.k_proj": (kv_heads * d, c),
                   "self_attn.v_proj": (kv_heads * d, c), "self_attn.o_proj": (c, heads * d),
                   "mlp.gate_proj": (f, c), "mlp.up_proj": (f, c), "mlp.down_proj": (c, f)}
        prefix = f"model.layers.{layer}."
        shapes[prefix + "input_layernorm.weight"] = (c,)
        for name, shape in linears.items():
            shapes[prefix + name + ".weight"] = shape
            if config.get("attention_bias" if name.startswith("self_attn") else "mlp_bias"):
                shapes[prefix + name + ".bias"] = shape[:1]
        shapes[prefix + "post_attention_layernorm.weight"] = (c,)
    shapes["model.norm.weight"] = (c,)
    if not config.get("tie_word_embeddings"):
        shapes["lm_head.weight"] = (config["vocab_size"], c)
    return shapes


def random_weights(config, seed, scale=0.2):
    """Float32 weights that make every part of the model matter: norms near 1, biases and linears N(0, scale)."""
    generator = np.random.default_rng(seed)
    weights = {}
    for name, shape in parameter_shapes(config).items():
        noise = generator.standard_normal(shape) * scale
        weights[name] = (1.0 + noise if name.endswith("norm.weight") else noise).astype(np.float32)
    return weights


# ---------------------------------------------------------------------------------------------- the model

class Llama:
    """One forward pass, remembered, and its backward pass. `weights` in any float type; computed in float64."""

    def __init__(self, config, weights):
        self.config = config
        self.weights = {name: np.asarray(weight, np.float64) for name, weight in weights.items()}
        self.heads = config["num_attention_heads"]
        self.kv_heads = config.get("num_key_value_heads", self.heads)
        self.eps = config.get("rms_norm_eps", 1e-6)
        self.head_name = "model.embed_tokens.weight" if config.get("tie_word_embeddings") else "lm_head.weight"

    def logits(self, tokens):
        """[B, S, V]"""
        tokens = np.asarray(tokens, np.int64)
        self.tokens, self.layers, self.gradients = tokens, [], {}
        self.cos, self.sin = rope_tables(self.config, tokens.shape[1])
        x = self.weights["model.embed_tokens.weight"][tokens]
        for layer in range(self.config["num_hidden_layers"]):
            x = self._layer(x, f"model.layers.{layer}.")
        normalized, scale = rms_norm(x, self.weights["model.norm.weight"], self.eps)
        self.top = (x, normalized, scale)
        return linear(normalized, self.weights[self.head_name])

    def loss_and_gradients(self, tokens, targets, ignore_index=-100):
        """Loss, logits, and {name: gradient} of the loss by every parameter."""
        logits = self.logits(tokens)
        loss, d_logits = cross_entropy(logits, np.asarray(targets, np.int64), ignore_index)
        x, normalized, scale = self.top
        d_normalized, d_head, _ = linear_grad(d_logits, normalized, self.weights[self.head_name])
        d_x, d_norm = rms_norm_grad(d_normalized, x, self.weights["model.norm.weight"], scale)
        self._add("model.norm.weight", d_norm)
        self._add(self.head_name, d_head)
        for layer in reversed(range(self.config["num_hidden_layers"])):
            d_x = self._layer_grad(d_x, f"model.layers.{layer}.", self.layers[layer])
        d_embedding = np.zeros_like(self.weights["model.embed_tokens.weight"])
        np.add.at(d_embedding, self.tokens, d_x)
        self._add("model.embed_tokens.weight", d_embedding)
        return loss, logits, self.gradients

    def _add(self, name, gradient):
        self.gradients[name] = self.gradients.get(name, 0.0) + gradient

    def _linear(self, x, name):
        return linear(x, self.weights[name + ".weight"], self.weights.get(name + ".bias"))

    def _linear_grad(self, dy, x, name):
        d_x, d_weight, d_bias = linear_grad(dy, x, self.weights[name + ".weight"])
        self._add(name + ".weight", d_weight)
        if name + ".bias" in self.weights:
            self._add(name + ".bias", d_bias)
        return d_x

    def _layer(self, x, prefix):
        saved = {"x": x}
        a, saved["scale1"] = rms_norm(x, self.weights[prefix + "input_layernorm.weight"], self.eps)
        q, k, v = (self._linear(a, f"{prefix}self_attn.{name}_proj") for name in "qkv")
        batch, length, _ = x.shape
        q = rotate(q.reshape(batch, length, self.heads, -1), self.cos, self.sin)
        k = rotate(k.reshape(batch, length, self.kv_heads, -1), self.cos, self.sin)
        v = v.reshape(batch, length, self.kv_heads, -1)
        out, p = attention(q, k, v)
        out = out.reshape(batch, length, -1)
        y = x + self._linear(out, prefix + "self_attn.o_proj")
        m, saved["scale2"] = rms_norm(y, self.weights[prefix + "post_attention_layernorm.weight"], self.eps)
        gate, up = (self._linear(m, f"{prefix}mlp.{name}_proj") for name in ("gate", "up"))
        saved.update(a=a, q=q, k=k, v=v, p=p, out=out, y=y, m=m, gate=gate, up=up)
        self.layers.append(saved)
        return y + self._linear(silu(gate) * up, prefix + "mlp.down_proj")

    def _layer_grad(self, dz, prefix, s):
        d_h = self._linear_grad(dz, silu(s["gate"]) * s["up"], prefix + "mlp.down_proj")
        d_m = self._linear_grad(silu_grad(d_h * s["up"], s["gate"]), s["m"], prefix + "mlp.gate_proj")
        d_m = d_m + self._linear_grad(d_h * silu(s["gate"]), s["m"], prefix + "mlp.up_proj")
        name = prefix + "post_attention_layernorm.weight"
        d_y, d_norm = rms_norm_grad(d_m, s["y"], self.weights[name], s["scale2"])
        self._add(name, d_norm)
        d_y = d_y + dz
        d_out = self._linear_grad(d_y, s["out"], prefix + "self_attn.o_proj").reshape(s["q"].shape)
        d_q, d_k, d_v = attention_grad(d_out, s["q"], s["k"], s["v"], s["p"])
        d_q, d_k = rotate_grad(d_q, self.cos, self.sin), rotate_grad(d_k, self.cos, self.sin)
        d_a = sum(self._linear_grad(d.reshape(*d_y.shape[:2], -1), s["a"], f"{prefix}self_attn.{n}_proj")
                  for n, d in zip("qkv", (d_q, d_k, d_v)))
        name = prefix + "input_layernorm.weight"
        d_x, d_norm = rms_norm_grad(d_a, s["x"], self.weights[name], s["scale1"])
        self._add(name, d_norm)
        return d_x + d_y


# ---------------------------------------------------------------------------------------------- the optimizer

def global_norm(gradients):
    return math.sqrt(sum(float(np.sum(np.square(g, dtype=np.float64))) for g in gradients.values()))


def clipped(gradients, limit):
    """Gradients times min(1, limit / (norm + 1e-6)), as torch.nn.utils.clip_grad_norm_ does; limit 0: unchanged."""
    if limit <= 0:
        return gradients
    factor = min(1.0, limit / (global_norm(gradients) + 1e-6))
    return {name: g * factor for name, g in gradients.items()}


class AdamW:
    """Loshchilov and Hutter, "Decoupled weight decay regularization", with bias correction, as torch.optim.AdamW."""

    def __init__(self, weights, betas=(0.9, 0.99), eps=1e-8, weight_decay=0.1):
        self.betas, self.eps, self.weight_decay, self.step_number = betas, eps, weight_decay, 0
        self.first = {name: np.zeros(w.shape) for name, w in weights.items()}
        self.second = {name: np.zeros(w.shape) for name, w in weights.items()}

    def step(self, weights, gradients, rate):
        """Updated weights (float64)."""
        self.step_number += 1
        b1, b2 = self.betas
        updated = {}
        for name, w in weights.items():
            g = gradients[name]
            self.first[name] = b1 * self.first[name] + (1 - b1) * g
            self.second[name] = b2 * self.second[name] + (1 - b2) * g * g
            first = self.first[name] / (1 - b1 ** self.step_number)
            second = self.second[name] / (1 - b2 ** self.step_number)
            w = np.asarray(w, np.float64) * (1 - rate * self.weight_decay)
            updated[name] = w - rate * first / (np.sqrt(second) + self.eps)
        return updated
