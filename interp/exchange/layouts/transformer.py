"""Foreign Transformers: HookedTransformer, TransformerBridge, and the paper authors' encoder."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from interp.exchange.layouts.layout import (
    Hints,
    Layout,
    Recognized,
    Tensors,
    check_shape,
    left_over,
)

_HEADS = 4  # of the reference networks
PARTS = ("Q", "K", "V")


def count_blocks(tensors: Tensors, prefix: str) -> int:
    """Number of blocks whose names start with a prefix and a number."""
    numbers = {
        int(name[len(prefix) :].split(".")[0])
        for name in tensors
        if name.startswith(prefix) and name[len(prefix) :].split(".")[0].isdigit()
    }
    if numbers != set(range(len(numbers))):
        raise ValueError(f"tensors {prefix}…: expected blocks 0, 1, 2 …, got {sorted(numbers)}")
    return len(numbers)


def _tokens(tokens: int, positions: int, outputs: int) -> tuple[int, bool, list[str]]:
    """p, whether there is "=", and what to drop, from the sizes of embedding and unembedding."""
    if outputs == tokens - 1:
        return outputs, True, []
    if outputs == tokens and positions >= 3:
        return tokens - 1, True, ['the logit of "="']
    if outputs == tokens:
        return tokens, False, []
    raise ValueError(f"tensors: expected p or p + 1 tokens for p = {outputs} answers, got {tokens}")


def _trimmed(
    weights: dict[str, Tensor], p: int, positions: int
) -> tuple[dict[str, Tensor], list[str]]:
    """Without rows of positions that are never reached and logits that are no answers."""
    dropped = []
    if weights["pos_embed.W_pos"].shape[0] > positions:
        weights["pos_embed.W_pos"] = weights["pos_embed.W_pos"][:positions]
        dropped.append(f"positions from {positions}")
    elif weights["pos_embed.W_pos"].shape[0] < positions:
        raise ValueError(
            f"positions: expected at least {positions}, got {weights['pos_embed.W_pos'].shape[0]}"
        )
    weights["unembed.W_U"] = weights["unembed.W_U"][:, :p]
    if "unembed.b_U" in weights:
        weights["unembed.b_U"] = weights["unembed.b_U"][:p]
    return weights, dropped


def recognized(
    tensors: Tensors,
    weights: dict[str, Tensor],
    used: list[str],
    blocks: int,
    heads: int,
    hints: Hints,
    attention: str,
    assumed: list[str],
) -> Recognized:
    """What all Transformers have in common, once their weights bear this project's names."""
    tokens, d_model = weights["embed.W_E"].shape
    p, equals, dropped = _tokens(
        tokens, weights["pos_embed.W_pos"].shape[0], weights["unembed.W_U"].shape[1]
    )
    weights, more = _trimmed(weights, p, 3 if equals else 2)
    dropped += more
    biases = [name for name in weights if name.rpartition(".")[2].startswith("b_")]
    has_bias = any(bool(weights[name].any()) for name in biases)
    if biases and not has_bias:
        weights = {name: one for name, one in weights.items() if name not in biases}
        dropped.append("biases, all of them zero")
    mlp = weights.get("blocks.0.mlp.W_in")
    normed = any(".ln1." in name for name in weights)
    config = hints.config
    model: dict[str, Any] = {
        "kind": "transformer",
        "d_model": d_model,
        "n_heads": heads,
        "n_layers": blocks,
        "d_mlp": 0 if mlp is None else mlp.shape[1],
        "equals_token": equals,
        "bias": has_bias,
        "norm": "layer" if normed else "none",
        "attention": attention,
    }
    if mlp is not None:
        known = config.get("act_fn") or config.get("act_name")
        model["activation"] = {"gelu_new": "gelu", None: "relu"}.get(known, known)
        if known is None and "activation" not in hints.model:
            assumed.append("activation relu")
    told = (
        f"{blocks} block{'s' if blocks > 1 else ''}, {heads} heads, d = {d_model}, "
        f"d_mlp = {model['d_mlp']}, p = {p}, {'with' if equals else 'without'} “=”, "
        f"{'layer norm' if normed else 'no norm'}"
    )
    rest = left_over(tensors, used)
    return Recognized(p, model, weights, (told,), tuple(assumed), (*dropped, *rest))


