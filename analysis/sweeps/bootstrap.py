"""Median over seeds, some of which are off the grid, and its bootstrap interval."""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil, floor

import numpy as np
from jaxtyping import Float, Int

from interp.training.arguments import number, whole
from interp.training.randomness import stream


@dataclass(frozen=True)
class Bootstrap:
    """How seeds are drawn with replacement.

    Attributes:
        level: of the interval, between 0 and 1.
        draws: how many samples.
        seed: of the draws.
    """

    level: float = 0.95
    draws: int = 1000
    seed: int = 0

    def __post_init__(self) -> None:
        if not 0 < number(self.level, "level") < 1:
            raise ValueError(f"expected a level between 0 and 1, got {self.level}")
        # Fewer cannot tell where the tails begin.
        whole(self.draws, f"draws of a {self.level:g} interval", ceil(2 / (1 - self.level) - 1e-9))

    def samples(self, part: int, count: int) -> Int[np.ndarray, "draw seed"]:
        """Places of the seeds in each sample; other ones for each part of the results."""
        random = stream(self.seed, "bootstrap", part)
        return random.integers(count, size=(self.draws, count))


def median(values: Float[np.ndarray, "*lead seed"]) -> Float[np.ndarray, "*lead"]:
    """Median over the last axis without NaN; the lower middle value where one is infinite.

    NaN where there is no value.
    """
    ordered = np.sort(values, axis=-1)  # NaN last
    count = (~np.isnan(ordered)).sum(axis=-1)
    middle = [np.maximum(count - 1, 0) // 2, count // 2]
    low, high = (
        np.take_along_axis(ordered, np.minimum(place, values.shape[-1] - 1)[..., None], -1)[..., 0]
        for place in middle
    )
    finite = np.isfinite(low) & np.isfinite(high)
    return np.where(finite, (low + np.where(finite, high, 0)) / 2, low)


def interval(
    samples: Float[np.ndarray, "draw seed"], level: float
) -> tuple[float, float] | tuple[None, None]:
    """Percentile interval of the medians of samples; None if every sample is without a value.

    Its ends are medians themselves, rounded outwards: between an infinite and a finite one there
    is no number.
    """
    medians = np.sort(median(samples))
    medians = medians[~np.isnan(medians)]
    if not len(medians):
        return None, None
    last = len(medians) - 1
    tail = (1 - level) / 2 * last
    return float(medians[floor(tail)]), float(medians[ceil(last - tail)])
