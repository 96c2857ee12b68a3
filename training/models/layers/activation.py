"""What an activation function is, and those there are by name; no torch is loaded before use."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
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


_HOME = "interp.training.models.layers.activation_functions"
_NAMES = (
    *("square", "relu", "gelu", "gelu_tanh", "silu", "tanh"),
    *("cube", "quartic", "identity"),
)

ACTIVATIONS: Registry[Activation] = Registry(
    "activation",
    {name: f"{_HOME}:{name.upper()}" for name in _NAMES},
    "interp.activations",
)


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
