"""Differences of two groups of runs: tests and intervals by hand."""

from __future__ import annotations

from itertools import combinations, product

import numpy as np
import pytest

from interp.analysis.comparison.paired import independent, paired
from interp.analysis.sweeps.bootstrap import Bootstrap

FEW = Bootstrap(draws=2000)
FIRST = np.array([0.31, 0.42, 0.25, 0.77, 0.50])
SECOND = np.array([0.40, 0.55, 0.24, 0.97, 0.81])


def by_flips(first, second):
    """Share of all sign flips whose mean difference is as far from 0; written out."""
    found = second - first
    mean = abs(found.mean())
    every = [np.mean([s * d for s, d in zip(signs, found, strict=True)])
             for signs in product((1, -1), repeat=len(found))]  # fmt: skip
    return np.mean([abs(one) >= mean - 1e-12 for one in every])


def by_exchanges(first, second):
    """Twice the smaller share of all ways to deal the values into two groups."""
    values = [*first, *second]
    found = np.mean(second) - np.mean(first)
    every = []
    for chosen in combinations(range(len(values)), len(second)):
        left = [v for i, v in enumerate(values) if i not in chosen]
        every.append(np.mean([values[i] for i in chosen]) - np.mean(left))
    above = np.mean([one >= found - 1e-12 for one in every])
    below = np.mean([one <= found + 1e-12 for one in every])
    return min(1.0, 2 * min(above, below))


def test_the_test_of_pairs_tries_every_flip():
    """Of 32 flips, as far from 0 are all up, all down, and 0.25 − 0.24 the other way: 4 of 32."""
    found = paired(FIRST, SECOND, FEW)
    assert found.mean == pytest.approx((0.09 + 0.13 - 0.01 + 0.20 + 0.31) / 5)
    assert found.p_value == by_flips(FIRST, SECOND) == 4 / 32
    assert (found.least_p, found.exact) == (2 / 32, True)


@pytest.mark.parametrize("count", range(2, 9))
def test_differences_of_one_sign_have_the_smallest_p(count):
    first = np.linspace(0.1, 0.5, count)
    found = paired(first, first + np.linspace(0.1, 0.3, count), FEW)
    assert found.p_value == found.least_p == 2 / 2**count


def test_constant_differences_have_an_interval_of_one_point():
    """Every resample of d, d, d, … has the mean d."""
    found = paired(FIRST, FIRST - 0.125, FEW)
    assert (found.low, found.high) == pytest.approx((-0.125, -0.125), abs=1e-12)
    assert found.p_value == 2 / 32
    nothing = paired(FIRST, FIRST, FEW)
    assert (nothing.mean, nothing.low, nothing.high, nothing.p_value) == (0, 0, 0, 1)


def test_an_interval_of_two_pairs():
    """Means of two draws of {0, 1}: 0, ½, 1 with 1 : 2 : 1, so the 2.5 % quantiles are 0 and 1.

    Of a level of 0.4 both ends lie in the middle half.
    """
    first, second = np.zeros(2), np.array([0.0, 1.0])
    wide = paired(first, second, FEW)
    assert (wide.low, wide.high) == (0, 1)
    narrow = paired(first, second, Bootstrap(level=0.4, draws=4000))
    assert (narrow.low, narrow.high) == (0.5, 0.5)


def test_an_interval_moves_with_its_seed_alone():
    one, same = (paired(FIRST, SECOND, Bootstrap(draws=200, seed=3)) for _ in range(2))
    other = paired(FIRST, SECOND, Bootstrap(draws=200, seed=4))
    assert one == same
    assert (one.low, one.high) != (other.low, other.high)
    assert one.p_value == other.p_value


def test_the_test_of_independent_groups_tries_every_exchange():
    first, second = FIRST[:3], SECOND[1:]
    found = independent(first, second, FEW)
    assert found.mean == pytest.approx(second.mean() - first.mean())
    assert found.p_value == pytest.approx(by_exchanges(first, second))
    assert (found.least_p, found.exact) == (2 / 35, True)  # 7 choose 3
    apart = independent(first, second + 10, FEW)
    assert apart.p_value == pytest.approx(2 / 35)


def test_many_pairs_are_drawn():
    """2^20 flips are too many; of 131,072 draws p is two-sided 2 · (r + 1) / (131,072 + 1)."""
    first = np.zeros(20)
    found = paired(first, np.full(20, 0.5), Bootstrap(draws=40))
    assert not found.exact
    assert found.least_p == 2 / (2**17 + 1)
    assert found.least_p <= found.p_value < 1e-4


def test_one_run_has_neither_interval_nor_test():
    found = paired(FIRST[:1], SECOND[:1], FEW)
    assert found.mean == pytest.approx(0.09)
    assert (found.low, found.high, found.p_value, found.least_p) == (None,) * 4
    assert independent(FIRST[:1], SECOND, FEW).p_value is None
