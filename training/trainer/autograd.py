"""The gradient of a step of any network, by autograd."""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor

from interp.training.losses.loss import LOSSES
from interp.training.models.layers.noise import Noise
from interp.training.models.network import Network
from interp.training.trainer.batches import Examples


class AutogradGradients:
    """Loss and gradients of any network, for one run or for a cohort along a run axis.

    Operands and attention are looked up (see ``models.lookup`` and ``models.tables``) and the
    gradient of the loss is written by hand; autograd does the rest.

    Args:
        network: its parameters, with or without a run axis, get their ``.grad`` fields here.
        examples: with a run axis if the network has one.
        loss: name of the loss.
        noise: dropout of the step.
    """

    def __init__(
        self, network: Network, examples: Examples, loss: str, noise: Noise | None = None
    ) -> None:
        self._network, self._examples = network, examples
        row, self._noise = LOSSES[loss], noise
        self._into_gradient = row.into_gradient
        for weight in network.parameters():
            if weight.grad is None:
                weight.grad = torch.zeros_like(weight)
        shape = examples.count, examples.answers
        self._scale, self._terms = row.scale(*shape), row.terms(*shape)

    def __call__(self) -> Float[Tensor, "*run"]:
        """Fills the parameters' ``.grad`` and returns the mean loss at the current weights."""
        torch._foreach_zero_([w.grad for w in self._network.parameters() if w.grad is not None])
        logits = self._network.logits(self._examples.pairs, self._noise).contiguous()
        gradient = logits.detach()
        loss: Tensor = self._into_gradient(gradient, self._examples.label_at)
        torch.autograd.backward(logits, gradient.mul_(self._scale))
        return loss / self._terms
