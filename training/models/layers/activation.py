"""What an activation function is, and those there are by name; no torch is loaded before use."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from interp.training.arguments import as_text
from interp.training.registry import Registry, origin_of

# From a tensor to one of the same shape, entry by entry.
Function = Callable[[Any], Any]


@dataclass(frozen=True)
class Activation:
    """φ, and its derivative where it is written by hand.

    Attributes:
        value: φ(pre), differentiable by autograd.
        into: ``(pre, out)``: writes φ(pre) into a buffer.
        backward: ``(gradient, pre)``: multiplies a gradient by φ'(pre), in place.
    """

    value: Function
    into: Callable[[Any, Any], object] | None = None
    backward: Callable[[Any, Any], object] | None = None

    @property
    def by_hand(self) -> bool:
        """Whether the gradient that is written by hand can be taken through it."""
        return self.into is not None and self.backward is not None

    @cached_property
    def degree(self) -> float | None:
        """The d of φ(cx) = c^d φ(x) for every c > 0: 2 for x², 1 for ReLU; None where none is.

        Found on values of both signs in float64, so that activations that users add have it too.
        """
        import numpy as np  # not with the table, which the command line reads before it answers

        pre = np.linspace(-2, 2, 41)
        once, twice, thrice = (self.on(factor * pre) for factor in (1, 2, 3))
        largest, then = np.abs(once).max(), np.abs(twice).max()
        if not (0 < largest < math.inf and 0 < then < math.inf):
            return None
        degree = round(float(np.log2(then / largest)), 9)
        fits = [
            np.allclose(found, factor**degree * once, rtol=1e-7, atol=0)
            for factor, found in ((2, twice), (3, thrice))
        ]
        return degree if all(fits) else None

    def on(self, values: Any) -> Any:
        """φ of the entries of an array: an array of the same shape and precision."""
        import torch

        with torch.no_grad():
            return self.value(torch.as_tensor(values)).numpy()


_HOME = "interp.training.models.layers.activation_functions"
# With the degrees of those that have one, for who reads weights and need not wait for torch.
_DEGREES = {
    **{"square": 2.0, "relu": 1.0, "gelu": None, "gelu_tanh": None, "silu": None, "tanh": None},
    **{"cube": 3.0, "quartic": 4.0, "identity": 1.0},
}

ACTIVATIONS: Registry[Activation] = Registry(
    "activation",
    {name: f"{_HOME}:{name.upper()}" for name in _DEGREES},
    "interp.activations",
)


def degree_of(name: str) -> float | None:
    """The degree of an activation by its name, see :attr:`Activation.degree`."""
    return _DEGREES[name] if name in _DEGREES else ACTIVATIONS[name].degree


def checked(name: str, example: Any) -> Function:
    """The function of a name; one that somebody added is tried on a tensor.

    Raises:
        ValueError: if it gives something of another shape.
    """
    value = ACTIVATIONS[name].value
    if ACTIVATIONS.is_own(name):
        return value
    found = value(example)
    shape, expected = getattr(found, "shape", None), tuple(example.shape)
    if shape is None or tuple(shape) != expected:
        got = type(found).__name__ if shape is None else tuple(shape)
        raise ValueError(f"activation {name!r}: expected a tensor of shape {expected}, got {got}")
    return value


def activation(name: str) -> Callable[[Function], Function]:
    """Adds an activation function, for ``model.activation``; autograd gives its gradient.

    Example::

        @activation("sine")
        def sine(pre):
            return pre.sin()

    Args:
        name: what configurations call it.

    Raises:
        ValueError: if the name is taken.
    """
    as_text(name, "the name of an activation")

    def add(value: Function) -> Function:
        ACTIVATIONS.add(name, Activation(value), origin_of(value))
        return value

    return add
