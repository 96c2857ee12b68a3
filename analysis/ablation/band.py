"""The band of random draws: 5–95 %, or of few draws their range, and the words for it."""

from __future__ import annotations

import numpy as np

BAND = (0.05, 0.95)
# With fewer draws a twentieth of them is less than one, and a quantile no more than a guess
# between the two outermost.
FEWEST = 20


def band_of(draws: int) -> tuple[float, float]:
    """The quantiles that a band of so many draws runs between; 0 and 1 are its range."""
    return BAND if draws >= FEWEST else (0.0, 1.0)


def band_words(draws: int) -> str:
    """``5–95 %``, or ``range of 4 draws``."""
    if draws < FEWEST:
        return "range of 1 draw" if draws == 1 else f"range of {draws} draws"
    low, high = (f"{100 * q:g}" for q in BAND)
    return f"{low}–{high} %"


def ends(drawn: np.ndarray, axis: int) -> tuple[np.ndarray, np.ndarray]:
    """Low and high end of the band of draws along an axis."""
    low, high = (np.quantile(drawn, q, axis=axis) for q in band_of(drawn.shape[axis]))
    return np.asarray(low), np.asarray(high)
