"""Three curves of every neuron, the third perhaps of another length."""

from __future__ import annotations

from collections.abc import Callable, Sized
from typing import Any

import numpy as np

from interp.training.arguments import is_whole, shown

# (3, neuron, residue); or three arrays (neuron, residue), (neuron, residue) and (neuron, answer)
# where there are not as many answers as operands.
Curves = np.ndarray | tuple[np.ndarray, ...]


def check_neuron(table: Sized, neuron: int) -> None:
    """Refuses a neuron that a table does not have."""
    if not is_whole(neuron) or not 0 <= neuron < len(table):
        raise ValueError(f"neuron: expected 0 to {len(table) - 1}, got {shown(neuron)}")


def by_curve(function: Callable[[np.ndarray], Any], curves: Curves) -> Any:
    """What a function of arrays gives for the curves: of all at once if they are one array."""
    if isinstance(curves, np.ndarray):
        return function(curves)
    return tuple(function(one) for one in curves)


def of_each(function: Callable[[np.ndarray], Any], curves: Curves) -> np.ndarray:
    """The same, where the function gives one value a neuron: (3, neuron)."""
    return np.asarray(by_curve(function, curves))


def together(curves: list[np.ndarray]) -> Curves:
    """Three curves a neuron as one array, where they have one length."""
    return np.stack(curves) if len({one.shape for one in curves}) == 1 else tuple(curves)
