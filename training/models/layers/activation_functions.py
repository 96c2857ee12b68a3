"""The activation functions with hand-written derivatives, which work in given buffers."""

from __future__ import annotations

from functools import partial

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

CUBE = Activation(
    value=lambda pre: pre**3,
    into=lambda pre, out: torch.pow(pre, 3, out=out),
    backward=lambda gradient, pre: gradient.mul_(pre).mul_(pre).mul_(3),
)
QUARTIC = Activation(
    value=lambda pre: pre**4,
    into=lambda pre, out: torch.mul(pre, pre, out=out).square_(),
    backward=lambda gradient, pre: gradient.mul_(pre).mul_(pre).mul_(pre).mul_(4),
)
TANH = Activation(
    value=torch.tanh,
    into=lambda pre, out: torch.tanh(pre, out=out),
    backward=lambda gradient, pre: gradient.mul_(1 - pre.tanh().square_()),
)
IDENTITY = Activation(
    value=lambda pre: pre,
    into=lambda pre, out: out.copy_(pre),
    backward=lambda gradient, pre: gradient,
)


def _gelu_backward(gradient: Pre, pre: Pre, form: str = "none") -> None:
    torch.ops.aten.gelu_backward.grad_input(gradient, pre, approximate=form, grad_input=gradient)


def _silu_backward(gradient: Pre, pre: Pre) -> None:
    torch.ops.aten.silu_backward.grad_input(gradient, pre, grad_input=gradient)


GELU = Activation(
    value=torch.nn.functional.gelu,
    into=lambda pre, out: torch.ops.aten.gelu.out(pre, out=out),
    backward=_gelu_backward,
)
GELU_TANH = Activation(
    value=partial(torch.nn.functional.gelu, approximate="tanh"),
    into=lambda pre, out: torch.ops.aten.gelu.out(pre, approximate="tanh", out=out),
    backward=partial(_gelu_backward, form="tanh"),
)
SILU = Activation(
    value=torch.nn.functional.silu,
    into=lambda pre, out: torch.ops.aten.silu.out(pre, out=out),
    backward=_silu_backward,
)
