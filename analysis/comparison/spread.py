"""Several values, or several curves, of runs that differ by seed: mean, least and greatest."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import reduce
from typing import TypeGuard

import numpy as np
from jaxtyping import Float, Real

from interp.training.display import Value


@dataclass(frozen=True)
class Spread:
    """A quantity over the runs of a group.

    Attributes:
        values: of each run; None where it has none, infinite for an event that never came.
        mean, least, greatest: over the runs that have a number; None where none has one, or where
            the event never came in one of them.
    """

    values: tuple[Value, ...]
    mean: float | None
    least: float | None
    greatest: float | None

    @property
    def count(self) -> int:
        """How many runs have a number, or an event that never came."""
        return sum(is_number(one) for one in self.values)

    @property
    def never(self) -> int:
        """In how many runs the event never came."""
        return sum(not math.isfinite(one) for one in self.values if is_number(one))


def is_number(value: Value) -> TypeGuard[float]:
    """Whether a value is a number, an infinite one among them; NaN and truth values are none."""
    if isinstance(value, bool) or not isinstance(value, int | float | np.number):
        return False
    return not math.isnan(value)


def spread(values: Sequence[Value]) -> Spread:
    """Mean, least and greatest of those that are numbers."""
    known = [float(one) for one in values if is_number(one)]
    if not known or not np.isfinite(known).all():
        return Spread(tuple(values), None, None, None)
    # Rounding must not put the mean of equal values beside them.
    mean = min(max(float(np.mean(known)), min(known)), max(known))
    return Spread(tuple(values), mean, min(known), max(known))


@dataclass(frozen=True)
class Band:
    """Curves over the same points.

    Attributes:
        x: the points that every curve has.
        mean, least, greatest: over the curves.
        count: how many there are.
    """

    x: Real[np.ndarray, " point"]
    mean: Float[np.ndarray, " point"]
    least: Float[np.ndarray, " point"]
    greatest: Float[np.ndarray, " point"]
    count: int


# Points and values, as many of each; other curves have as many as they have.
Curve = tuple[np.ndarray, np.ndarray]


def band(curves: Sequence[Curve]) -> Band:
    """Mean, least and greatest of curves, at the points that all of them have.

    Args:
        curves: points, ascending, and values of each.

    Raises:
        ValueError: if they have no point in common.
    """
    common = reduce(np.intersect1d, [np.asarray(x) for x, _ in curves])
    if not len(common):
        raise ValueError("expected curves with a point in common, found none")
    rows = np.stack([np.asarray(y, dtype=float)[np.searchsorted(x, common)] for x, y in curves])
    return Band(common, rows.mean(axis=0), rows.min(axis=0), rows.max(axis=0), len(rows))
