"""Foreign multilayer perceptrons: the paper authors' nets, and plain ``nn.Linear`` chains."""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import pairwise
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

_BATCH = ("weight", "bias", "running_mean", "running_var")


def _matches_doshi(tensors: Tensors) -> bool:
    two = {"fc1.weight", "fc2.weight"}
    allowed = re.compile(r"(fc[12]\.weight|norm1\.(weight|bias|running_\w+|num_batches_tracked))$")
    return two <= tensors.keys() and all(allowed.match(name) for name in tensors)


def _read_doshi(tensors: Tensors, hints: Hints) -> Recognized:
    """``fc1`` N×2p, ``fc2`` p×N, square activation; ``norm1`` after it, batch or layer norm."""
    p, width = check_shape(tensors, "fc2.weight", None, None).shape
    first = check_shape(tensors, "fc1.weight", width, 2 * p)
    weights = {"blocks.0.mlp.W_in": first.T, "unembed.W_U": tensors["fc2.weight"].T}
    model: dict[str, Any] = {"kind": "mlp", "width": width, "activation": "square"}
    assumed = []
    used = ["fc1.weight", "fc2.weight"]
    if "norm1.weight" in tensors:
        norm, found, read = _norm(tensors, "norm1", width)
        model |= {"norm": norm, "norm_at": "post"}
        weights |= {f"blocks.0.mlp.norm.{name}": one for name, one in found.items()}
        used += read
        assumed.append("the norm stands after the activation, as in the authors' code")
    if "activation" not in hints.model:
        assumed.append("activation x², as in the authors' code")
    told = f"two layers without biases, N = {width}, p = {p}"
    return Recognized(p, model, weights, (told,), tuple(assumed), left_over(tensors, used))


def _norm(tensors: Tensors, prefix: str, width: int) -> tuple[str, dict[str, Tensor], list[str]]:
    """Kind of a norm, its tensors in this project's names, and the names that were read."""
    found = {
        "w": check_shape(tensors, f"{prefix}.weight", width),
        "b": check_shape(tensors, f"{prefix}.bias", width),
    }
    if f"{prefix}.running_mean" not in tensors:
        return "layer", found, [f"{prefix}.weight", f"{prefix}.bias"]
    found["mean"] = check_shape(tensors, f"{prefix}.running_mean", width)
    found["var"] = check_shape(tensors, f"{prefix}.running_var", width)
    return "batch", found, [f"{prefix}.{name}" for name in _BATCH]


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
    first, told, used, assumed = _first_layer(tensors, chain[0], p)
    weights = {"blocks.0.mlp.W_in": first}
    for index, name in enumerate(chain[1:-1], start=1):
        weights[f"blocks.{index}.mlp.W_in"] = tensors[name].T
    weights["unembed.W_U"] = tensors[chain[-1]].T
    used += chain
    model: dict[str, Any] = {"kind": "mlp", "width": width, "depth": len(chain)}
    biases, read = _biases(tensors, chain)
    weights |= biases
    used += read
    if biases:
        model["bias"] = True
    norms, kind, read = _norms(tensors, chain, width)
    weights |= norms
    used += read
    if kind:
        model |= {"norm": kind, "norm_at": hints.model.get("norm_at", "pre")}
        if "norm_at" not in hints.model:
            assumed.append("the norms stand before the activation")
    if "activation" not in hints.model:
        assumed.append("activation relu")
    model["activation"] = "relu"
    words = f"{len(chain)} linear layers, N = {width}, p = {p}; {told}"
    return Recognized(p, model, weights, (words,), tuple(assumed), left_over(tensors, used))


def _first_layer(tensors: Tensors, name: str, p: int) -> tuple[Tensor, str, list[str], list[str]]:
    """W_in [2p, N], the embeddings folded in: what it was, names read, assumptions."""
    weight = tensors[name]
    inputs = weight.shape[1]
    tables = [n for n, one in tensors.items() if one.ndim == 2 and _is_embedding(n)]
    for table in tables:
        check_shape(tensors, table, p, None)
    if not tables:
        if inputs == 2 * p:
            return weight.T, "one-hot operands side by side", [], []
        if inputs == p:
            return torch.cat([weight.T, weight.T]), "the sum of one-hot operands", [], []
        raise ValueError(f"tensor {name}: expected {2 * p} or {p} inputs for p = {p}, got {inputs}")
    if len(tables) > 2:
        raise ValueError(f"as mlp: expected one or two embeddings, got {', '.join(tables)}")
    left, right = tensors[tables[0]], tensors[tables[-1]]
    kind = "a shared embedding" if len(tables) == 1 else "an embedding of each operand"
    size = left.shape[1]
    if right.shape[1] != size:
        raise ValueError(f"tensor {tables[-1]}: expected {size} columns, got {right.shape[1]}")
    assumed = [] if len(tables) == 1 else [f"{tables[0]} is of the first operand"]
    if inputs == 2 * size:
        rows = [left @ weight[:, :size].T, right @ weight[:, size:].T]
        return torch.cat(rows), f"{kind}, side by side, folded in", tables, assumed
    if inputs == size:
        rows = [left @ weight.T, right @ weight.T]
        return torch.cat(rows), f"{kind}, summed, folded in", tables, assumed
    raise ValueError(
        f"tensor {name}: expected {size} or {2 * size} inputs after embeddings of {size} "
        f"dimensions, got {inputs}"
    )


def _biases(tensors: Tensors, chain: Sequence[str]) -> tuple[dict[str, Tensor], list[str]]:
    """Biases of all layers if one layer has any; those that are lacking are zeros."""
    names = [re.sub(r"weight$", "bias", name) for name in chain]
    if not any(name in tensors for name in names):
        return {}, []
    found = {}
    for index, (name, layer) in enumerate(zip(names, chain, strict=True)):
        size = tensors[layer].shape[0]
        target = f"blocks.{index}.mlp.b_in" if index < len(chain) - 1 else "unembed.b_U"
        zeros = torch.zeros(size, dtype=tensors[layer].dtype)
        found[target] = check_shape(tensors, name, size) if name in tensors else zeros
    return found, [name for name in names if name in tensors]


def _norms(
    tensors: Tensors, chain: Sequence[str], width: int
) -> tuple[dict[str, Tensor], str | None, list[str]]:
    """The norms of the hidden layers, in their order; all hidden layers have one, or none."""
    layers = {name.rpartition(".")[0] for name in chain}
    prefixes = [
        name.rpartition(".")[0]
        for name, one in tensors.items()
        if name.endswith(".weight") and one.ndim == 1 and name.rpartition(".")[0] not in layers
    ]
    if not prefixes:
        return {}, None, []
    if len(prefixes) != len(chain) - 1:
        raise ValueError(
            f"as mlp: expected a norm for each of {len(chain) - 1} hidden layers or none, "
            f"got {', '.join(prefixes)}"
        )
    weights: dict[str, Tensor] = {}
    used: list[str] = []
    kinds = set()
    for index, prefix in enumerate(sorted(prefixes, key=_natural)):
        kind, found, read = _norm(tensors, prefix, width)
        kinds.add(kind)
        weights |= {f"blocks.{index}.mlp.norm.{name}": one for name, one in found.items()}
        used += read
    if len(kinds) > 1:
        raise ValueError("as mlp: expected norms of one kind, got batch and layer norms")
    return weights, kinds.pop(), used


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
