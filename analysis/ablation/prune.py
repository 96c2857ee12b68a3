"""Pruning neurons: a copy of the network in which they compute nothing."""

from __future__ import annotations

from copy import deepcopy
from functools import singledispatch

import numpy as np
import torch
from jaxtyping import Bool, Int
from numpy.typing import ArrayLike
from torch import Tensor

from interp.analysis.neurons.weights import check_layer
from interp.training.arguments import as_given, detached, told
from interp.training.models.adapted import Adapted
from interp.training.models.layers.hidden import HiddenLayer
from interp.training.models.layers.norm import LayerNorm
from interp.training.models.network import Network
from interp.training.runs.subject import Source, as_checkpoint


@torch.no_grad()
def prune(source: Source, keep: ArrayLike, layer: int = 0) -> Network:
    """A copy of the network in which the other neurons' weights are zero; nothing is retrained.

    Their activations (``mlp.hook_post``) are then zero, so it is the same as ablating them by a
    hook. Under a layer norm on the neurons, whose statistics are those of the whole layer, the
    weights into a pruned neuron stay, and what it writes and is read by is zero. An adapted
    module keeps its weights, and a hook sets the activations to zero.

    Args:
        source: a network, which is not changed; or a checkpoint, a run or its folder.
        keep: mask of truth values over neurons, or the indices of those to keep, each once. As
            many numbers 0 and 1 as there are neurons could be either, and are refused.
        layer: which hidden layer.

    Raises:
        ValueError: if the mask has a wrong length, an index is out of range, no whole number or
            there twice, it can be read in two ways, or the network has no such layer.
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


def _mask(keep: object, width: int) -> Bool[np.ndarray, " neuron"]:
    """The mask that a mask or indices mean; what can be read in two ways is refused."""
    keep = detached(keep)
    given = as_given(keep)
    if given.dtype == bool and given.size:
        if given.shape != (width,):
            raise ValueError(f"keep: expected a mask of {width} neurons, got shape {given.shape}")
        return given
    indices = given.astype(np.int64) if given.shape == (0,) else given
    if indices.ndim != 1 or indices.dtype.kind not in "iu":
        raise ValueError(
            "keep: expected a mask of truth values or whole neuron indices, "
            f"got {_what(keep, given)}"
        )
    if len(indices) == width and indices.max() <= 1 and indices.min() >= 0:
        raise ValueError(
            f"keep: {width} numbers 0 and 1 can be a mask of {width} neurons or the indices 0 and "
            "1; expected keep.astype(bool), or indices each once"
        )
    return _of_indices(indices, width)


def _of_indices(indices: Int[np.ndarray, " kept"], width: int) -> Bool[np.ndarray, " neuron"]:
    if len(indices) and (indices.min() < 0 or indices.max() >= width):
        raise ValueError(f"keep: expected neuron indices from 0 to {width - 1}, got {indices}")
    found, count = np.unique(indices, return_counts=True)
    if len(found) < len(indices):
        raise ValueError(f"keep: expected each neuron once, got {found[count > 1][0]} twice")
    mask = np.zeros(width, dtype=bool)
    mask[indices] = True
    return mask


def _what(keep: object, given: np.ndarray) -> str:
    if given.dtype.kind in "biufc" and given.ndim:
        return f"{given.dtype} of shape {given.shape}"
    return told(keep)
