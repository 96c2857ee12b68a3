"""The paper authors' encoder Transformer."""

from __future__ import annotations

import math

from einops import rearrange

from interp.exchange.layouts.layout import (
    TURNED,
    Hints,
    Layout,
    Recognized,
    Taken,
    Tensors,
    check_shape,
)
from interp.exchange.layouts.scores import rescale
from interp.exchange.layouts.transformer import (
    OUT_OF_HEADS,
    PARTS,
    count_blocks,
    head_count,
    recognized,
)

_START = "transformer.h."
_QKV = "(part head d_head) d_model -> part head d_model d_head"


def _read_doshi(tensors: Tensors, hints: Hints) -> Recognized:
    """The paper authors' encoder: ``transformer.wte``, ``.wpe``, ``.h.l.…`` and ``lm_head``.

    Their logits are ``scale`` times ``lm_head``, and their scores are divided by
    d_head^((1 + s) / 2) with ``scale`` = d^(−(1 + s) / 2): both are folded into the weights.
    """
    taken = Taken(tensors)
    d_model = check_shape(tensors, "transformer.wte.weight", None, None).shape[1]
    heads = head_count(hints, d_model, taken)
    taken.take("transformer.wte.weight", "embed.W_E", (None, d_model))
    taken.take("transformer.wpe.weight", "pos_embed.W_pos", (None, d_model))
    taken.take("lm_head.weight", "unembed.W_U", (None, d_model), TURNED)
    for index in range(count_blocks(tensors, _START)):
        _take_attention(taken, index, d_model, heads)
        _take_mlp(taken, index, d_model)
        for norm, name in (("ln_1", "ln1"), ("ln_2", "ln2")):
            _take_norm(taken, f"{_START}{index}.{norm}", f"blocks.{index}.{name}", d_model)
    _take_norm(taken, "transformer.ln_f", "ln_final", d_model)
    _fold_scale(taken, d_model, d_model // heads)
    _fold_residual(taken, hints)
    found = recognized(taken, hints, str(hints.model.get("attention", "bidirectional")))
    if hints.config.get("act_name") == "gelu":
        found.model["activation"] = "gelu_tanh"  # the only GELU of their code
    return found


def _take_attention(taken: Taken, index: int, d_model: int, heads: int) -> None:
    theirs, ours = f"{_START}{index}.attn.", f"blocks.{index}.attn."
    joined = check_shape(taken.tensors, f"{theirs}to_qkv.weight", 3 * d_model, d_model)
    weights = rearrange(joined, _QKV, part=len(PARTS), head=heads)
    for part, weight in zip(PARTS, weights, strict=True):
        taken.put(f"{theirs}to_qkv.weight", f"{ours}W_{part}", weight)
    output = (d_model, d_model)
    taken.take(f"{theirs}o.weight", f"{ours}W_O", output, OUT_OF_HEADS, head=heads)


def _take_mlp(taken: Taken, index: int, d_model: int) -> None:
    theirs, ours = f"{_START}{index}.mlp.", f"blocks.{index}.mlp."
    width = check_shape(taken.tensors, f"{theirs}c_fc.weight", None, d_model).shape[0]
    taken.take(f"{theirs}c_fc.weight", f"{ours}W_in", (width, d_model), TURNED)
    taken.take(f"{theirs}c_proj.weight", f"{ours}W_out", (d_model, width), TURNED)


def _take_norm(taken: Taken, theirs: str, ours: str, d_model: int) -> None:
    """A layer norm, where there is one."""
    taken.take_any(f"{theirs}.weight", f"{ours}.w", (d_model,))
    taken.take_any(f"{theirs}.bias", f"{ours}.b", (d_model,))


def _fold_scale(taken: Taken, d_model: int, d_head: int) -> None:
    """Their scale of the logits and of the attention scores, into the weights."""
    if "scale" not in taken.tensors:
        return
    found = taken.tensors["scale"]
    if found.numel() != 1 or not found.double().item() > 0:
        raise ValueError(f"tensor scale: expected one number > 0, got {found.tolist()}")
    scale = found.double().item()
    power = -math.log(scale) / math.log(d_model)
    taken.weights["unembed.W_U"] = taken.weights["unembed.W_U"] * scale
    taken.used.append("scale")
    rescale(taken.weights, d_head ** (0.5 - power))


def _fold_residual(taken: Taken, hints: Hints) -> None:
    """Their x ← μ·x + attention, x ← μ·x + MLP, as a residual stream that is not rescaled.

    The stream here is theirs times r, which each half of a block divides by μ.

    Raises:
        ValueError: for another μ than 1 with layer norms, whose ε it would change.
    """
    settled = hints.settled("mu")
    told = hints.config.get("mu") if settled is None else settled
    if told is None:
        taken.assumed.append("the residual stream is not rescaled (μ = 1)")
    mu, weights = float(1 if told is None else told), taken.weights
    if mu == 1:
        return
    if any(".ln" in name for name in weights) or mu <= 0:
        raise ValueError(f"mu: expected 1 for a network with layer norms, and > 0, got {mu:g}")
    ratio = 1.0
    for index in range(count_blocks(weights, "blocks.")):
        for part, readers, writer in (("attn", PARTS, "O"), ("mlp", ("in",), "out")):
            start = f"blocks.{index}.{part}.W_"
            for reader in readers:
                weights[start + reader] = weights[start + reader] / ratio
            ratio /= mu
            weights[start + writer] = weights[start + writer] * ratio
    weights["unembed.W_U"] = weights["unembed.W_U"] / ratio


DOSHI_TRANSFORMER = Layout(
    "doshi-transformer",
    "transformer.wte.weight, transformer.wpe.weight, transformer.h.l.attn.to_qkv.weight, "
    "lm_head.weight",
    lambda tensors: {"transformer.wte.weight", "lm_head.weight"} <= tensors.keys(),
    _read_doshi,
)
