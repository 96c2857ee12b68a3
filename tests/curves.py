"""The weights of a two-layer network as the paper writes them."""

from __future__ import annotations

import numpy as np
import torch

from interp.training.models.mlp import MLP


def curves_of(network: MLP) -> np.ndarray:
    """U, V and Wᵀ stacked, (3, neuron, residue), in float64."""
    assert network.model.depth == 2
    with torch.no_grad():
        w_in = network.layers[0].W_in.double()
        u, v = w_in.T.reshape(network.width, 2, network.task.p).unbind(1)
        stacked = torch.stack([u, v, network.unembed.W_U.double()])
    return stacked.cpu().numpy()
