"""What foreign Transformers have in common, once their weights bear this project's names."""

from __future__ import annotations

from collections.abc import Iterable
from fnmatch import fnmatchcase
from typing import Any

import torch
from torch import Tensor

from interp.exchange.layouts.config import (
    activation_of,
    check_config,
    check_sizes,
    unknown_fields,
)
from interp.exchange.layouts.layout import Hints, Recognized, Taken
from interp.exchange.layouts.tokens import read_tokens

_HEADS = (4, 1, 2, 8, 3, 6, 16)  # the reference networks' first
_PHI = ("relu", "gelu", "square")
PARTS = ("Q", "K", "V")

# From torch's matrices, (outputs × inputs) with heads side by side, to this project's.
INTO_HEADS = "(head d_head) d_model -> head d_model d_head"
INTO_HEADS_BIAS = "(head d_head) -> head d_head"
OUT_OF_HEADS = "d_model (head d_head) -> head d_head d_model"

# Tensors that only networks have which this project cannot be.
_TELLTALES = {
    "*.W_gate": "a gated MLP",
    "*.gate.weight": "a gated MLP",
    "*.experts.*": "a mixture of experts",
    "*rotary*": "rotary positions",
    "*inv_freq": "rotary positions",
    "*.mlp.ln.*": "a norm between activation and output",
    "*.attn._W_*": "keys and values shared by heads",
    "*q_norm*": "norms of queries and keys",
    "*k_norm*": "norms of queries and keys",
    "*_post.*": "norms after attention and MLP",
    "embed.ln.*": "a norm on the embeddings",
    "*sinks": "attention sinks",
    "*rel_attn_bias*": "relative positions",
}


def check_known(tensors: Iterable[str], hints: Hints) -> None:
    """Refuses Transformers of a kind that this project has not, by configuration and tensors.

    Raises:
        ValueError: naming the field or the tensor, and what it means.
    """
    check_config(hints.config)
    for name in tensors:
        for pattern, means in _TELLTALES.items():
            if fnmatchcase(name, pattern):
                raise ValueError(f"tensor {name}: expected none of that name; it is of {means}")


def count_blocks(names: Iterable[str], prefix: str) -> int:
    """Number of blocks whose names start with a prefix and a number."""
    starts = {name[len(prefix) :].split(".")[0] for name in names if name.startswith(prefix)}
    numbers = {int(start) for start in starts if start.isdigit()}
    if numbers != set(range(len(numbers))):
        raise ValueError(f"tensors {prefix}…: expected blocks 0, 1, 2 …, got {sorted(numbers)}")
    return len(numbers)


def head_count(hints: Hints, joined: int, taken: Taken) -> int:
    """Number of heads, which no tensor of joined heads tells."""
    config = hints.config
    told = config.get("n_heads") or config.get("num_heads") or config.get("n_head")
    if told is None and config.get("d_head"):
        told = joined // int(config["d_head"])
    candidates = [heads for heads in _HEADS if joined % heads == 0]
    heads = hints.model.get("n_heads") or told
    if heads is None:
        heads = taken.choose(hints, "n_heads", candidates, "{} heads")
    if joined % int(heads):
        raise ValueError(f"model.n_heads: expected a divisor of d = {joined}, got {heads}")
    return int(heads)


def attention_of(hints: Hints, default: str, taken: Taken) -> str:
    """What sees what; ``default`` where nothing tells it."""
    if "attention" in hints.model:
        return str(hints.model["attention"])
    known = hints.config.get("attention_dir")
    other = "causal" if default == "bidirectional" else "bidirectional"
    return str(known or taken.choose(hints, "attention", (default, other), "attention {}"))


def recognized(taken: Taken, hints: Hints, attention: str) -> Recognized:
    """A Transformer, from weights that have this project's names and shapes.

    Raises:
        ValueError: if the sizes of embeddings and unembedding contradict one another or the
            configuration, or a tensor of its blocks has no place.
    """
    weights = taken.weights
    _check_places(taken)
    stored = _stored(weights)
    tokens = read_tokens(taken, hints)
    chosen = {choice.name for choice in taken.choices}
    is_open = "equals_token" in {*hints.choices, *chosen}  # then it is told as a choice
    model = _model(weights)
    if hints.config.get("attn_only") is True and model["d_mlp"]:
        raise ValueError("config attn_only: expected false beside MLP weights, got true")
    check_sizes(hints.config, {**stored, **_sizes(model, weights)})
    no_biases = [] if hints.choices.get("bias") else _drop_zero_biases(weights)
    dropped = [*tokens.dropped, *no_biases]
    zeros = _fill_biases(weights, model)
    norm = _norm(weights)
    model |= {"bias": any(_is_bias(name) for name in weights), "norm": norm}
    model |= {"attention": attention, **tokens.model}
    if model["d_mlp"]:
        model["activation"] = activation_of(hints.config) or taken.choose(
            hints, "activation", _PHI, "activation {}"
        )
    taken.assumed += unknown_fields(hints.config)
    return Recognized(
        tokens.p,
        model,
        weights,
        (_told(model, tokens.p, is_open), *zeros),
        tuple(taken.assumed),
        (*dropped, *taken.left_over),
        tuple(taken.choices),
    )


