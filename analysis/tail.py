"""A network from a hidden layer on, run again and again with some of its neurons left out."""

from __future__ import annotations

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor

from training.models.initial import Network


class Tail:
    """What follows a hidden layer, on fixed pairs; what precedes it is computed once.

    Args:
        network: computed in its own precision.
        pairs: (pair, 2) operands.
        layer: which hidden layer.
    """

    @torch.no_grad()
    def __init__(self, network: Network, pairs: Int[Tensor, "pair 2"], layer: int) -> None:
        self.post, self._finish = network.tail(pairs, layer)
        self._rows = self.post.flatten(0, -2).T.contiguous()
        self.readout = network.readout(layer)
        self.base: Float[Tensor, "pair answer"] | None = None
        if self.readout is not None:
            self.base = self._finish(torch.zeros_like(self.post))

    @property
    def hidden(self) -> Float[Tensor, "neuron pair"]:
        """Activations, one contiguous row a neuron; at the last position of a Transformer."""
        return self._rows

    @torch.no_grad()
    def __call__(self, neurons: Int[np.ndarray, " kept"]) -> Float[Tensor, "pair answer"]:
        """Logits with these neurons only."""
        if self.readout is not None and self.base is not None:
            kept = torch.as_tensor(neurons)
            return torch.addmm(self.base, self._rows[kept].T, self.readout[kept])
        mask = torch.zeros(self.post.shape[-1], dtype=self.post.dtype)
        mask[torch.as_tensor(neurons)] = 1
        return self._finish(self.post * mask)
