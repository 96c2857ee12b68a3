"""The norms of a foreign multilayer perceptron's hidden layers."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from torch import Tensor

from interp.exchange.layouts.layout import Taken
from interp.training.models.layers.norm import EPS

_LAYER = {"weight": "w", "bias": "b"}
_BATCH = {**_LAYER, "running_mean": "mean", "running_var": "var"}


def natural(name: str) -> list[Any]:
    """What names are sorted by: numbers in them count as numbers."""
    return [int(part) if part.isdigit() else part for part in re.split(r"(\d+)", name)]


def take_norm(taken: Taken, prefix: str, layer: int, width: int) -> str:
    """Takes the norm of a layer, and tells its kind: one with running statistics is batch norm."""
    is_batch = f"{prefix}.running_mean" in taken.tensors
    for theirs, ours in _BATCH.items() if is_batch else _LAYER.items():
        taken.take(f"{prefix}.{theirs}", f"blocks.{layer}.mlp.norm.{ours}", (width,))
    return "batch" if is_batch else "layer"


def take_norms(taken: Taken, chain: Sequence[str], width: int) -> str | None:
    """Takes the norms of the hidden layers: all layers have one, or none.

    A batch norm that is missing while others are there stands as one that changes nothing.
    """
    layers = {name.rpartition(".")[0] for name in chain}
    prefixes = [
        name.rpartition(".")[0]
        for name, one in taken.tensors.items()
        if name.endswith(".weight") and one.ndim == 1 and name.rpartition(".")[0] not in layers
    ]
    if not prefixes:
        return None
    places = _norm_places(prefixes, chain)
    kinds = {take_norm(taken, prefix, index, width) for index, prefix in places.items()}
    if len(kinds) > 1:
        raise ValueError("as mlp: expected norms of one kind, got batch and layer norms")
    (kind,) = kinds
    missing = [index for index in range(len(chain) - 1) if index not in places]
    if missing and kind != "batch":
        raise ValueError(
            f"as mlp: expected a layer norm for each of {len(chain) - 1} hidden layers or none, "
            f"got {', '.join(prefixes)}"
        )
    for index in missing:
        taken.weights |= _no_norm(index, taken.tensors[chain[0]].new_ones(width))
        taken.assumed.append(f"no norm on hidden layer {index + 1}")
    return kind


def _norm_places(prefixes: Sequence[str], chain: Sequence[str]) -> dict[int, str]:
    """The hidden layer, from 0, of each norm: in order, or the layer that stands before it."""
    ordered = sorted(prefixes, key=natural)
    if len(ordered) == len(chain) - 1:
        return dict(enumerate(ordered))
    layers = [name.rpartition(".")[0] for name in chain]
    lists = {name.rpartition(".")[0] for name in (*layers, *ordered)}
    before = [sum(natural(layer) < natural(one) for layer in layers) - 1 for one in ordered]
    numbered = len(lists) == 1 and all(
        name.rpartition(".")[2].isdigit() for name in (*layers, *ordered)
    )
    right = len(set(before)) == len(before) and all(0 <= i < len(chain) - 1 for i in before)
    if not numbered or not right:
        raise ValueError(
            f"as mlp: expected a norm for each of {len(chain) - 1} hidden layers or none, "
            f"got {', '.join(prefixes)}"
        )
    return dict(zip(before, ordered, strict=True))


def _no_norm(index: int, one: Tensor) -> dict[str, Tensor]:
    """A batch norm that leaves every value as it is."""
    values = {"w": one, "b": 0 * one, "mean": 0 * one, "var": one - EPS}
    return {f"blocks.{index}.mlp.norm.{name}": value for name, value in values.items()}
