"""Three curves of every neuron, the third perhaps of another length."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

# (3, neuron, residue); or three arrays (neuron, residue), (neuron, residue) and (neuron, answer)
# where there are not as many answers as operands.
Curves = np.ndarray | tuple[np.ndarray, ...]


def by_curve(function: Callable[[np.ndarray], Any], curves: Curves) -> Any:
    """What a function of arrays gives for the curves: of all at once if they are one array."""
    if isinstance(curves, np.ndarray):
        return function(curves)
    return tuple(function(one) for one in curves)


def of_each(function: Callable[[np.ndarray], Any], curves: Curves) -> np.ndarray:
    """The same, where the function gives one value a neuron: (3, neuron)."""
    return np.asarray(by_curve(function, curves))
