"""What every neuron adds to the margin of one answer over another, example by example."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float, Int

from interp.analysis.ablation.tail import Tail
from interp.analysis.measure import NotDefined
from interp.training.models.network import Network


@dataclass(frozen=True, eq=False)
class Votes:
    """Margins of one answer over another, in parts.

    Attributes:
        each: what each neuron adds to the margin of each example, in units of logits.
        base: the rest of the margin: that of the network without any neuron of the layer where
            the logits are a sum over them, and else also what is not of first order.
        exact: whether the logits are such a sum.
    """

    each: Float[np.ndarray, "example neuron"]
    base: Float[np.ndarray, " example"]
    exact: bool = True

    def __len__(self) -> int:
        return len(self.each)

    @property
    def margin(self) -> Float[np.ndarray, " example"]:
        """Logit of the one answer minus that of the other."""
        return np.asarray(self.each.sum(axis=1) + self.base)

    def among(self, examples: np.ndarray) -> Votes:
        """Of some examples only, by mask or number."""
        return Votes(self.each[examples], self.base[examples], self.exact)


def votes(
    network: Network,
    pairs: Int[np.ndarray, "example 2"],
    ahead: Int[np.ndarray, " example"],
    behind: Int[np.ndarray, " example"],
    layer: int,
) -> Votes:
    """Votes of a layer's neurons for the margin of the answers ``ahead`` over those ``behind``.

    C[e, k] = A[e, k] · (W[ahead, k] − W[behind, k]) with activations A and the map W from neurons
    to logits. Where the logits are no sum over the layer's neurons, activation times gradient of
    the margin, summed over positions: what the margin loses to first order without the neuron.

    Args:
        network: computed in its own precision.
        pairs: operands.
        ahead: an answer to each pair.
        behind: another one.
        layer: which hidden layer.

    Raises:
        NotDefined: if the logits are no sum and have no gradient by the activations.
    """
    tail = Tail(network, torch.as_tensor(pairs), layer)
    if tail.readout is None or tail.base is None:
        return _first_order(network, pairs, ahead, behind, layer)
    readout, base = tail.readout.detach().numpy(), tail.base.numpy()
    row = np.arange(len(pairs))
    difference = (readout[:, ahead] - readout[:, behind]).T
    each = tail.hidden.numpy().T * difference
    return Votes(np.ascontiguousarray(each), base[row, ahead] - base[row, behind])


def _first_order(
    network: Network,
    pairs: Int[np.ndarray, "example 2"],
    ahead: Int[np.ndarray, " example"],
    behind: Int[np.ndarray, " example"],
    layer: int,
) -> Votes:
    row = np.arange(len(pairs))
    with torch.enable_grad():
        post, finish = network.tail(torch.as_tensor(pairs), layer)
        post = post.detach().requires_grad_()
        logits = finish(post @ network.read_by(layer).detach())
        margin = logits[row, ahead] - logits[row, behind]
        if not margin.requires_grad:
            raise NotDefined(
                "measure memory: expected logits that are a sum over the neurons or have a "
                "gradient by their activations, got neither"
            )
        # A pair's margin depends on its own activations alone, so a sum over pairs mixes nothing.
        (gradient,) = torch.autograd.grad(margin.sum(), post)
    parts = (post.detach() * gradient).reshape(len(pairs), -1, post.shape[-1])
    each = parts.sum(dim=1).numpy()
    return Votes(each, margin.detach().numpy() - each.sum(axis=1), exact=False)
