"""Neurons whose activations follow from one number for each operand."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from interp.analysis.ablation.tail import Tail
from interp.training.models.layers.activation import ACTIVATIONS
from interp.training.models.network import Network
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
    pairs = torch.as_tensor(checkpoint.task.pairs)
    hidden = Tail(network, pairs, layer).hidden
    sums = _sums(network, layer)
    if sums is None or hidden.shape[1] != len(pairs):
        return None
    first, second = sums
    pre = first[:, pairs[:, 0]] + second[:, pairs[:, 1]]
    found = torch.as_tensor(ACTIVATIONS[one.activation].on(pre))
    if not torch.allclose(found, hidden, rtol=0, atol=_TOLERANCE * float(hidden.abs().max())):
        return None
    return Additive(first.numpy(), second.numpy(), readout.detach().numpy(), one.activation)


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