def _model(weights: dict[str, Tensor]) -> dict[str, Any]:
    """What the shapes of the matrices tell."""
    heads, d_model, d_head = weights["blocks.0.attn.W_Q"].shape
    mlp = weights.get("blocks.0.mlp.W_in")
    free = {"d_head": d_head} if heads * d_head != d_model else {}
    return {
        **free,
        "kind": "transformer",
        "d_model": d_model,
        "n_heads": heads,
        "n_layers": count_blocks(weights, "blocks."),
        "d_mlp": 0 if mlp is None else mlp.shape[1],
    }


def _stored(weights: dict[str, Tensor]) -> dict[str, int]:
    """Sizes of vocabulary, logits and positions, before what no pair reaches is cut off."""
    return {
        "d_vocab": len(weights["embed.W_E"]),
        "d_vocab_out": weights["unembed.W_U"].shape[1],
        "n_ctx": len(weights["pos_embed.W_pos"]),
    }


def _sizes(model: dict[str, Any], weights: dict[str, Tensor]) -> dict[str, int]:
    """The sizes by the names that configurations have for them."""
    sizes = {name: model[name] for name in ("d_model", "n_heads", "n_layers")}
    sizes |= {"num_heads": model["n_heads"], "num_layers": model["n_layers"]}
    sizes["d_head"] = weights["blocks.0.attn.W_Q"].shape[2]
    return sizes | ({"d_mlp": model["d_mlp"]} if model["d_mlp"] else {})


def _check_places(taken: Taken) -> None:
    """Refuses tensors inside the network that nobody read."""
    for name in taken.left_over:
        inside = name.startswith(("blocks.", "ln_final.", "unembed.", "transformer."))
        if inside and taken.tensors[name].is_floating_point():
            raise ValueError(
                f"tensor {name}: expected none of that name in this layout; if the network does "
                f"not use it, ignore it"
            )


def _norm(weights: dict[str, Tensor]) -> str:
    """Whether there is layer norm, which has a gain and a bias everywhere.

    Raises:
        ValueError: naming the norm that is missing or of another kind.
    """
    stems = {name.rpartition(".")[0] for name in weights if ".ln" in f".{name}"}
    if not stems:
        return "none"
    blocks = count_blocks(weights, "blocks.")
    has_mlp = "blocks.0.mlp.W_in" in weights
    wanted = {f"blocks.{i}.{n}" for i in range(blocks) for n in ("ln1", "ln2")[: 1 + has_mlp]}
    for stem in sorted({*wanted, "ln_final"}):
        if f"{stem}.w" not in weights:
            raise ValueError(f"tensor {stem}.w: expected layer norm everywhere or nowhere")
        if f"{stem}.b" not in weights:
            raise ValueError(f"tensor {stem}.b: expected it beside the gain; an RMS norm has none")
    return "layer"


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


def _fill_biases(weights: dict[str, Tensor], model: dict[str, Any]) -> list[str]:
    """Zeros for the biases that a file lacks while it has others, and what to say of them."""
    if not any(_is_bias(name) for name in weights):
        return []
    d_model, d_mlp = model["d_model"], model["d_mlp"]
    query, readout = weights["blocks.0.attn.W_Q"], weights["unembed.W_U"]
    shapes: dict[str, tuple[int, ...]] = {"unembed.b_U": (readout.shape[1],)}
    for index in range(model["n_layers"]):
        start = f"blocks.{index}."
        for part in PARTS:
            shapes[f"{start}attn.b_{part}"] = (query.shape[0], query.shape[2])
        shapes[f"{start}attn.b_O"] = (d_model,)
        if d_mlp:
            shapes |= {f"{start}mlp.b_in": (d_mlp,), f"{start}mlp.b_out": (d_model,)}
    absent = [name for name in shapes if name not in weights]
    for name in absent:
        weights[name] = torch.zeros(shapes[name], dtype=query.dtype)
    return [f"no {', '.join(absent)}: zeros"] if absent else []


def _told(model: dict[str, Any], p: int, is_open: bool) -> str:
    blocks = model["n_layers"]
    equals = "" if is_open else f"{'with' if model['equals_token'] else 'without'} “=”, "
    return (
        f"{blocks} block{'s' if blocks > 1 else ''}, {model['n_heads']} heads, "
        f"d = {model['d_model']}, d_mlp = {model['d_mlp']}, p = {p}, {equals}"
        f"{'no norm' if model['norm'] == 'none' else 'layer norm'}"
    )
