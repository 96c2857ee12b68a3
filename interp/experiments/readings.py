"""What is read off the runs of an experiment: where values cross levels, or each other."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from math import inf, nan
from typing import TYPE_CHECKING, Any

from interp.experiments.crossings import Crossed, apart, crossed
from interp.experiments.outcome import Read
from interp.experiments.plan import Crossing, Experiment, Point

if TYPE_CHECKING:
    import pandas as pd


def at(rows: pd.DataFrame, place: Point) -> pd.Series:
    """Which rows are of a place."""
    import pandas as pd

    found = pd.Series(True, index=rows.index)
    for path, value in place.items():
        found &= rows[path].isna() if value is None else rows[path] == told(value)
    return found


def told(value: Any) -> Any:
    """An option's value as it stands in a table: lists and mappings as JSON."""
    return json.dumps(value) if isinstance(value, list | tuple | Mapping) else value


def readings(asked: Experiment, found: Mapping[str, pd.DataFrame]) -> Iterable[Read]:
    """Every crossing of each condition and seed."""
    for one in asked.crossings:
        for condition in asked.conditions:
            for seed in range(asked.seeds):
                yield Read(one, condition, seed, _where(one, condition, seed, found))


def _where(
    one: Crossing, condition: Point, seed: int, found: Mapping[str, pd.DataFrame]
) -> Crossed:
    """Where one seed's value crosses the level, or another stage's value."""

    def of(stage: str) -> pd.DataFrame:
        rows = found[stage]
        return rows[at(rows, condition) & (rows["seed"] == seed)]

    own = of(one.stage)
    places, values = list(own[one.along]), list(own[one.value])
    if one.against is None:
        return crossed(places, values, one.level)
    other = of(one.against)
    for name, least in one.among.items():
        other = other[other[name] >= least]
    other = other[other[one.value].notna()]
    # A run that never does leaves nothing to compare with, which is no error of the experiment.
    if not len(other):
        return Crossed(-inf, inf, nan, "with nothing to compare with")
    known = dict(zip(other[one.along], other[one.value], strict=True))
    return apart(places, values, known, one.level)
