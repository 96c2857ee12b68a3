"""A hidden layer of somebody's module: its hook points, and which of its neurons are left."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn

from interp.training.models.hooks import HookPoint
from interp.training.models.module.watched import Place, Visit

# Of a layer's activations: what takes their place.
Change = Callable[[Tensor], Tensor]


class AdaptedLayer(nn.Module):
    """A hidden layer of somebody's module, as it is seen from outside.

    ``hook_pre`` sees the pre-activation, ``hook_post`` the activation, and ``keep`` [N] says which
    neurons are left: the activation of the others is zero.
    """

    keep: Tensor

    def __init__(self, index: int, place: Place) -> None:
        super().__init__()
        self.index, self.place, self.norm = index, place, None
        self.hook_pre, self.hook_post = HookPoint(), HookPoint()
        self.register_buffer("keep", torch.ones(place.width, dtype=torch.bool))

    @property
    def width(self) -> int:
        """Number of neurons."""
        return self.place.width

    @property
    def activation(self) -> None:
        """None: which φ somebody's module has is not known."""
        return None

    def masked(self, post: Tensor) -> Tensor:
        """Activations with zeros for the neurons that are pruned."""
        return post if self.keep.all() else torch.where(self.keep, post, torch.zeros_like(post))


class AdaptedBlock(nn.Module):
    """Gives a layer's hook points their TransformerLens names."""

    def __init__(self, layer: AdaptedLayer) -> None:
        super().__init__()
        self.mlp = layer


def visit_of(layer: AdaptedLayer, change: Change | None) -> Visit:
    """Shows a pass to the layer's hook points, masks and changes its activations.

    What they see is a copy, and the module goes on with another: it may overwrite its own.
    """

    def visit(number: int, value: Tensor) -> Tensor:
        if number == 0:
            value = layer.hook_pre(value.clone()).clone()
        if number == layer.place.value:
            value = layer.masked(value.clone())
            value = layer.hook_post(value if change is None else change(value)).clone()
        return value

    return visit
