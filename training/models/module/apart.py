"""What a linear layer makes of each operand, where it sees the operands apart."""

from __future__ import annotations

from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor, nn

from interp.training.models.module.find import near
from interp.training.models.module.watched import Place, Tap

Curve = Float[Tensor, "p neuron"]


@torch.no_grad()
def operands_apart(
    network: Any, layer: int, pre: Float[Tensor, "p p neuron"]
) -> tuple[Curve, Curve] | None:
    """Pre-activations by each operand alone, without the bias; None where they cannot be told.

    Two ways are tried: the linear layer that gives the pre-activation is asked with the features
    of one operand, if each of its inputs depends on one only (one-hot operands or embeddings, side
    by side); and a module that takes one-hot operands is asked with one of them. What is found
    must add up to the pre-activation, but for a constant.

    Args:
        network: an adapted network.
        layer: which of its layers.
        pre: pre-activations on all pairs.
    """
    for found in (_by_features(network, layer), _by_one_hot(network, layer)):
        if found is not None:
            rest = pre - found[0][:, None] - found[1]
            if near(rest - rest[0, 0] + pre, pre):
                return found
    return None


def _by_features(network: Any, layer: int) -> tuple[Curve, Curve] | None:
    found = _linear_input(network, layer)
    if found is None or found[1].ndim != 2:
        return None
    part, features = found
    p = network.task.p
    grid = features.reshape(p, p, -1)
    moved_by = [(grid != grid[:1]).any(dim=(0, 1)), (grid != grid[:, :1]).any(dim=(0, 1))]
    if (moved_by[0] & moved_by[1]).any():
        return None
    rows = (grid[:, 0] * moved_by[0], grid[0] * moved_by[1])
    nothing = part(torch.zeros_like(grid[:1, 0]))
    return part(rows[0]) - nothing, part(rows[1]) - nothing


def _linear_input(network: Any, layer: int) -> tuple[nn.Module, Tensor] | None:
    """The linear layer whose output the pre-activation is, and its input on all pairs."""
    place: Place = network.layers[layer].place
    named = network.module.get_submodule(place.path)
    linear = {place.path: named} if not place.before else dict(network.module.named_modules())
    seen: list[tuple[nn.Module, Tensor, Tensor]] = []
    handles = [
        part.register_forward_hook(
            lambda part, args, out: seen.append((part, args[0].clone(), out))
        )
        for part in linear.values()
        if not place.before or isinstance(part, nn.Linear)
    ]
    given: list[Tensor] = []

    def visit(number: int, value: Tensor) -> Tensor:
        if number == 0:
            given.append(value)
        return value

    p = network.task.p
    pairs = torch.cartesian_prod(torch.arange(p), torch.arange(p))
    try:
        network.output(pairs, [Tap(place, visit)])
    finally:
        for handle in handles:
            handle.remove()
    same = [one for one in seen if one[2] is given[0]]
    return (same[0][0], same[0][1]) if same else None


def _by_one_hot(network: Any, layer: int) -> tuple[Curve, Curve] | None:
    if network.inputs.name != "one-hot":
        return None
    p = network.task.p
    rows = torch.cat([torch.eye(2 * p), torch.zeros(1, 2 * p)]).to(network.dtype)
    given: list[Tensor] = []

    def visit(number: int, value: Tensor) -> Tensor:
        if number == 0:
            given.append(value.clone())
        return value

    network.output_of((rows,), {}, [Tap(network.layers[layer].place, visit)])
    if given[0].ndim != 2:
        return None
    alone = given[0][:-1] - given[0][-1]
    return alone[:p], alone[p:]
