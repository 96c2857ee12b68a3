"""Which weights a network has, in a few characters."""

from __future__ import annotations

import hashlib

import torch

from interp.training.models.network import Network


@torch.no_grad()
def weights_digest(network: Network) -> str:
    """16 hexadecimal digits that differ where weights do, and not where only the precision does.

    In single precision, so that a network and its float64 copy have the same.
    """
    digest = hashlib.sha256()
    for name, weight in sorted(network.state_dict().items()):
        array = weight.detach().float().cpu().contiguous().numpy()
        digest.update(f"{name}:{array.shape};".encode())
        digest.update(array.data)
    return digest.hexdigest()[:16]
