"""Foreign multilayer perceptrons: the paper authors' nets, and plain ``nn.Linear`` chains."""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import pairwise
from typing import Any

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

_LAYER = {"weight": "w", "bias": "b"}
_BATCH = {**_LAYER, "running_mean": "mean", "running_var": "var"}


def _matches_doshi(tensors: Tensors) -> bool:
    two = {"fc1.weight", "fc2.weight"}
    allowed = re.compile(r"(fc[12]\.weight|norm1\.(weight|bias|running_\w+|num_batches_tracked))$")
    return two <= tensors.keys() and all(allowed.match(name) for name in tensors)


def _read_doshi(tensors: Tensors, hints: Hints) -> Recognized:
    """``fc1`` N×2p, ``fc2`` p×N, square activation; ``norm1`` after it, batch or layer norm."""
    p, width = check_shape(tensors, "fc2.weight", None, None).shape
    taken = Taken(tensors)
    taken.take("fc1.weight", "blocks.0.mlp.W_in", (width, 2 * p), TURNED)
    taken.take("fc2.weight", "unembed.W_U", (p, width), TURNED)
    model: dict[str, Any] = {"kind": "mlp", "width": width, "activation": "square"}
    if "norm1.weight" in tensors:
        model |= {"norm": _take_norm(taken, "norm1", 0, width), "norm_at": "post"}
        taken.assumed.append("the norm stands after the activation, as in the authors' code")
    if "activation" not in hints.model:
        taken.assumed.append("activation x², as in the authors' code")
    told = f"two layers without biases, N = {width}, p = {p}"
    return _recognized(p, model, taken, told)


def _recognized(p: int, model: dict[str, Any], taken: Taken, told: str) -> Recognized:
    return Recognized(p, model, taken.weights, (told,), tuple(taken.assumed), taken.left_over)


def _take_norm(taken: Taken, prefix: str, layer: int, width: int) -> str:
    """Takes the norm of a layer, and tells its kind: one with running statistics is batch norm."""
    is_batch = f"{prefix}.running_mean" in taken.tensors
    for theirs, ours in _BATCH.items() if is_batch else _LAYER.items():
        taken.take(f"{prefix}.{theirs}", f"blocks.{layer}.mlp.norm.{ours}", (width,))
    return "batch" if is_batch else "layer"


def _natural(name: str) -> list[Any]:
    return [int(part) if part.isdigit() else part for part in re.split(r"(\d+)", name)]


def _is_embedding(name: str) -> bool:
    last = name.lower()
    return "emb" in last and "unemb" not in last


def _matches_plain(tensors: Tensors) -> bool:
    matrices = [one for name, one in tensors.items() if one.ndim == 2 and not _is_embedding(name)]
    others = [one for one in tensors.values() if one.ndim > 2]
    return len(matrices) >= 2 and not others and _chain(tensors) is not None


def _chain(tensors: Tensors) -> list[str] | None:
    """Names of the linear layers, each one's outputs the inputs of the next; None if none fit."""
    names = [n for n, one in tensors.items() if one.ndim == 2 and not _is_embedding(n)]
    for order in (names, sorted(names, key=_natural)):
        sizes = [tensors[name].shape for name in order]
        if all(a[0] == b[1] for a, b in pairwise(sizes)):
            return order
    return None


def _read_plain(tensors: Tensors, hints: Hints) -> Recognized:
    """Linear layers one after another, on one-hot operands or on embeddings.

    Embeddings are folded into the first layer, which leaves every logit as it is.
    """
    chain = _chain(tensors)
    if chain is None:
        raise ValueError("as mlp: expected linear layers whose shapes follow one another")
    p = tensors[chain[-1]].shape[0]
    hidden = {tensors[name].shape[0] for name in chain[:-1]}
    if len(hidden) != 1:
        raise ValueError(f"as mlp: expected hidden layers of one width, got {sorted(hidden)}")
    width = hidden.pop()
    taken = Taken(tensors)
    told = _take_first(taken, chain[0], p)
    for index, name in enumerate(chain[1:-1], start=1):
        taken.take(name, f"blocks.{index}.mlp.W_in", (width, width), TURNED)
    taken.take(chain[-1], "unembed.W_U", (p, width), TURNED)
    model: dict[str, Any] = {"kind": "mlp", "width": width, "depth": len(chain)}
    if _take_biases(taken, chain):
        model["bias"] = True
    kind = _take_norms(taken, chain, width)
    if kind:
        model |= {"norm": kind, "norm_at": hints.model.get("norm_at", "pre")}
        if "norm_at" not in hints.model:
            taken.assumed.append("the norms stand before the activation")
    if "activation" not in hints.model:
        taken.assumed.append("activation relu")
    model["activation"] = "relu"
    words = f"{len(chain)} linear layers, N = {width}, p = {p}; {told}"
    return _recognized(p, model, taken, words)


