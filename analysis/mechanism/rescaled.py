"""The same function from other weights: neurons rescaled where φ is homogeneous."""

from __future__ import annotations

from copy import deepcopy

import numpy as np
import torch
from jaxtyping import Float

from interp.training.models.layers.activation import ACTIVATIONS
from interp.training.models.layers.hidden import HiddenLayer
from interp.training.models.network import Network


def rescaled(
    network: Network, factor: Float[np.ndarray, " neuron"], layer: int, degree: float
) -> Network:
    """A copy in which weights into each neuron are c times, those out of it c^−d times as large.

    Where φ(cx) = c^d φ(x), it computes what the network computes.

    Args:
        network: not changed.
        factor: c > 0 of each neuron.
        layer: which hidden layer.
        degree: d.
    """
    found = deepcopy(network)
    one = found.layers[layer]
    assert isinstance(one, HiddenLayer)
    with torch.no_grad():
        scale = torch.as_tensor(factor, dtype=one.W_in.dtype)
        one.W_in.mul_(scale)
        if one.b_in is not None:
            one.b_in.mul_(scale)
        found.read_by(layer).mul_((scale**-degree)[:, None])
    return found


def not_rescalable(network: Network, layer: int) -> str | None:
    """Why neurons of a layer cannot be rescaled without a change of the function."""
    one = network.layers[layer]
    if not isinstance(one, HiddenLayer):
        return "expected neurons between two matrices, got those of an adapted module"
    if one.norm is not None:
        return f"expected neurons without a norm, got {type(one.norm).__name__} on them"
    if ACTIVATIONS[one.activation].degree is None:
        return f"expected a homogeneous activation, such as square or relu, got {one.activation}"
    return None
