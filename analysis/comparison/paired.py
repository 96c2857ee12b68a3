"""Whether two groups of runs differ: difference of means, bootstrap interval, permutation test.

Arrays in, numbers out. Runs of the same seed are pairs: they share what that seed draws.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import comb

import numpy as np
from jaxtyping import Float

from interp.analysis.sweeps.bootstrap import Bootstrap
from interp.training.randomness import stream

MOST = 2**17  # rearrangements that are all tried; of more, so many are drawn


@dataclass(frozen=True)
class Tested:
    """A difference of two means.

    Attributes:
        mean: second minus first.
        low, high: ends of the percentile bootstrap interval; None for a group of one.
        p_value: two-sided, of a permutation test; None likewise.
        least_p: the smallest that so many runs can give; None likewise.
        exact: whether every rearrangement was tried.
    """

    mean: float
    low: float | None = None
    high: float | None = None
    p_value: float | None = None
    least_p: float | None = None
    exact: bool = True


def paired(
    first: Float[np.ndarray, " pair"], second: Float[np.ndarray, " pair"], options: Bootstrap
) -> Tested:
    """Mean difference of pairs: its interval, and the test by flipping the signs of differences.

    The test's null: which of a pair is which does not matter. All 2^n sign flips are tried, or of
    more than 131,072 so many are drawn. Its p-value is the share of flips whose mean difference is
    at least as far from 0 as the one found (Fisher 1935, section 21), which is at least 2 / 2^n.

    Args:
        first: values of one group, a run each.
        second: of the other, in the order of the same seeds.
        options: level, draws and seed of the interval; the seed also of a test that is drawn.
    """
    return _tested((second, first), "samples", 2 ** len(first), options)


def independent(
    first: Float[np.ndarray, " one"], second: Float[np.ndarray, " other"], options: Bootstrap
) -> Tested:
    """Difference of two means: its interval, and the test by exchanging runs between the groups.

    The test's null: which run is of which group does not matter. All C(n + m, n) exchanges are
    tried, or of more than 131,072 so many are drawn; the p-value is twice that of the nearer side.

    Args:
        first: values of one group, a run each.
        second: of the other, of other seeds.
        options: level, draws and seed of the interval; the seed also of a test that is drawn.
    """
    ways = comb(len(first) + len(second), len(first))
    return _tested((second, first), "independent", ways, options)


def _tested(
    samples: tuple[np.ndarray, np.ndarray], kind: str, ways: int, options: Bootstrap
) -> Tested:
    from scipy import stats  # here, as it takes most of a second to load

    if min(map(len, samples)) < 2:
        return Tested(float(_difference(*samples)))
    found = stats.bootstrap(
        samples,
        _difference,
        n_resamples=options.draws,
        vectorized=True,
        paired=kind == "samples",
        confidence_level=options.level,
        method="percentile",
        random_state=stream(options.seed, "bootstrap", 0),
    )
    low, high = map(float, found.confidence_interval)
    test = stats.permutation_test(
        samples,
        _difference,
        permutation_type=kind,
        vectorized=True,
        n_resamples=MOST,
        random_state=stream(options.seed, "bootstrap", 1),
    )
    exact = ways <= MOST
    least = min(1.0, 2 / (ways if exact else MOST + 1))
    return Tested(float(test.statistic), low, high, float(test.pvalue), least, exact)


def _difference(one: np.ndarray, other: np.ndarray, axis: int = -1) -> np.ndarray:
    return np.asarray(one.mean(axis=axis) - other.mean(axis=axis))
