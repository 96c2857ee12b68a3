"""Neurons whose activations follow from one number for each operand."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor

from interp.training.models.layers.activation import ACTIVATIONS
from interp.training.models.network import Network
from interp.training.models.parts import cached_parts
from interp.training.runs.checkpoint import Checkpoint

_TOLERANCE = 1e-9  # of the largest activation, in float64


@dataclass(frozen=True, eq=False)
class Additive:
    """Logits of (m, n) are Σ_k φ(first[k, m] + second[k, n]) · readout[k] and what is constant.

    Attributes:
        first, second: of each operand; a bias is in the first.
        readout: what each neuron adds to the logits, times its activation.
        activation: name of φ.
    """

    first: Float[np.ndarray, "neuron residue"]
    second: Float[np.ndarray, "neuron residue"]
    readout: Float[np.ndarray, "neuron answer"]
    activation: str


def additive(checkpoint: Checkpoint, layer: int = 0) -> Additive | None:
    """A layer in few numbers; None if its activations are not such, as is tried on all pairs.

    A norm before φ may be part of it, as a batch norm in evaluation is.
    """
    network = checkpoint.exact
    one = network.layers[layer]
    readout = network.readout(layer)
    if readout is None or one.activation is None:
        return None
    sums = _sums(network, layer)
    if sums is None or not _fits(network, layer, sums, torch.as_tensor(checkpoint.task.pairs)):
        return None
    first, second = (one.numpy() for one in sums)
    return Additive(first, second, readout.detach().numpy(), one.activation)


@torch.no_grad()
def _fits(
    network: Network, layer: int, sums: tuple[Tensor, Tensor], pairs: Int[Tensor, "pair 2"]
) -> bool:
    """Whether φ of the sums is what the layer's neurons answer."""
    activation = ACTIVATIONS[str(network.layers[layer].activation)].on
    first, second = (one.T.contiguous() for one in sums)
    error, largest = torch.zeros((), dtype=first.dtype), torch.zeros((), dtype=first.dtype)
    for part in cached_parts(network, pairs, first.shape[1]):
        hidden = network.tail(part, layer)[0]
        if hidden.ndim != 2:  # at several positions
            return False
        found = torch.as_tensor(activation(first[part[:, 0]] + second[part[:, 1]]))
        error = torch.maximum(error, (found - hidden).abs().max())  # which keeps NaN
        largest = torch.maximum(largest, hidden.abs().max())
    return bool(error <= _TOLERANCE * largest)


@torch.no_grad()
def _sums(network: Network, layer: int) -> tuple[Tensor, Tensor] | None:
    """What φ gets as a function of each operand while the other is 0, less the latter's share."""
    one, p = network.layers[layer], network.task.p
    residue, zero = torch.arange(p), torch.zeros(p, dtype=torch.long)
    pairs = torch.cat([torch.stack([residue, zero], -1), torch.stack([zero, residue], -1)])
    name = str(one.hook_pre.name)
    _, cache = network.run_with_cache(pairs, names_filter=lambda point: point == name)
    pre = cache[name]
    if pre.ndim != 2:  # at several positions
        return None
    if one.norm is not None:
        pre = one.norm(pre)
    first, second = pre[:p].T, pre[p:].T
    return first, second - second[:, :1]
