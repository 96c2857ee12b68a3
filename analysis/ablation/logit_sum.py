"""Logits that are a sum over neurons, and the pairs on which they are scored."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Float, Int


@dataclass(frozen=True, eq=False)
class LogitSum:
    """Logits that are a sum over neurons: base + hiddenᵀ · readout.

    Attributes:
        hidden: activations of each neuron on each pair.
        readout: weights from neurons to logits.
        base: logits without any neuron; None for zeros.

    Raises:
        ValueError: if an activation or weight is not finite.
    """

    hidden: Float[np.ndarray, "neuron pair"]
    readout: Float[np.ndarray, "neuron answer"]
    base: Float[np.ndarray, "pair answer"] | None = None

    def __post_init__(self) -> None:
        if not (np.isfinite(self.hidden).all() and np.isfinite(self.readout).all()):
            raise ValueError(
                "pruning curve: expected finite activations and weights, got NaN or inf"
            )

    def start(self) -> Float[np.ndarray, "base_answer base_pair"]:
        """Logits without any neuron, (answer, pair); empty if they are zeros."""
        if self.base is None or not self.base.any():
            return np.zeros((0, 0))
        return np.ascontiguousarray(self.base.T)

    def twins(self) -> np.ndarray:
        """Answers that never win alone: without a base, those with the weights of another."""
        if self.base is not None and self.base.any():
            return np.zeros(self.readout.shape[1], dtype=bool)
        return identical_columns(self.readout)

    def in_float32(self) -> LogitSum:
        """The same, with activations and weights in single precision."""
        if self.hidden.dtype == self.readout.dtype == np.float32:
            return self
        hidden, readout = (
            one.astype(np.float32, copy=False) for one in (self.hidden, self.readout)
        )
        return replace(self, hidden=hidden, readout=readout)


@dataclass(frozen=True, eq=False)
class LabelledPairs:
    """What logits are scored against.

    Attributes:
        labels: given and true label of each pair.
        part: which disjoint part each pair belongs to.
        parts: how many parts there are.
    """

    labels: Int[np.ndarray, "2 pair"]
    part: Int[np.ndarray, " pair"]
    parts: int


def identical_columns(readout: Float[np.ndarray, "neuron answer"]) -> np.ndarray:
    """Answers whose logit always equals another answer's."""
    norms = np.sort((readout.astype(np.float64) ** 2).sum(axis=0))
    if len(norms) < 2 or np.diff(norms).min() > 0:  # quick to tell, and all that most need
        return np.zeros(readout.shape[1], dtype=bool)
    _, inverse, count = np.unique(readout, axis=1, return_inverse=True, return_counts=True)
    return count[inverse.ravel()] > 1