def _take_first(taken: Taken, name: str, p: int) -> str:
    """Takes W_in [2p, N], with the embeddings folded in, and tells what it was."""
    tensors = taken.tensors
    weight = tensors[name]
    tables = [n for n, one in tensors.items() if one.ndim == 2 and _is_embedding(n)]
    for table in tables:
        check_shape(tensors, table, p, None)
    if len(tables) > 2:
        raise ValueError(f"as mlp: expected one or two embeddings, got {', '.join(tables)}")
    parts, told = _folded(taken, tables, name) if tables else _one_hot(weight, name, p)
    taken.put(name, "blocks.0.mlp.W_in", torch.cat(parts))
    taken.used += tables
    return told


def _one_hot(weight: Tensor, name: str, p: int) -> tuple[list[Tensor], str]:
    """The parts of W_in for each operand, and what they were."""
    inputs = weight.shape[1]
    if inputs == 2 * p:
        return [weight.T], "one-hot operands side by side"
    if inputs == p:
        return [weight.T, weight.T], "the sum of one-hot operands"
    raise ValueError(f"tensor {name}: expected {2 * p} or {p} inputs for p = {p}, got {inputs}")


def _folded(taken: Taken, tables: Sequence[str], name: str) -> tuple[list[Tensor], str]:
    """As :func:`_one_hot`, behind one or two embeddings."""
    weight = taken.tensors[name]
    left, right = taken.tensors[tables[0]], taken.tensors[tables[-1]]
    size, inputs = left.shape[1], weight.shape[1]
    if right.shape[1] != size:
        raise ValueError(f"tensor {tables[-1]}: expected {size} columns, got {right.shape[1]}")
    if inputs not in (size, 2 * size):
        raise ValueError(
            f"tensor {name}: expected {size} or {2 * size} inputs after embeddings of {size} "
            f"dimensions, got {inputs}"
        )
    kind = "a shared embedding"
    if len(tables) == 2:
        kind = "an embedding of each operand"
        taken.assumed.append(f"{tables[0]} is of the first operand")
    first, second = (weight[:, :size], weight[:, size:]) if inputs > size else (weight, weight)
    how = "side by side" if inputs > size else "summed"
    return [left @ first.T, right @ second.T], f"{kind}, {how}, folded in"


def _take_biases(taken: Taken, chain: Sequence[str]) -> bool:
    """Takes biases of all layers if one layer has any; those that are lacking are zeros."""
    names = [re.sub(r"weight$", "bias", name) for name in chain]
    if not any(name in taken.tensors for name in names):
        return False
    for index, (name, layer) in enumerate(zip(names, chain, strict=True)):
        weight = taken.tensors[layer]
        ours = f"blocks.{index}.mlp.b_in" if index < len(chain) - 1 else "unembed.b_U"
        if name in taken.tensors:
            taken.take(name, ours, (len(weight),))
        else:
            taken.weights[ours] = torch.zeros(len(weight), dtype=weight.dtype)
    return True


def _take_norms(taken: Taken, chain: Sequence[str], width: int) -> str | None:
    """Takes the norms of the hidden layers, in their order: all layers have one, or none."""
    layers = {name.rpartition(".")[0] for name in chain}
    prefixes = [
        name.rpartition(".")[0]
        for name, one in taken.tensors.items()
        if name.endswith(".weight") and one.ndim == 1 and name.rpartition(".")[0] not in layers
    ]
    if not prefixes:
        return None
    if len(prefixes) != len(chain) - 1:
        raise ValueError(
            f"as mlp: expected a norm for each of {len(chain) - 1} hidden layers or none, "
            f"got {', '.join(prefixes)}"
        )
    ordered = enumerate(sorted(prefixes, key=_natural))
    kinds = {_take_norm(taken, prefix, index, width) for index, prefix in ordered}
    if len(kinds) > 1:
        raise ValueError("as mlp: expected norms of one kind, got batch and layer norms")
    return kinds.pop()


DOSHI = Layout(
    "doshi",
    "fc1.weight N×2p and fc2.weight p×N, perhaps norm1.*",
    _matches_doshi,
    _read_doshi,
)
PLAIN = Layout(
    "mlp",
    "two or more matrices (outputs × inputs) that follow one another, the first with 2p or p "
    "inputs, or after embeddings p×d named *emb*, the last with p outputs",
    _matches_plain,
    _read_plain,
)
