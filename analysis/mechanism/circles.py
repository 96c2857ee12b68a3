"""Which frequencies of a matrix are circles, beside Gaussian matrices of the same shape."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float

from interp.analysis.mechanism.compared import Compared, Quantities, mean_of
from interp.analysis.mechanism.matrices import Matrix, gaussian, waves
from interp.analysis.mechanism.singular import centred, quantities_of
from interp.analysis.neurons.table import NO_POWER
from interp.training.memory import check_memory

PerFrequency = Float[np.ndarray, " frequency"]

_USUAL = 0.95  # of draws whose strongest frequency has no more than the null share
# A circle has at least so many times the null share: a matrix that learned nothing but is no
# Gaussian one, as a product of two, may go a little above it.
_WELL_ABOVE = 2


@dataclass(frozen=True)
class Circle:
    """One frequency of a matrix, beside the same of the untrained network.

    Attributes:
        matrix: by its short name.
        frequency: counted from 1.
        share: of the power of the centred matrix.
        ratio: smaller singular value of [cosine coefficients; sine coefficients] over the greater.
        untrained_share, untrained_ratio: None where there is no untrained network.
        null_share: that the strongest frequency of 95 % of the Gaussian matrices stays below.
        null_ratio: median over all frequencies of the Gaussian matrices.
        is_circle: whether share and ratio are both great enough.
    """

    matrix: str
    frequency: int
    share: float
    ratio: float
    untrained_share: float | None
    untrained_ratio: float | None
    null_share: float
    null_ratio: float
    is_circle: bool

    @property
    def least_share(self) -> float:
        """From which on it may be a circle."""
        return _WELL_ABOVE * self.null_share

    def rows(self) -> tuple[Compared, ...]:
        """Its share, its ratio and whether it is a circle, as rows of a table."""
        name = f"frequency {self.frequency}"
        null = self.null_share, self.null_ratio
        return (
            Compared(self.matrix, f"{name} share", self.share, self.untrained_share, null[0]),
            Compared(self.matrix, f"{name} ratio", self.ratio, self.untrained_ratio, null[1]),
            Compared(self.matrix, f"{name} is a circle", float(self.is_circle), None, None),
        )


def shares_and_ratios(matrix: Matrix) -> tuple[PerFrequency, PerFrequency]:
    """Of each frequency 1 … ⌈n/2⌉−1: its share of the power, and the ratio of its two axes.

    Without power a ratio is NaN. Shares of a matrix whose elements are all the same are 0.
    """
    both = np.stack(waves(matrix), axis=-1).transpose(1, 2, 0)  # (frequency, wave, dimension)
    axes = np.linalg.svd(both, compute_uv=False) * np.sqrt(2 / matrix.shape[1])
    # Rounding leaves a trace of every frequency, which has a ratio of its own.
    alive = axes[:, 0] > NO_POWER * np.linalg.norm(matrix)
    axes = np.where(alive[:, None], axes, 0)
    # A matrix of one dimension has one axis: no circle.
    second = axes[:, 1] if axes.shape[1] > 1 else np.zeros(len(axes))
    ratio = np.divide(second, axes[:, 0], out=np.full(len(axes), np.nan), where=alive)
    power, total = (axes**2).sum(axis=1), np.linalg.norm(centred(matrix)) ** 2
    return (power / total if alive.any() else power), ratio


@dataclass(frozen=True)
class Judge:
    """What Gaussian matrices of one shape have, and from where on a frequency is a circle.

    Attributes:
        share: that the strongest frequency of 95 % of the matrices stays below.
        level: least ratio of a circle.
        top: how many of the strongest frequencies are looked at.
    """

    share: float
    level: float
    top: int

    def circles(self, share: PerFrequency, ratio: PerFrequency) -> Bool[np.ndarray, " frequency"]:
        """Which frequencies are circles."""
        return (share >= _WELL_ABOVE * self.share) & (np.nan_to_num(ratio) >= self.level)

    def quantities(self, share: PerFrequency, ratio: PerFrequency) -> Quantities:
        """``circle_ratio``, ``circle_share`` and ``circles`` of a matrix."""
        strongest = ratio[np.argsort(-share, kind="stable")[: self.top]]
        known = strongest[np.isfinite(strongest)]
        return {
            "circle_ratio": float(np.median(known)) if len(known) else None,
            "circle_share": float(share.max()),
            "circles": float(self.circles(share, ratio).sum()),
        }

    def strongest(
        self, name: str, own: Matrix, untrained: Matrix | None, null_ratio: float
    ) -> tuple[Circle, ...]:
        """The strongest frequencies of a matrix, the first first; none without power."""
        share, ratio = shares_and_ratios(own)
        circle = self.circles(share, ratio)
        fresh = None if untrained is None else shares_and_ratios(untrained)
        order = np.argsort(-share, kind="stable")[: self.top]
        return tuple(
            Circle(
                name,
                k + 1,
                float(share[k]),
                float(ratio[k]),
                None if fresh is None else float(fresh[0][k]),
                None if fresh is None else float(fresh[1][k]),
                self.share,
                null_ratio,
                bool(circle[k]),
            )
            for k in map(int, order)
            if share[k] > 0
        )


@dataclass(frozen=True)
class Null:
    """Gaussian matrices of one shape.

    Attributes:
        judge: with their null share.
        ratio: median over all of their frequencies.
        quantities: of geometry, mean over the draws.
    """

    judge: Judge
    ratio: float
    quantities: Quantities


def null_of(shape: tuple[int, ...], asked: tuple[int, float], draws: int, seed: int) -> Null:
    """Gaussian matrices of a shape (dimension, element).

    Args:
        shape: of the matrices.
        asked: how many of the strongest frequencies are looked at; the least ratio of a circle.
        draws: how many matrices.
        seed: of the draws.
    """
    size = 8 * draws * shape[0] * shape[1]
    check_memory(size, f"{draws:,} Gaussian matrices of {shape[0]} × {shape[1]}")
    matrices = [gaussian(shape, seed, i) for i in range(draws)]
    both = [shares_and_ratios(one) for one in matrices]
    top, level = asked
    judge = Judge(float(np.quantile([share.max() for share, _ in both], _USUAL)), level, top)
    quantities = [
        {**quantities_of(one), **judge.quantities(*its)}
        for one, its in zip(matrices, both, strict=True)
    ]
    return Null(judge, float(np.median([ratio for _, ratio in both])), mean_of(quantities))
