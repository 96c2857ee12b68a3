"""Multilayer perceptrons whose matrices are plain parameters, stored in either orientation."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Any

import torch
from torch import Tensor

from interp.exchange.layouts.cleaned import sizes_of_bases
from interp.exchange.layouts.config import modulus_of
from interp.exchange.layouts.layout import Hints, Layout, Recognized, Taken, Tensors, seen
from interp.exchange.layouts.mlp import (
    activation,
    folded,
    how_folded,
    is_embedding,
    operands_in_order,
    told_of,
)
from interp.exchange.layouts.norms import bias_names, natural
from interp.training.tasks.table import LARGEST_P

_MAX_P = LARGEST_P
_ROWS, _COLUMNS = "x @ W", "W @ x"  # (input × output) and (output × input)
# Tables of operands that do not say "emb": the first operand's, then the second's.
_FIRST = ("w_x", "w_a", "u", "e_x", "e_a", "left", "w_left")
_SECOND = ("w_y", "w_b", "v", "e_y", "e_b", "right", "w_right")
_SHARED = ("w_e", "e")
_LAST = ("w_u", "w_out", "unembed", "unembed.weight", "w_unembed")  # makes the logits


@dataclass(frozen=True)
class _Reading:
    """One way in which the shapes fit.

    Attributes:
        orientation: of the matrices.
        p: the modulus.
        chain: names of the matrices from the operands or their embeddings to the logits.
        matrices: the same, (input × output).
        tables: (element × dimension), the first operand's first; empty for one-hot operands.
        joined: whether the first matrix has rows for both operands.
        names: of the tables.
    """

    orientation: str
    p: int
    chain: tuple[str, ...]
    matrices: tuple[Tensor, ...]
    tables: tuple[Tensor, ...]
    joined: bool
    names: tuple[str, ...] = ()

    @property
    def widths(self) -> set[int]:
        """Sizes of the hidden layers."""
        inner = {one.shape[1] for one in self.matrices[:-1]}
        return inner | ({self.matrices[0].shape[0]} if self.is_direct else set())

    @property
    def is_direct(self) -> bool:
        """Whether the tables are the first layer themselves: φ(U e_m + V e_n)."""
        return len(self.matrices) == 1


def _last(name: str) -> str:
    return name.removesuffix(".weight").rpartition(".")[2].lower()


def _is_table(name: str) -> bool:
    return is_embedding(name) or _last(name) in (*_FIRST, *_SECOND, *_SHARED)


def _matches(tensors: Tensors) -> bool:
    matrices = [name for name, one in tensors.items() if one.ndim == 2]
    flat = all(one.ndim <= 2 for one in tensors.values())
    return flat and len(matrices) >= 2 and any(_readings(tensors))


def _readings(tensors: Tensors) -> Iterator[_Reading]:
    """Every way in which the shapes fit, the likelier order of the matrices first."""
    names = [name for name, one in tensors.items() if one.ndim == 2]
    tables = [name for name in names if _is_table(name)]
    tables.sort(key=lambda name: (_last(name) in _SECOND, natural(name)))
    if len(tables) == 1 and _last(tables[0]) in (*_FIRST, *_SECOND) and _last(tables[0]) != "u":
        return  # the other operand's is missing
    chain = [name for name in names if name not in tables]
    orders = (chain, sorted(chain, key=natural))
    seen_before: set[tuple[str, ...]] = set()
    for order in orders:
        ordered = tuple(sorted(order, key=lambda n: _last(n) in _LAST))
        if ordered and len(tables) <= 2 and ordered not in seen_before:
            seen_before.add(ordered)
            for orientation in (_ROWS, _COLUMNS):
                yield from _fitting(tensors, ordered, tables, orientation)


def _fitting(
    tensors: Tensors, chain: tuple[str, ...], tables: Sequence[str], orientation: str
) -> Iterator[_Reading]:
    """The reading in one order and orientation, if the shapes fit."""
    matrices = tuple(_turned(tensors[name], name, orientation) for name in chain)
    p, inputs = matrices[-1].shape[1], matrices[0].shape[0]
    if p > _MAX_P or any(a.shape[1] != b.shape[0] for a, b in pairwise(matrices)):
        return
    rows = [_table(tensors[name], p, orientation) for name in tables]
    found = tuple(one for one in rows if one is not None)
    if len(found) < len(tables) or len({one.shape[1] for one in found}) > 1:
        return
    size = found[0].shape[1] if found else p
    direct = len(matrices) == 1
    if inputs not in ((size,) if direct else (size, 2 * size)) or (direct and not found):
        return
    joined = inputs == 2 * size
    reading = _Reading(orientation, p, chain, matrices, found, joined, tuple(tables))
    if len(reading.widths) == 1:
        yield reading


def _turned(tensor: Tensor, name: str, orientation: str) -> Tensor:
    """A matrix as (input × output); those of ``nn.Linear`` are stored turned."""
    stored_turned = orientation == _COLUMNS or name.endswith(".weight")
    return tensor.T if stored_turned else tensor


def _table(tensor: Tensor, p: int, orientation: str) -> Tensor | None:
    """An embedding with a row for every element, None if neither axis has p."""
    if tensor.shape[0] == tensor.shape[1] == p:
        return tensor if orientation == _ROWS else tensor.T
    turned = {0: tensor, 1: tensor.T}
    return next((turned[axis] for axis in (0, 1) if tensor.shape[axis] == p), None)


def _read(tensors: Tensors, hints: Hints) -> Recognized:
    """Matrices on one-hot operands or their embeddings; the latter are folded in."""
    taken = Taken(tensors)
    reading = _in_order(_chosen(taken, hints), taken, hints)
    width, p = reading.widths.pop(), reading.p
    first = _first_layer(reading)
    inner = reading.matrices[:-1] if reading.is_direct else reading.matrices[1:-1]
    taken.weights |= {"blocks.0.mlp.W_in": first, "unembed.W_U": reading.matrices[-1]}
    for index, matrix in enumerate(inner, start=1):
        taken.weights[f"blocks.{index}.mlp.W_in"] = matrix
    taken.used += [name for name, one in tensors.items() if one.ndim == 2]
    depth = len(reading.chain) + reading.is_direct
    model: dict[str, Any] = {"kind": "mlp", "width": width, "depth": depth}
    if _take_biases(taken, reading, depth):
        model["bias"] = True
    model["activation"] = activation(taken, hints, ("relu", "square", "gelu"))
    return told_of(p, model, taken, f"{depth} layers, N = {width}, p = {p}; {_told(reading)}")


def _chosen(taken: Taken, hints: Hints) -> _Reading:
    """The only reading, or one of those that fit, which is noted.

    Raises:
        ValueError: if there is none for the p that is known.
    """
    fitting = list(_readings(taken.tensors))
    told = hints.settled("p") or modulus_of(hints.config)
    wanted = {int(told)} if told else sizes_of_bases(hints.constants)
    if wanted & {one.p for one in fitting} or told:
        fitting = [one for one in fitting if one.p in wanted]
    if not fitting:
        raise ValueError(
            f"as raw: expected matrices that follow one another from p = {told or '?'} elements to "
            f"p logits; found {seen(taken.tensors)}"
        )
    fitting.sort(key=lambda one: one.p)  # a hidden layer is wider than p more often than not
    by_name = {one.orientation: one for one in reversed(fitting)}
    asked = hints.settled("orientation")
    if asked is not None and asked not in by_name:
        raise ValueError(f"orientation: expected {' or '.join(by_name)}, got {asked!r}")
    if len(by_name) == 1:
        return fitting[0]
    order = [fitting[0].orientation, *(name for name in by_name if name != fitting[0].orientation)]
    words = "matrices multiplied as {}"
    return by_name[str(taken.choose(hints, "orientation", order, words))]


def _in_order(reading: _Reading, taken: Taken, hints: Hints) -> _Reading:
    """With the first operand's table first, which names may tell, and else is noted."""
    if len(reading.names) < 2 or any(_last(n) in (*_FIRST, *_SECOND) for n in reading.names):
        return reading
    if operands_in_order(taken, hints, reading.names)[0] == reading.names[0]:
        return reading
    return replace(reading, tables=reading.tables[::-1], names=reading.names[::-1])


