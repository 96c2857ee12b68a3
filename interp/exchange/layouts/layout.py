"""A layout of foreign networks: what it expects, and what its reader gives."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from torch import Tensor

Tensors = Mapping[str, Tensor]


@dataclass(frozen=True)
class Hints:
    """What a state dict does not tell.

    Attributes:
        model: fields of ``model`` that the user has set.
        config: names and values of a foreign configuration beside the weights.
    """

    model: Mapping[str, Any]
    config: Mapping[str, Any]


@dataclass(frozen=True)
class Recognized:
    """A foreign network in this project's terms.

    Attributes:
        p: the modulus.
        model: fields of ``model``.
        weights: this project's parameters and buffers by name.
        recognized, assumed, dropped: what to tell of it, in a few words each.
    """

    p: int
    model: dict[str, Any]
    weights: dict[str, Tensor]
    recognized: tuple[str, ...]
    assumed: tuple[str, ...] = ()
    dropped: tuple[str, ...] = ()


@dataclass(frozen=True)
class Layout:
    """A kind of foreign state dict.

    Attributes:
        name: what a user types.
        expects: its tensors, in words.
        matches: whether a state dict looks like it.
        read: the network in it; a ValueError names the tensor that is not as expected.
    """

    name: str
    expects: str
    matches: Callable[[Tensors], bool]
    read: Callable[[Tensors, Hints], Recognized]


def seen(tensors: Tensors, most: int = 24) -> str:
    """Names and shapes, in one line."""
    parts = [f"{name} {'×'.join(map(str, one.shape)) or 'scalar'}" for name, one in tensors.items()]
    more = f" and {len(parts) - most} more" if len(parts) > most else ""
    return ", ".join(parts[:most]) + more


def check_shape(tensors: Tensors, name: str, *shape: int | None) -> Tensor:
    """The tensor of that name; None in a shape stands for any size.

    Raises:
        ValueError: if it is absent, or of another shape.
    """
    if name not in tensors:
        raise ValueError(f"tensor {name}: expected it, found {seen(tensors)}")
    tensor = tensors[name]
    right = tensor.ndim == len(shape) and all(
        wanted in (None, size) for size, wanted in zip(tensor.shape, shape, strict=True)
    )
    if not right:
        wanted_text = "×".join("any" if size is None else str(size) for size in shape)
        raise ValueError(
            f"tensor {name}: expected shape {wanted_text}, "
            f"got {'×'.join(map(str, tensor.shape)) or 'a scalar'}"
        )
    return tensor


def left_over(tensors: Tensors, used: Sequence[str]) -> tuple[str, ...]:
    """Tensors that nobody read."""
    return tuple(name for name in tensors if name not in set(used))
