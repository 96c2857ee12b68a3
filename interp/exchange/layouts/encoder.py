"""The paper authors' encoder Transformer."""

from __future__ import annotations

import math

from torch import Tensor, split

from interp.exchange.layouts.layout import Hints, Layout, Recognized, Tensors, check_shape
from interp.exchange.layouts.transformer import (
    PARTS,
    attention_of,
    count_blocks,
    head_count,
    recognized,
    rescaled,
    split_heads,
)


def _read_doshi(tensors: Tensors, hints: Hints) -> Recognized:
    """The paper authors' encoder: ``transformer.wte``, ``.wpe``, ``.h.l.…`` and ``lm_head``.

    Their logits are ``scale`` times ``lm_head``, and their scores are divided by
    d_head^((1 + s) / 2) with ``scale`` = d^(−(1 + s) / 2): both are folded into the weights.
    """
    start = "transformer.h."
    blocks = count_blocks(tensors, start)
    d_model = check_shape(tensors, "transformer.wte.weight", None, None).shape[1]
    heads, assumed = head_count(hints, d_model)
    head = check_shape(tensors, "lm_head.weight", None, d_model)
    used = ["transformer.wte.weight", "transformer.wpe.weight", "lm_head.weight"]
    scale, power = 1.0, 0.5
    if "scale" in tensors:
        scale = float(tensors["scale"].double().flatten()[0])
        power = -math.log(scale) / math.log(d_model)
        used.append("scale")
    weights = {
        "embed.W_E": tensors["transformer.wte.weight"],
        "pos_embed.W_pos": check_shape(tensors, "transformer.wpe.weight", None, d_model),
        "unembed.W_U": head.T * scale,
    }
    for index in range(blocks):
        theirs, ours = f"{start}{index}.", f"blocks.{index}."
        joined = check_shape(tensors, f"{theirs}attn.to_qkv.weight", 3 * d_model, d_model)
        for part, weight in zip(PARTS, split(joined, d_model), strict=True):
            weights[f"{ours}attn.W_{part}"] = split_heads(weight, heads)
        output = check_shape(tensors, f"{theirs}attn.o.weight", d_model, d_model)
        weights[f"{ours}attn.W_O"] = output.T.reshape(heads, -1, d_model)
        d_mlp = check_shape(tensors, f"{theirs}mlp.c_fc.weight", None, d_model).shape[0]
        weights[f"{ours}mlp.W_in"] = tensors[f"{theirs}mlp.c_fc.weight"].T
        weights[f"{ours}mlp.W_out"] = check_shape(
            tensors, f"{theirs}mlp.c_proj.weight", d_model, d_mlp
        ).T
        read = ("attn.to_qkv", "attn.o", "mlp.c_fc", "mlp.c_proj")
        used += [f"{theirs}{name}.weight" for name in read]
        for norm, name in (("ln_1", "ln1"), ("ln_2", "ln2")):
            used += _norm_into(weights, tensors, f"{theirs}{norm}", f"{ours}{name}")
    used += _norm_into(weights, tensors, "transformer.ln_f", "ln_final")
    d_head = d_model // heads
    weights = rescaled(weights, blocks, d_head ** (0.5 - power))
    assumed.append("the residual stream is not rescaled (μ = 1)")
    return recognized(
        tensors,
        weights,
        used,
        blocks,
        heads,
        hints,
        attention_of(hints, "bidirectional", []),
        assumed,
    )


def _norm_into(weights: dict[str, Tensor], tensors: Tensors, theirs: str, ours: str) -> list[str]:
    """Copies a layer norm where there is one; gives the names that were read."""
    found = [(f"{theirs}.weight", f"{ours}.w"), (f"{theirs}.bias", f"{ours}.b")]
    there = [pair for pair in found if pair[0] in tensors]
    weights |= {name: tensors[foreign] for foreign, name in there}
    return [foreign for foreign, _ in there]


DOSHI_TRANSFORMER = Layout(
    "doshi-transformer",
    "transformer.wte.weight, transformer.wpe.weight, transformer.h.l.attn.to_qkv.weight, "
    "lm_head.weight",
    lambda tensors: {"transformer.wte.weight", "lm_head.weight"} <= tensors.keys(),
    _read_doshi,
)
