"""What foreign Transformers have in common, once their weights bear this project's names."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from torch import Tensor

from interp.exchange.layouts.layout import Hints, Recognized, Taken

_HEADS = 4  # of the reference networks
PARTS = ("Q", "K", "V")

# From torch's matrices, (outputs × inputs) with heads side by side, to this project's.
INTO_HEADS = "(head d_head) d_model -> head d_model d_head"
INTO_HEADS_BIAS = "(head d_head) -> head d_head"
OUT_OF_HEADS = "d_model (head d_head) -> head d_head d_model"


def count_blocks(names: Iterable[str], prefix: str) -> int:
    """Number of blocks whose names start with a prefix and a number."""
    starts = {name[len(prefix) :].split(".")[0] for name in names if name.startswith(prefix)}
    numbers = {int(start) for start in starts if start.isdigit()}
    if numbers != set(range(len(numbers))):
        raise ValueError(f"tensors {prefix}…: expected blocks 0, 1, 2 …, got {sorted(numbers)}")
    return len(numbers)


def head_count(hints: Hints, d_model: int, assumed: list[str]) -> int:
    """Number of heads, which no tensor of joined heads tells; an assumption joins the list."""
    known = hints.model.get("n_heads") or hints.config.get("n_heads") or hints.config.get("n_head")
    heads = int(known or _HEADS)
    if d_model % heads:
        raise ValueError(f"model.n_heads: expected a divisor of d = {d_model}, got {heads}")
    if not known:
        assumed.append(f"{heads} heads")
    return heads


def attention_of(hints: Hints, default: str, assumed: list[str]) -> str:
    """What sees what; an assumption joins the list."""
    known = hints.config.get("attention_dir")
    if "attention" in hints.model:
        return str(hints.model["attention"])
    if known is None:
        assumed.append(f"attention {default}")
    return str(known or default)


def rescale(weights: dict[str, Tensor], factor: float) -> None:
    """Queries times a factor, which stands for another scale of the attention scores."""
    for name in weights:
        if factor != 1 and name.endswith((".attn.W_Q", ".attn.b_Q")):
            weights[name] = weights[name] * factor


def recognized(taken: Taken, hints: Hints, attention: str) -> Recognized:
    """A Transformer, from weights that have this project's names and shapes.

    Raises:
        ValueError: if the sizes of embeddings and unembedding contradict one another.
    """
    p, equals, dropped = _vocabulary(taken)
    dropped += _trim(taken, p, 3 if equals else 2)
    dropped += _drop_zero_biases(taken.weights)
    weights = taken.weights
    mlp = weights.get("blocks.0.mlp.W_in")
    model: dict[str, Any] = {
        "kind": "transformer",
        "d_model": weights["embed.W_E"].shape[1],
        "n_heads": len(weights["blocks.0.attn.W_Q"]),
        "n_layers": count_blocks(weights, "blocks."),
        "d_mlp": 0 if mlp is None else mlp.shape[1],
        "equals_token": equals,
        "bias": any(_is_bias(name) for name in weights),
        "norm": "layer" if any(".ln1." in name for name in weights) else "none",
        "attention": attention,
    }
    if mlp is not None:
        model["activation"] = _activation(hints, taken.assumed)
    assumed, rest = tuple(taken.assumed), (*dropped, *taken.left_over)
    return Recognized(p, model, weights, (_told(model, p),), assumed, rest)


def _vocabulary(taken: Taken) -> tuple[int, bool, list[str]]:
    """p, whether there is "=", and what to drop, from the sizes of embedding and unembedding."""
    tokens, positions = (len(taken.weights[name]) for name in ("embed.W_E", "pos_embed.W_pos"))
    outputs = taken.weights["unembed.W_U"].shape[1]
    if outputs == tokens - 1:
        return outputs, True, []
    if outputs == tokens and positions >= 3:
        return tokens - 1, True, ['the logit of "="']
    if outputs == tokens:
        return tokens, False, []
    raise ValueError(
        f"tensors: expected p or p + 1 tokens for p = {outputs} answers, "
        f"got {tokens} in {taken.sources['embed.W_E']}"
    )


def _trim(taken: Taken, p: int, positions: int) -> list[str]:
    """Drops rows of positions that are never reached, and logits that are no answers."""
    weights = taken.weights
    there = len(weights["pos_embed.W_pos"])
    if there < positions:
        where = taken.sources["pos_embed.W_pos"]
        raise ValueError(f"positions: expected at least {positions}, got {there} in {where}")
    weights["pos_embed.W_pos"] = weights["pos_embed.W_pos"][:positions]
    weights["unembed.W_U"] = weights["unembed.W_U"][:, :p]
    if "unembed.b_U" in weights:
        weights["unembed.b_U"] = weights["unembed.b_U"][:p]
    return [f"positions from {positions}"] if there > positions else []


def _is_bias(name: str) -> bool:
    return name.rpartition(".")[2].startswith("b_")


def _drop_zero_biases(weights: dict[str, Tensor]) -> list[str]:
    """Drops the biases where every one of them is zero."""
    biases = [name for name in weights if _is_bias(name)]
    if not biases or any(bool(weights[name].any()) for name in biases):
        return []
    for name in biases:
        del weights[name]
    return ["biases, all of them zero"]


def _activation(hints: Hints, assumed: list[str]) -> Any:
    known = hints.config.get("act_fn") or hints.config.get("act_name")
    if known is None and "activation" not in hints.model:
        assumed.append("activation relu")
    return {"gelu_new": "gelu", None: "relu"}.get(known, known)


def _told(model: dict[str, Any], p: int) -> str:
    blocks = model["n_layers"]
    return (
        f"{blocks} block{'s' if blocks > 1 else ''}, {model['n_heads']} heads, "
        f"d = {model['d_model']}, d_mlp = {model['d_mlp']}, p = {p}, "
        f"{'with' if model['equals_token'] else 'without'} “=”, "
        f"{'no norm' if model['norm'] == 'none' else 'layer norm'}"
    )