def attention_of(hints: Hints, default: str, assumed: list[str]) -> str:
    """What sees what; an assumption is added to the list."""
    known = hints.config.get("attention_dir")
    if "attention" in hints.model:
        return str(hints.model["attention"])
    if known is None:
        assumed.append(f"attention {default}")
    return str(known or default)


def rescaled(weights: dict[str, Tensor], blocks: int, factor: float) -> dict[str, Tensor]:
    """Queries times a factor, which stands for another scale of the attention scores."""
    found = dict(weights)
    if factor != 1:
        for index in range(blocks):
            for name in ("W_Q", "b_Q"):
                key = f"blocks.{index}.attn.{name}"
                if key in found:
                    found[key] = found[key] * factor
    return found


def _scale_factor(hints: Hints, d_head: int) -> tuple[float, bool]:
    """What queries are multiplied by for this project's scale, and whether that is μP's."""
    scale = hints.config.get("attn_scale")
    if not isinstance(scale, int | float) or scale <= 0:
        return 1.0, False
    if math.isclose(scale, d_head) and d_head > 1:
        return 1.0, True
    return (1.0, False) if math.isclose(scale, d_head**0.5) else (d_head**0.5 / scale, False)


def _read_legacy(tensors: Tensors, hints: Hints) -> Recognized:
    """HookedTransformer's names, which are this project's too."""
    blocks = count_blocks(tensors, "blocks.")
    heads, d_model, d_head = check_shape(tensors, "blocks.0.attn.W_Q", None, None, None).shape
    check_shape(tensors, "embed.W_E", None, d_model)
    check_shape(tensors, "pos_embed.W_pos", None, d_model)
    check_shape(tensors, "unembed.W_U", d_model, None)
    weights = {
        name: one
        for name, one in tensors.items()
        if name.rpartition(".")[2] not in ("mask", "IGNORE")
        and name.split(".")[0] in ("embed", "pos_embed", "blocks", "ln_final", "unembed")
    }
    for index in range(blocks):
        for part in PARTS:
            check_shape(tensors, f"blocks.{index}.attn.W_{part}", heads, d_model, d_head)
        check_shape(tensors, f"blocks.{index}.attn.W_O", heads, d_head, d_model)
    assumed: list[str] = []
    if str(hints.config.get("normalization_type")) == "LNPre":
        weights |= _plain_norms(blocks, d_model, weights)
    factor, mup = _scale_factor(hints, d_head)
    found = recognized(
        tensors,
        rescaled(weights, blocks, factor),
        list(weights),
        blocks,
        heads,
        hints,
        attention_of(hints, "causal", assumed),
        assumed,
    )
    return _with_mup(found, mup)


def _with_mup(found: Recognized, mup: bool) -> Recognized:
    if mup:
        found.model["init"] = "mup"
    return found


