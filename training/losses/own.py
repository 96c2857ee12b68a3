"""Losses that users define, by their value; autograd gives the gradient."""

from __future__ import annotations

from collections.abc import Callable

import torch
from jaxtyping import Float, Int
from torch import Tensor

from interp.training.arguments import as_text, some
from interp.training.losses.loss import LOSSES, Loss
from interp.training.registry import origin_of

# Logits (example, answer) and labels (example) to the loss of each example, differentiable.
Value = Callable[[Tensor, Tensor], Tensor]


def loss(name: str, label: str | None = None, unit: str = "") -> Callable[[Value], Value]:
    """Adds a loss by its value, for configurations and everything that scores a network.

    Example::

        @loss("hinge")
        def hinge(logits, labels):
            right = logits.gather(1, labels[:, None])
            return (1 + logits - right).clamp(min=0).sum(dim=1) - 1

    Args:
        name: what configurations call it.
        label: what figures and sentences call it; the name by default.
        unit: of its values, if they have one.

    Raises:
        ValueError: if the name is taken.
    """
    as_text(name, "the name of a loss")
    as_text(unit, "unit")
    some(label, str, "label as text")

    def add(value: Value) -> Value:
        origin_of(value)
        row = Loss(name, label or name, _into_gradient(name, value), _each(name, value), unit)
        LOSSES.add(name, row, origin_of(value))
        return value

    return add


def _into_gradient(name: str, value: Value) -> Callable[[Tensor, Tensor], Tensor]:
    def into_gradient(
        logits: Float[Tensor, "*run example answer"], label_at: Int[Tensor, " label"]
    ) -> Float[Tensor, "*run"]:
        rows = logits.view(-1, logits.shape[-1])
        with torch.enable_grad():
            given = rows.detach().clone().requires_grad_()
            found = _checked(name, value(given, label_at % logits.shape[-1]), len(rows))
            (gradient,) = torch.autograd.grad(found.sum(), given)
        rows.copy_(gradient)
        return found.detach().view(logits.shape[:-1]).sum(dim=-1)

    return into_gradient


def _each(name: str, value: Value) -> Callable[[Tensor, Tensor, Tensor], Tensor]:
    def each(
        logits: Float[Tensor, "*run pair answer"],
        labels: Int[Tensor, "*run label pair"],
        labelled: Float[Tensor, "*run label pair"],
    ) -> Float[Tensor, "*run label pair"]:
        rows = logits.double().flatten(0, -2)
        found = [
            _checked(name, value(rows, one.flatten()), len(rows)).view(one.shape)
            for one in labels.unbind(-2)
        ]
        return torch.stack(found, dim=-2).double()

    return each


def _checked(name: str, found: Tensor, examples: int) -> Tensor:
    if tuple(found.shape) != (examples,):
        raise ValueError(
            f"loss {name!r}: expected a value for each of {examples} examples, "
            f"got shape {tuple(found.shape)}"
        )
    return found
