"""Where a value comes to a level along an option, run by run, and between which runs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import inf, nan
from typing import Literal

Beyond = Literal["", "below the lowest", "above the highest"]


@dataclass(frozen=True)
class Crossed:
    """Where one seed's value comes to the level, and keeps it at all larger places.

    Attributes:
        low, high: the places between which it does; −∞ and ∞ at the ends.
        value: by linear interpolation between them; NaN beyond the places that were tried.
        beyond: on which side of them it is.
    """

    low: float
    high: float
    value: float
    beyond: Beyond = ""


def crossed(places: Sequence[float], values: Sequence[float], level: float) -> Crossed:
    """The last place whose value is below the level, and the next one.

    Args:
        places: of the option, in any order.
        values: at each of them; NaN for a run without one, which is left out.
        level: to come to.

    Raises:
        ValueError: if no place has a value.
    """
    known = sorted((x, y) for x, y in zip(places, values, strict=True) if y == y)
    if not known:
        raise ValueError("crossing: expected a run with a value, got none")
    below = [i for i, (_, y) in enumerate(known) if y < level]
    if not below:
        return Crossed(-inf, known[0][0], nan, "below the lowest")
    last = below[-1]
    if last == len(known) - 1:
        return Crossed(known[-1][0], inf, nan, "above the highest")
    (low, before), (high, after) = known[last], known[last + 1]
    return Crossed(low, high, low + (high - low) * (level - before) / (after - before))
