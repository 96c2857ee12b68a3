"""Pruning neurons: a copy of the network in which they compute nothing."""

from __future__ import annotations

from copy import deepcopy
from functools import singledispatch

import numpy as np
import torch
from jaxtyping import Bool
from torch import Tensor

from interp.analysis.neurons.composition import check_layer
from interp.training.models.adapted import Adapted
from interp.training.models.layers.hidden import HiddenLayer
from interp.training.models.layers.norm import LayerNorm
from interp.training.models.network import Network
from interp.training.runs.subject import Source, as_checkpoint


@torch.no_grad()
def prune(source: Source, keep: np.ndarray, layer: int = 0) -> Network:
    """A copy of the network in which the other neurons' weights are zero; nothing is retrained.

    Their activations (``mlp.hook_post``) are then zero, so it is the same as ablating them by a
    hook. Under a layer norm on the neurons, whose statistics are those of the whole layer, the
    weights into a pruned neuron stay, and what it writes and is read by is zero. An adapted
    module keeps its weights, and a hook sets the activations to zero.

    Args:
        source: a network, which is not changed; or a checkpoint, a run or its folder.
        keep: boolean mask over neurons, or the indices of those to keep.
        layer: which hidden layer.

    Raises:
        ValueError: if the mask has a wrong length, an index is out of range, or the network has
            no such layer.
    """
    network = as_checkpoint(source).network
    check_layer(network, layer)
    pruned = deepcopy(network)
    gone = torch.from_numpy(~_mask(keep, network.layers[layer].width))
    _silence(pruned, layer, gone)
    return pruned


@singledispatch
def _silence(pruned: Network, layer: int, gone: Bool[Tensor, " neuron"]) -> None:
    """Takes neurons out of a network, in place."""
    one = pruned.layers[layer]
    assert isinstance(one, HiddenLayer)
    if not isinstance(one.norm, LayerNorm):
        one.W_in[:, gone] = 0
        if one.b_in is not None:
            one.b_in[gone] = 0
    if one.norm is not None:
        one.norm.w[gone], one.norm.b[gone] = 0, 0
    pruned.read_by(layer)[gone] = 0


@_silence.register(Adapted)
def _mask_adapted(pruned: Adapted, layer: int, gone: Bool[Tensor, " neuron"]) -> None:
    pruned.layers[layer].keep[gone] = False


def _mask(keep: np.ndarray, width: int) -> Bool[np.ndarray, " neuron"]:
    keep = np.asarray(keep)
    if keep.dtype == bool:
        if keep.shape != (width,):
            raise ValueError(f"keep: expected a mask of {width} neurons, got shape {keep.shape}")
        return keep
    if keep.size and (keep.ndim != 1 or keep.min() < 0 or keep.max() >= width):
        raise ValueError(f"keep: expected neuron indices from 0 to {width - 1}, got {keep}")
    mask = np.zeros(width, dtype=bool)
    mask[keep.astype(np.int64)] = True
    return mask
