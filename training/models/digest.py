"""Which weights a network has, in a few characters."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any

import numpy as np

from interp.training.models.arrays import MLPArrays
from interp.training.models.network import Network


def weights_digest(network: Network | MLPArrays) -> str:
    """16 hexadecimal digits that differ where weights do, and not where only the precision does.

    In single precision, so that a network and its float64 copy have the same.
    """
    digest = hashlib.sha256()
    weights: Mapping[str, Any] = network.state_dict()
    for name, weight in sorted(weights.items()):
        if isinstance(weight, np.ndarray):
            array = np.ascontiguousarray(weight, np.float32)
        else:
            array = weight.detach().float().cpu().contiguous().numpy()
        digest.update(f"{name}:{array.shape};".encode())
        digest.update(array.data)
    return digest.hexdigest()[:16]
