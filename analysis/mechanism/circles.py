"""Which frequencies of a matrix are circles, beside Gaussian matrices of the same shape."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Float

from interp.analysis.mechanism.compared import Quantities, mean_of
from interp.analysis.mechanism.matrices import Matrix, gaussian, waves
from interp.analysis.mechanism.singular import centred, quantities_of
from interp.analysis.neurons.table import NO_POWER

PerFrequency = Float[np.ndarray, " frequency"]

_USUAL = 0.95  # of draws whose strongest frequency has no more than the null share


@dataclass(frozen=True)
class Circle:
    """One frequency of a matrix.

    Attributes:
        matrix: by its short name.
        frequency: counted from 1.
        share: of the power of the centred matrix.
        ratio: smaller singular value of [cosine coefficients; sine coefficients] over the greater.
        null_share: that the strongest frequency of 95 % of the Gaussian matrices stays below.
        null_ratio: median over all frequencies of the Gaussian matrices.
        is_circle: whether share and ratio are both great enough.
    """

    matrix: str
    frequency: int
    share: float
    ratio: float
    null_share: float
    null_ratio: float
    is_circle: bool

    def to_row(self) -> dict[str, Any]:
        """As a row of a table whose quantity is the frequency."""
        return {**vars(self), "quantity": f"frequency {self.frequency}"}


def shares_and_ratios(matrix: Matrix) -> tuple[PerFrequency, PerFrequency]:
    """Of each frequency 1 … ⌈n/2⌉−1: its share of the power, and the ratio of its two axes.

    A ratio is NaN where the frequency has no power. Shares of a matrix that is constant are 0.
    """
    total = np.linalg.norm(centred(matrix))
    both = np.stack(waves(matrix), axis=-1).transpose(1, 2, 0)  # (frequency, wave, dimension)
    axes = np.linalg.svd(both, compute_uv=False) * np.sqrt(2 / matrix.shape[1])
    # Rounding leaves a trace of every frequency, which has a ratio of its own.
    alive = axes[:, 0] > NO_POWER * np.linalg.norm(matrix)
    axes = np.where(alive[:, None], axes, 0)
    # A matrix of one dimension has one axis: no circle.
    second = axes[:, 1] if axes.shape[1] > 1 else np.zeros(len(axes))
    ratio = np.divide(second, axes[:, 0], out=np.full(len(axes), np.nan), where=alive)
    share = (axes**2).sum(axis=1) / total**2 if alive.any() else np.zeros(len(axes))
    return share, ratio


@dataclass(frozen=True)
class Null:
    """What Gaussian matrices of one shape have.

    Attributes:
        share: that the strongest frequency of 95 % of them stays below.
        ratio: median over all of their frequencies.
        quantities: of geometry, mean over the draws.
    """

    share: float
    ratio: float
    quantities: Quantities

    def circles(self, matrix: Matrix, level: float) -> np.ndarray:
        """Which frequencies of a matrix of this shape are circles."""
        return _circles(*shares_and_ratios(matrix), self.share, level)

    def judged(self, matrix: Matrix, top: int, level: float) -> Quantities:
        """``circle_ratio``, ``circle_share`` and ``circles`` of a matrix of this shape."""
        return _judged(*shares_and_ratios(matrix), (self.share, level), top)


def _circles(share: PerFrequency, ratio: PerFrequency, least: float, level: float) -> np.ndarray:
    return (share > least) & (np.nan_to_num(ratio) >= level)


def _judged(
    share: PerFrequency, ratio: PerFrequency, least: tuple[float, float], top: int
) -> Quantities:
    strongest = ratio[np.argsort(-share, kind="stable")[:top]]
    known = strongest[np.isfinite(strongest)]
    return {
        "circle_ratio": float(np.median(known)) if len(known) else None,
        "circle_share": float(share.max()),
        "circles": float(_circles(share, ratio, *least).sum()),
    }


def null_of(shape: tuple[int, ...], judge: tuple[int, float], draws: int, seed: int) -> Null:
    """Gaussian matrices of a shape (dimension, element).

    Args:
        shape: of the matrices.
        judge: how many of the strongest frequencies are told, and the least ratio of a circle.
        draws: how many matrices.
        seed: of the draws.
    """
    matrices = [gaussian(shape, seed, i) for i in range(draws)]
    both = [shares_and_ratios(one) for one in matrices]
    least = float(np.quantile([share.max() for share, _ in both], _USUAL))
    top, level = judge
    quantities = [
        {**quantities_of(one), **_judged(*its, (least, level), top)}
        for one, its in zip(matrices, both, strict=True)
    ]
    return Null(least, float(np.median([ratio for _, ratio in both])), mean_of(quantities))


def circles_in(name: str, matrix: Matrix, null: Null, level: float) -> list[Circle]:
    """Every frequency with power, the strongest first."""
    share, ratio = shares_and_ratios(matrix)
    circle = _circles(share, ratio, null.share, level)
    order = [k for k in np.argsort(-share, kind="stable") if share[k] > 0]
    return [
        Circle(
            name,
            int(k) + 1,
            float(share[k]),
            float(ratio[k]),
            null.share,
            null.ratio,
            bool(circle[k]),
        )
        for k in order
    ]
