"""What neurons can be ranked by, and the order in which they are removed."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Literal

import numpy as np
from jaxtyping import Bool, Float, Int

from interp.analysis.neurons.table import NeuronTable

Direction = Literal["lowest", "highest"]


# What neurons can be ranked by: a name, and the value that says how much a neuron has of it.
RANKINGS: Mapping[str, Callable[[NeuronTable], Float[np.ndarray, " neuron"]]] = {
    "IPR": lambda table: table.ipr,
    "weight norm": lambda table: table.norm,
}


def removal_order(
    value: Float[np.ndarray, " neuron"], dead: Bool[np.ndarray, " neuron"], direction: Direction
) -> Int[np.ndarray, " neuron"]:
    """Neurons in the order of their removal; dead ones, which have no rank, go first."""
    rank = np.where(dead, 0, value if direction == "lowest" else -value)
    return np.lexsort((rank, ~dead))
