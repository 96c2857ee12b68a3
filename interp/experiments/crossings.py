"""Where a value comes to a level along an option, run by run, and between which runs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from math import inf, nan
from typing import Literal

Beyond = Literal["", "below the lowest", "above the highest", "with nothing to compare with"]


@dataclass(frozen=True)
class Crossed:
    """Where one seed's value comes to the level, and keeps it at all larger places.

    Attributes:
        low, high: the places between which it does; −∞ and ∞ at the ends.
        value: by linear interpolation between them; NaN beyond the places that were tried.
        beyond: on which side of them it is.
        extrapolated: whether a value that it was compared with is another place's.
    """

    low: float
    high: float
    value: float
    beyond: Beyond = ""
    extrapolated: bool = False


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


def apart(
    places: Sequence[float], values: Sequence[float], others: Mapping[float, float], level: float
) -> Crossed:
    """The last place at which a value less another one is below the level, and the next one.

    Args:
        places: as of :func:`crossed`.
        values: likewise.
        others: the other value, by place; where it has none, that of the nearest place stands.
        level: to come to.

    Raises:
        ValueError: if no place has both.
    """
    if not others:
        raise ValueError("crossing: expected a run to compare with, got none")
    nearest = [min(others, key=lambda other: abs(other - place)) for place in places]
    away = [value - others[place] for value, place in zip(values, nearest, strict=True)]
    found = crossed(places, away, level)
    inside = [x for x in places if found.low <= x <= found.high]
    return replace(found, extrapolated=any(x not in others for x in inside))
