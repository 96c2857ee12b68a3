"""The activation functions with hand-written derivatives, which work in given buffers."""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor

from interp.training.models.layers.activation import Activation

Pre = Float[Tensor, "pair neuron"]

SQUARE = Activation(
    value=torch.square,
    into=lambda pre, out: torch.mul(pre, pre, out=out),
    backward=lambda gradient, pre: gradient.mul_(pre).mul_(2),
)
RELU = Activation(
    value=torch.relu,
    into=lambda pre, out: torch.clamp(pre, min=0, out=out),
    backward=lambda gradient, pre: gradient.mul_(pre > 0),
)


def _gelu_backward(gradient: Pre, pre: Pre) -> None:
    torch.ops.aten.gelu_backward.grad_input(gradient, pre, grad_input=gradient)


GELU = Activation(
    value=torch.nn.functional.gelu,
    into=lambda pre, out: torch.ops.aten.gelu.out(pre, out=out),
    backward=_gelu_backward,
)