def _first_layer(reading: _Reading) -> Tensor:
    """W_in [2p, N]."""
    if not reading.tables:
        matrix = reading.matrices[0]
        return matrix if reading.joined else torch.cat([matrix, matrix])
    left, right = reading.tables[0], reading.tables[-1]
    if reading.is_direct:
        return torch.cat([left, right])
    matrix, size = reading.matrices[0], left.shape[1]
    first, second = (matrix[:size], matrix[size:]) if reading.joined else (matrix, matrix)
    return torch.cat([folded(left, first), folded(right, second)])


def _told(reading: _Reading) -> str:
    if reading.is_direct:
        what = "a matrix of each operand" if len(reading.tables) == 2 else "one matrix shared"
    elif reading.tables:
        what = how_folded(len(reading.tables), reading.joined)
    else:
        what = "one-hot operands side by side" if reading.joined else "one matrix shared by both"
    return f"{what}; {reading.orientation}"


def _take_biases(taken: Taken, reading: _Reading, depth: int) -> bool:
    """Takes the biases that bear a matrix' name with b for W; those that are lacking are zeros."""
    ours = [*(f"blocks.{index}.mlp.b_in" for index in range(depth - 1)), "unembed.b_U"]
    places = ours[-len(reading.chain) :]
    found = {}
    for name, place, matrix in zip(reading.chain, places, reading.matrices, strict=True):
        for bias in bias_names(name):
            if bias in taken.tensors:
                taken.take(bias, place, (matrix.shape[1],))
                found[place] = bias
                break
    if not found:
        return False
    width = reading.matrices[-1].shape[0]
    for place in ours:
        if place not in found:
            size = reading.p if place == "unembed.b_U" else width
            taken.weights[place] = reading.matrices[-1].new_zeros(size)
            taken.assumed.append(f"{place}: zeros, as there is none")
    return True


RAW = Layout(
    "raw",
    "matrices that follow one another, stored for x @ W or for W @ x, from 2p or p inputs, or "
    "tables of the operands (W_x, W_y, W_E, U, V, *emb*), to p logits",
    _matches,
    _read,
)
