"""The norms of a foreign multilayer perceptron's hidden layers."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from torch import Tensor

from interp.exchange.layouts.layout import Taken
from interp.training.models.arrays import NORM_EPS

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


def take_norms(taken: Taken, chain: Sequence[str], width: int) -> dict[str, Any]:
    """Takes the norms of the hidden layers, and gives the fields of ``model`` that follow.

    The last hidden layer may lack a norm that the others have. A batch norm that another layer
    lacks stands as one that changes nothing.

    Raises:
        ValueError: for norms of two kinds, or fewer than there are places for.
    """
    layers = {name.rpartition(".")[0] for name in chain}
    prefixes = [
        name.rpartition(".")[0]
        for name, one in taken.tensors.items()
        if name.endswith(".weight") and one.ndim == 1 and name.rpartition(".")[0] not in layers
    ]
    if not prefixes:
        return {}
    places = _places(prefixes, chain)
    kinds = {take_norm(taken, prefix, index, width) for index, prefix in places.items()}
    if len(kinds) > 1:
        raise ValueError("as mlp: expected norms of one kind, got batch and layer norms")
    (kind,) = kinds
    last = len(chain) - 2
    missing = [index for index in range(last) if index not in places]
    if missing and kind != "batch":
        raise _too_few(prefixes, chain)
    for index in missing:
        taken.weights |= _no_norm(index, taken.tensors[chain[0]].new_ones(width))
    absent = [str(index + 1) for index in range(last + 1) if index not in places]
    if absent:
        taken.assumed.append(f"no norm on hidden layer {', '.join(absent)} of {last + 1}")
    return {"norm": kind, **({} if last in places else {"norm_last": False})}


def _places(prefixes: Sequence[str], chain: Sequence[str]) -> dict[int, str]:
    """The hidden layer, from 0, of each norm.

    Norms that stand in one numbered list with the matrices follow the matrix before them; those
    of a list of their own (``norms.0``) bear the layer's number where they are too few for all.
    """
    ordered, hidden = sorted(prefixes, key=natural), len(chain) - 1
    layers = [name.rpartition(".")[0] for name in chain]
    lists = [{name.rpartition(".")[0] for name in names} for names in (layers, ordered)]
    numbered = all(name.rpartition(".")[2].isdigit() for name in (*layers, *ordered))
    if numbered and len(lists[0]) == 1 and lists[0] == lists[1]:
        numbers = [sum(natural(layer) < natural(one) for layer in layers) - 1 for one in ordered]
    elif numbered and len(lists[1]) == 1 and len(ordered) < hidden:
        numbers = [int(name.rpartition(".")[2]) for name in ordered]
    else:
        numbers = list(range(len(ordered))) if len(ordered) == hidden else []
    if len(set(numbers)) != len(ordered) or not all(0 <= one < hidden for one in numbers):
        raise _too_few(prefixes, chain)
    return dict(zip(numbers, ordered, strict=True))


def _too_few(prefixes: Sequence[str], chain: Sequence[str]) -> ValueError:
    return ValueError(
        f"as mlp: expected a norm for each of {len(chain) - 1} hidden layers or none, "
        f"got {', '.join(prefixes)}: on which layers is not told"
    )


def _no_norm(index: int, one: Tensor) -> dict[str, Tensor]:
    """A batch norm that leaves every value as it is."""
    values = {"w": one, "b": 0 * one, "mean": 0 * one, "var": one - NORM_EPS}
    return {f"blocks.{index}.mlp.norm.{name}": value for name, value in values.items()}


def bias_names(name: str) -> list[str]:
    """What the bias of a matrix may be called: ``b_in``, ``b1`` or ``l1.bias``."""
    stem, dot, last = name.rpartition(".")
    if last == "weight":
        return [f"{stem}.bias"]
    renamed = re.sub("[Ww]", "b", last, count=1)
    names = (renamed, f"{last}_bias", f"bias_{last}")
    return [f"{stem}{dot}{one}" for one in names if one != last]