def _plain_norms(blocks: int, d_model: int, weights: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Norms whose gain and bias have been folded away: ones and zeros."""
    one = weights["embed.W_E"].new_ones(d_model)
    names = [f"blocks.{index}.{norm}" for index in range(blocks) for norm in ("ln1", "ln2")]
    return {
        f"{name}.{part}": one if part == "w" else torch.zeros_like(one)
        for name in (*names, "ln_final")
        for part in ("w", "b")
    }


def _read_bridge(tensors: Tensors, hints: Hints) -> Recognized:
    """TransformerBridge's names: torch's matrices, (outputs × inputs), heads side by side."""
    blocks = count_blocks(tensors, "blocks.")
    d_model = check_shape(tensors, "embed.weight", None, None).shape[1]
    heads, assumed = head_count(hints, d_model)
    used = ["embed.weight", "pos_embed.weight", "unembed.weight"]
    weights = {
        "embed.W_E": tensors["embed.weight"],
        "pos_embed.W_pos": check_shape(tensors, "pos_embed.weight", None, d_model),
        "unembed.W_U": check_shape(tensors, "unembed.weight", None, d_model).T,
    }
    plain = {"unembed.bias": "unembed.b_U"}
    for index in range(blocks):
        start = f"blocks.{index}."
        for part in PARTS:
            key = f"{start}attn.{part.lower()}"
            weight = check_shape(tensors, f"{key}.weight", d_model, d_model)
            weights[f"{start}attn.W_{part}"] = split_heads(weight, heads)
            used.append(f"{key}.weight")
            if f"{key}.bias" in tensors:
                bias = check_shape(tensors, f"{key}.bias", d_model)
                weights[f"{start}attn.b_{part}"] = bias.reshape(heads, -1)
                used.append(f"{key}.bias")
        output = check_shape(tensors, f"{start}attn.o.weight", d_model, d_model)
        weights[f"{start}attn.W_O"] = output.T.reshape(heads, -1, d_model)
        used.append(f"{start}attn.o.weight")
        plain[f"{start}attn.o.bias"] = f"{start}attn.b_O"
        for part in ("in", "out"):
            if f"{start}mlp.{part}.weight" in tensors:
                weights[f"{start}mlp.W_{part}"] = tensors[f"{start}mlp.{part}.weight"].T
                used.append(f"{start}mlp.{part}.weight")
            plain[f"{start}mlp.{part}.bias"] = f"{start}mlp.b_{part}"
        for norm in ("ln1", "ln2"):
            plain |= {f"{start}{norm}.weight": f"{start}{norm}.w"}
            plain |= {f"{start}{norm}.bias": f"{start}{norm}.b"}
    plain |= {"ln_final.weight": "ln_final.w", "ln_final.bias": "ln_final.b"}
    read = {theirs: ours for theirs, ours in plain.items() if theirs in tensors}
    weights |= {ours: tensors[theirs] for theirs, ours in read.items()}
    factor, mup = _scale_factor(hints, d_model // heads)
    found = recognized(
        tensors,
        rescaled(weights, blocks, factor),
        [*used, *read],
        blocks,
        heads,
        hints,
        attention_of(hints, "causal", assumed),
        assumed,
    )
    return _with_mup(found, mup)


def head_count(hints: Hints, d_model: int) -> tuple[int, list[str]]:
    """Number of heads, which no tensor of joined heads tells."""
    known = hints.model.get("n_heads") or hints.config.get("n_heads") or hints.config.get("n_head")
    heads = int(known or _HEADS)
    if d_model % heads:
        raise ValueError(f"model.n_heads: expected a divisor of d = {d_model}, got {heads}")
    return heads, [] if known else [f"{heads} heads"]


def split_heads(weight: Tensor, heads: int) -> Tensor:
    """[d, d], heads side by side in its rows, as (head, d_model, d_head)."""
    return weight.reshape(heads, -1, weight.shape[1]).transpose(1, 2)


LEGACY = Layout(
    "transformer-lens",
    "embed.W_E, pos_embed.W_pos, blocks.l.attn.W_Q (head, d, d_head), unembed.W_U",
    lambda tensors: {"embed.W_E", "blocks.0.attn.W_Q"} <= tensors.keys(),
    _read_legacy,
)
BRIDGE = Layout(
    "bridge",
    "embed.weight, pos_embed.weight, blocks.l.attn.q.weight (d × d), unembed.weight",
    lambda tensors: {"embed.weight", "blocks.0.attn.q.weight"} <= tensors.keys(),
    _read_bridge,
)
