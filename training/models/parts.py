"""A pass over many pairs in parts whose activations stay in the processor's cache."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from jaxtyping import Int
from torch import Tensor, nn

from interp.training.models.network import Network

# Activations of one layer at once: 2 MiB in float64, which a core's own cache holds. The matrix of
# a layer is read once a part, so a part is never less than so many pairs.
_AT_ONCE, _AT_LEAST = 2**18, 256


def cached_parts(
    network: nn.Module | Network, pairs: Int[Tensor, "*run pair 2"], width: int
) -> Sequence[Int[Tensor, "*run part 2"]]:
    """The pairs in parts, or all at once where somebody sees or keeps what is in between.

    That is: where gradients are kept, where a hook waits for the activations of all pairs, and
    where there are several runs at once. On a GPU there is no such cache.

    Args:
        network: whose answer to a pair depends on that pair alone.
        pairs: that it is asked.
        width: values of a pair in its widest layer.
    """
    if (
        torch.is_grad_enabled()
        or pairs.ndim != 2
        or pairs.device.type != "cpu"
        or len(pairs) * width <= 2 * _AT_ONCE
        or any(one._forward_hooks or one._forward_pre_hooks for _, one in network.named_modules())
    ):
        return (pairs,)
    return torch.split(pairs, max(_AT_LEAST, _AT_ONCE // width))
