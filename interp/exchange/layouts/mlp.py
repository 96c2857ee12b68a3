"""Foreign multilayer perceptrons: the paper authors' nets, and plain ``nn.Linear`` chains."""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import torch
from torch import Tensor

from interp.exchange.layouts.config import activation_of
from interp.exchange.layouts.layout import (
    TURNED,
    Hints,
    Layout,
    Recognized,
    Taken,
    Tensors,
    check_shape,
)
from interp.exchange.layouts.norms import natural, take_norm, take_norms


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
    model: dict[str, Any] = {"kind": "mlp", "width": width}
    if "norm1.weight" in tensors:
        model |= {"norm": take_norm(taken, "norm1", 0, width), "norm_at": "post"}
        taken.assumed.append("the norm stands after the activation, as in the authors' code")
    model["activation"] = activation(taken, hints, ("square", "relu", "gelu"))
    told = f"two layers without biases, N = {width}, p = {p}"
    return told_of(p, model, taken, told)


def activation(taken: Taken, hints: Hints, candidates: Sequence[str]) -> str:
    """φ, which no tensor tells; a configuration may."""
    told = activation_of(hints.config) if "activation" not in hints.model else None
    return told or str(taken.choose(hints, "activation", candidates, "activation {}"))


def told_of(p: int, model: dict[str, Any], taken: Taken, told: str) -> Recognized:
    """The network that was taken.

    Raises:
        ValueError: naming a tensor of real numbers that has no place in it.
    """
    for name in taken.left_over:
        if taken.tensors[name].is_floating_point() and taken.tensors[name].ndim:
            raise ValueError(
                f"tensor {name}: expected none of that name and shape; if the network does not "
                f"use it, ignore it"
            )
    assumed, choices = tuple(taken.assumed), tuple(taken.choices)
    return Recognized(p, model, taken.weights, (told,), assumed, taken.left_over, choices)


def is_embedding(name: str) -> bool:
    """Whether a name says that it is a table with a row for every operand."""
    return "emb" in name.lower() and "unemb" not in name.lower()


def _matches_plain(tensors: Tensors) -> bool:
    """Matrices of ``nn.Linear``, which are (outputs × inputs), behind embeddings if any."""
    matrices = [n for n, one in tensors.items() if one.ndim == 2 and not is_embedding(n)]
    others = [one for one in tensors.values() if one.ndim > 2]
    are_linear = all(name.endswith("weight") for name in matrices)
    return are_linear and len(matrices) >= 2 and not others and _chain(tensors) is not None


def _chain(tensors: Tensors) -> list[str] | None:
    """Names of the linear layers, each one's outputs the inputs of the next; None if none fit."""
    names = [n for n, one in tensors.items() if one.ndim == 2 and not is_embedding(n)]
    for order in (names, sorted(names, key=natural)):
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
    told = _take_first(taken, hints, chain[0], p)
    for index, name in enumerate(chain[1:-1], start=1):
        taken.take(name, f"blocks.{index}.mlp.W_in", (width, width), TURNED)
    taken.take(chain[-1], "unembed.W_U", (p, width), TURNED)
    model: dict[str, Any] = {"kind": "mlp", "width": width, "depth": len(chain)}
    if _take_biases(taken, chain):
        model["bias"] = True
    norms = take_norms(taken, chain, width)
    if norms:
        candidates = ("pre", "post")
        norms["norm_at"] = taken.choose(hints, "norm_at", candidates, "norms {}-activation")
    model |= norms
    model["activation"] = activation(taken, hints, ("relu", "square", "gelu"))
    words = f"{len(chain)} linear layers, N = {width}, p = {p}; {told}"
    return told_of(p, model, taken, words)


def _take_first(taken: Taken, hints: Hints, name: str, p: int) -> str:
    """Takes W_in [2p, N], with the embeddings folded in, and tells what it was."""
    tensors = taken.tensors
    tables = [n for n, one in tensors.items() if one.ndim == 2 and is_embedding(n)]
    if len(tables) > 2:
        raise ValueError(f"as mlp: expected one or two embeddings, got {', '.join(tables)}")
    for table in tables:
        if len(tensors[table]) < p:
            check_shape(tensors, table, p, None)
    tables = operands_in_order(taken, hints, tables)
    parts, told = _folded(taken, tables, name, p) if tables else _one_hot(tensors[name], name, p)
    taken.put(name, "blocks.0.mlp.W_in", torch.cat(parts))
    taken.used += tables
    beyond = {len(tensors[table]) - p for table in tables} - {0}
    return told + "".join(f", {count} rows beyond p left out" for count in sorted(beyond))


def _one_hot(weight: Tensor, name: str, p: int) -> tuple[list[Tensor], str]:
    """The parts of W_in for each operand, and what they were."""
    inputs = weight.shape[1]
    if inputs == 2 * p:
        return [weight.T], "one-hot operands side by side"
    if inputs == p:
        return [weight.T, weight.T], "the sum of one-hot operands"
    raise ValueError(f"tensor {name}: expected {2 * p} or {p} inputs for p = {p}, got {inputs}")


def _folded(taken: Taken, tables: Sequence[str], name: str, p: int) -> tuple[list[Tensor], str]:
    """As :func:`_one_hot`, behind one or two embeddings; rows from p on no operand reaches."""
    weight = taken.tensors[name]
    left, right = taken.tensors[tables[0]][:p], taken.tensors[tables[-1]][:p]
    size, inputs = left.shape[1], weight.shape[1]
    if right.shape[1] != size:
        raise ValueError(f"tensor {tables[-1]}: expected {size} columns, got {right.shape[1]}")
    if inputs not in (size, 2 * size):
        raise ValueError(
            f"tensor {name}: expected {size} or {2 * size} inputs after embeddings of {size} "
            f"dimensions, got {inputs}"
        )
    is_joined = inputs > size
    first, second = (weight[:, :size], weight[:, size:]) if is_joined else (weight, weight)
    return [folded(left, first.T), folded(right, second.T)], how_folded(len(tables), is_joined)


def operands_in_order(taken: Taken, hints: Hints, tables: Sequence[str]) -> list[str]:
    """Two embeddings in the order of their operands, by their names where nothing else tells."""
    if len(tables) < 2:
        return list(tables)
    first = taken.choose(
        hints, "first_table", sorted(tables, key=natural), "{} is of the first operand"
    )
    return sorted(tables, key=lambda name: name != first)


def folded(table: Tensor, matrix: Tensor) -> Tensor:
    """What a neuron gets of every element: the embeddings times a matrix, to the last digit."""
    return (table.double() @ matrix.double()).to(table.dtype)


def how_folded(tables: int, is_joined: bool) -> str:
    """What was folded, in words."""
    kind = "a shared embedding" if tables == 1 else "an embedding of each operand"
    return f"{kind}, {'side by side' if is_joined else 'summed'}, folded in"


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
            taken.assumed.append(f"{name}: zeros, as there is none")
    return True


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
