"""A network from a hidden layer on, run again and again with some of its neurons left out."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import torch
from einops import rearrange
from jaxtyping import Float, Int
from torch import Tensor

from interp.training.models.network import Network


class Tail:
    """What follows a hidden layer, on fixed pairs; what precedes it is computed once.

    Args:
        network: computed in its own precision.
        pairs: (pair, 2) operands.
        layer: which hidden layer.

    Attributes:
        hidden: activations, one contiguous row a neuron; for the last block of a Transformer at
            the last position.
        readout: what each neuron adds to the logits; None if they are no sum over neurons.
        base: logits without any neuron, where they are a sum.
    """

    @torch.no_grad()
    def __init__(self, network: Network, pairs: Int[Tensor, "pair 2"], layer: int) -> None:
        post, self._finish = network.tail(pairs, layer)
        self._lead = post.shape[:-1]
        self._matrix = network.read_by(layer).detach()
        rows = rearrange(post, "... neuron -> neuron (...)")
        self.hidden: Float[Tensor, "neuron row"] = rows.contiguous()
        self.readout = network.readout(layer)
        self.base: Float[Tensor, "pair answer"] | None = None
        if self.readout is not None:
            self.base = self._logits(self._written(np.array([], dtype=np.int64)))

    @torch.no_grad()
    def __call__(self, neurons: Int[np.ndarray, " kept"]) -> Float[Tensor, "pair answer"]:
        """Logits with these neurons only."""
        if self.readout is not None and self.base is not None:
            kept = torch.as_tensor(neurons)
            return torch.addmm(self.base, self.hidden[kept].T, self.readout[kept])
        return self._logits(self._written(neurons))

    @torch.no_grad()
    def along(
        self, order: Int[np.ndarray, " neuron"], sizes: Int[np.ndarray, " size"]
    ) -> Iterator[Float[Tensor, "pair answer"]]:
        """Logits after removing the first ``size`` neurons of an order, largest size first.

        What the neurons write is a sum, so each smaller size adds the neurons in between to it.
        """
        written = self._written(np.array([], dtype=np.int64))
        end = len(order)
        for size in sorted(map(int, sizes), reverse=True):
            written += self._written(order[size:end])
            end = size
            yield self._logits(written)

    def _written(self, neurons: Int[np.ndarray, " kept"]) -> Float[Tensor, "row feature"]:
        kept = torch.as_tensor(neurons)
        return self.hidden[kept].T @ self._matrix[kept]

    def _logits(self, written: Float[Tensor, "row feature"]) -> Float[Tensor, "pair answer"]:
        return self._finish(written.view(*self._lead, -1))
