"""Activation functions with hand-written derivatives, working in given buffers."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from interp.training.config.sections import ActivationName

Pre = Float[Tensor, "pair neuron"]


@dataclass(frozen=True)
class Activation:
    """φ and its derivative.

    Attributes:
        value: φ(pre), differentiable by autograd.
        into: writes φ(pre) into a buffer.
        backward: multiplies a gradient by φ'(pre), in place.
    """

    value: Callable[[Tensor], Tensor]
    into: Callable[[Pre, Pre], object]
    backward: Callable[[Pre, Pre], object]


def _gelu_backward(gradient: Pre, pre: Pre) -> None:
    torch.ops.aten.gelu_backward.grad_input(gradient, pre, grad_input=gradient)


ACTIVATIONS: Mapping[ActivationName, Activation] = {
    "square": Activation(
        value=torch.square,
        into=lambda pre, out: torch.mul(pre, pre, out=out),
        backward=lambda gradient, pre: gradient.mul_(pre).mul_(2),
    ),
    "relu": Activation(
        value=torch.relu,
        into=lambda pre, out: torch.clamp(pre, min=0, out=out),
        backward=lambda gradient, pre: gradient.mul_(pre > 0),
    ),
    "gelu": Activation(
        value=torch.nn.functional.gelu,
        into=lambda pre, out: torch.ops.aten.gelu.out(pre, out=out),
        backward=_gelu_backward,
    ),
}
