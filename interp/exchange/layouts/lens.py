"""TransformerLens' two layouts: HookedTransformer's names, and TransformerBridge's."""

from __future__ import annotations

import math
import re

import torch
from torch import Tensor

from interp.exchange.layouts.layout import (
    TURNED,
    Hints,
    Layout,
    Recognized,
    Taken,
    Tensors,
    check_shape,
)
from interp.exchange.layouts.scores import rescale, scores_of
from interp.exchange.layouts.transformer import (
    INTO_HEADS,
    INTO_HEADS_BIAS,
    OUT_OF_HEADS,
    PARTS,
    attention_of,
    check_known,
    count_blocks,
    head_count,
    recognized,
)

# Names of this project's own parameters.
_OURS = (
    r"embed\.W_E|pos_embed\.W_pos|unembed\.[Wb]_U|ln_final\.[wb]"
    r"|blocks\.\d+\.(attn\.[Wb]_[QKVO]|mlp\.[Wb]_(in|out)|ln[12]\.[wb])"
)


def _read_legacy(tensors: Tensors, hints: Hints) -> Recognized:
    """HookedTransformer's names, which are this project's too."""
    check_known(tensors, hints)
    blocks = count_blocks(tensors, "blocks.")
    heads, d_model, d_head = check_shape(tensors, "blocks.0.attn.W_Q", None, None, None).shape
    check_shape(tensors, "embed.W_E", None, d_model)
    check_shape(tensors, "pos_embed.W_pos", None, d_model)
    check_shape(tensors, "unembed.W_U", d_model, None)
    for index in range(blocks):
        for part in PARTS:
            check_shape(tensors, f"blocks.{index}.attn.W_{part}", heads, d_model, d_head)
        check_shape(tensors, f"blocks.{index}.attn.W_O", heads, d_head, d_model)
    taken = Taken(tensors)
    for name, tensor in tensors.items():
        if re.fullmatch(_OURS, name):
            taken.put(name, name, tensor)
    _take_folded_norms(taken, hints, blocks, d_model)
    return _scaled(taken, hints)


def _take_folded_norms(taken: Taken, hints: Hints, blocks: int, d_model: int) -> None:
    """Norms as the configuration has them; gain and bias are ones and zeros where folded away.

    Raises:
        ValueError: if the tensors contradict the configuration.
    """
    has_norms = any(".ln" in f".{name}" for name in taken.weights)
    if "normalization_type" not in hints.config:
        return
    told = hints.config["normalization_type"]
    if has_norms != (told in ("LN", "layer")):
        raise ValueError(
            f"config normalization_type: got {told}, but there are "
            f"{'gains and biases' if has_norms else 'no gains and biases'} of norms"
        )
    if told == "LNPre":
        taken.weights |= _plain_norms(blocks, taken.weights["embed.W_E"].new_ones(d_model))


def _plain_norms(blocks: int, one: Tensor) -> dict[str, Tensor]:
    """Norms whose gain and bias have been folded away: ones and zeros."""
    names = [f"blocks.{index}.{norm}" for index in range(blocks) for norm in ("ln1", "ln2")]
    return {
        f"{name}.{part}": one if part == "w" else torch.zeros_like(one)
        for name in (*names, "ln_final")
        for part in ("w", "b")
    }


def _read_bridge(tensors: Tensors, hints: Hints) -> Recognized:
    """TransformerBridge's names: torch's matrices, (outputs × inputs), heads side by side."""
    check_known(tensors, hints)
    taken = Taken(tensors)
    d_model = check_shape(tensors, "embed.weight", None, None).shape[1]
    joined = check_shape(tensors, "blocks.0.attn.q.weight", None, d_model).shape[0]
    heads = head_count(hints, joined, taken)
    taken.take("embed.weight", "embed.W_E", (None, d_model))
    taken.take("pos_embed.weight", "pos_embed.W_pos", (None, d_model))
    taken.take("unembed.weight", "unembed.W_U", (None, d_model), TURNED)
    taken.take_any("unembed.bias", "unembed.b_U", (taken.weights["unembed.W_U"].shape[1],))
    for index in range(count_blocks(tensors, "blocks.")):
        _take_attention(taken, f"blocks.{index}.attn.", (joined, d_model), heads)
        _take_mlp(taken, f"blocks.{index}.mlp.", d_model)
        for norm in ("ln1", "ln2"):
            _take_norm(taken, f"blocks.{index}.{norm}", d_model)
    _take_norm(taken, "ln_final", d_model)
    _take_folded_norms(taken, hints, count_blocks(tensors, "blocks."), d_model)
    return _scaled(taken, hints, is_bridge=True)


def _take_attention(taken: Taken, start: str, shape: tuple[int, int], heads: int) -> None:
    joined, d_model = shape
    for part in PARTS:
        theirs = f"{start}{part.lower()}"
        taken.take(f"{theirs}.weight", f"{start}W_{part}", shape, INTO_HEADS, head=heads)
        bias = f"{start}b_{part}"
        taken.take_any(f"{theirs}.bias", bias, (joined,), INTO_HEADS_BIAS, head=heads)
    back = (d_model, joined)
    taken.take(f"{start}o.weight", f"{start}W_O", back, OUT_OF_HEADS, head=heads)
    taken.take_any(f"{start}o.bias", f"{start}b_O", (d_model,))


def _take_mlp(taken: Taken, start: str, d_model: int) -> None:
    if not {f"{start}in.weight", f"{start}out.weight"} & taken.tensors.keys():
        return  # attention only
    width = check_shape(taken.tensors, f"{start}in.weight", None, d_model).shape[0]
    taken.take(f"{start}in.weight", f"{start}W_in", (width, d_model), TURNED)
    taken.take(f"{start}out.weight", f"{start}W_out", (d_model, width), TURNED)
    taken.take_any(f"{start}in.bias", f"{start}b_in", (width,))
    taken.take_any(f"{start}out.bias", f"{start}b_out", (d_model,))


def _take_norm(taken: Taken, name: str, d_model: int) -> None:
    taken.take_any(f"{name}.weight", f"{name}.w", (d_model,))
    taken.take_any(f"{name}.bias", f"{name}.b", (d_model,))


def _scaled(taken: Taken, hints: Hints, is_bridge: bool = False) -> Recognized:
    """The network, with this project's scale of the attention scores."""
    d_head = taken.weights["blocks.0.attn.W_Q"].shape[2]
    if not hints.config:
        scores_of(taken, hints)
        taken.assumed.append(
            "positions added to the residual stream, no soft caps: there is no configuration"
        )
    if hints.config.get("use_attn_scale") is False and not is_bridge:
        factor, is_mup = d_head**0.5, False
        taken.assumed.append("attention scores are not divided: √d_head went into the queries")
    else:
        factor, is_mup = _scale_factor(hints, d_head)
    rescale(taken.weights, factor)
    found = recognized(taken, hints, attention_of(hints, "causal", taken))
    if is_mup:
        found.model["init"] = "mup"
    return found


def _scale_factor(hints: Hints, d_head: int) -> tuple[float, bool]:
    """What queries are multiplied by for this project's scale, and whether that is μP's."""
    scale = hints.config.get("attn_scale")
    if not isinstance(scale, int | float) or scale <= 0:
        return 1.0, False
    if math.isclose(scale, d_head) and d_head > 1:
        return 1.0, True
    return (1.0, False) if math.isclose(scale, d_head**0.5) else (d_head**0.5 / scale, False)


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
