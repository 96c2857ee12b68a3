"""Whether the logits are affine in a layer's activations, and the rows if they are."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from interp.training.models.module.find import near
from interp.training.randomness import stream

_TRIED = 32  # pairs


def affine_rows(network: Any, layer: int) -> Float[Tensor, "neuron answer"] | None:
    """What each neuron adds to the logits, times its activation; None if they are no sum.

    Args:
        network: an adapted network, in the precision to compute in.
        layer: which of its layers.
    """
    one = network.layers[layer]
    if one.place.positions and one.place.position is None:
        return None
    random = stream(0, "readout")
    every = np.asarray(network.task.pairs)
    pairs = torch.as_tensor(every[random.permutation(len(every))[:_TRIED]])
    post, finish = network.tail(pairs, layer)
    size = float(post.abs().max()) or 1.0
    rows = _rows(network, layer, pairs[:1], size)
    base = finish(torch.zeros_like(post))
    noise = torch.as_tensor(random.uniform(-2 * size, 2 * size, tuple(post.shape))).to(post)
    for given in (post, noise):
        sum_of_rows = given.reshape(len(pairs), -1) @ rows
        if not near(base + sum_of_rows, finish(given)):
            return None
    return torch.where(one.keep[:, None], rows, torch.zeros_like(rows))


def _rows(network: Any, layer: int, pair: Tensor, size: float) -> Float[Tensor, "neuron answer"]:
    """Logits of one pair when one neuron is active, minus those when none is."""
    width = network.layers[layer].width
    post, finish = network.tail(pair.expand(width + 1, 2), layer)
    units = size * torch.eye(width + 1, width, dtype=post.dtype)
    logits: Tensor = finish(units.reshape(post.shape))
    return (logits[:width] - logits[width:]) / size
