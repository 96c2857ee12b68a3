"""What is read of a layer's neurons before any spectrum: their curves, and how they came about."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from interp.analysis.neurons.curves import Curves


@dataclass(frozen=True)
class ReadCurves:
    """Neurons over the first operand, the second and the answers.

    Attributes:
        values: the curves.
        additive: share of the variance of each neuron's pre-activation, over all pairs, that its
            two curves make up; NaN for a neuron that does not vary. None where curves are read
            from weights.
        told: how they came about, in a few words; None where they are weights or composed maps.
    """

    values: Curves
    additive: Float[np.ndarray, " neuron"] | None = None
    told: str | None = None

    @property
    def mean_additive(self) -> float | None:
        """Average of the shares over the neurons that vary; None if there is none."""
        if self.additive is None or np.isnan(self.additive).all():
            return None
        return float(np.nanmean(self.additive))
