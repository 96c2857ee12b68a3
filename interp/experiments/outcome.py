"""What came of an experiment: the runs of every stage, and what was read off them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import product
from typing import TYPE_CHECKING, Any

import numpy as np

from interp.experiments.crossings import Crossed
from interp.experiments.plan import Crossing, Experiment, Point
from interp.training.display import Result
from interp.words.options import short_name

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class Read:
    """A crossing of one condition and seed."""

    crossing: Crossing
    condition: Point
    seed: int
    where: Crossed


@dataclass(frozen=True)
class Summary:
    """A crossing of one condition, over the seeds.

    Attributes:
        crossing, condition: whose.
        each: interpolated place of every seed that has one.
        low, high: the widest interval that the runs of all seeds leave.
        beyond: how many seeds cross beyond the places that were tried, in words; empty for none.
        extrapolated: of how many seeds it was compared with a value of another place.
    """

    crossing: Crossing
    condition: Point
    each: tuple[float, ...]
    low: float
    high: float
    beyond: str
    extrapolated: int = 0

    @property
    def words(self) -> str:
        """How far it was measured: whether beyond all places, or extrapolated."""
        far = f"{self.extrapolated} of {len(self.each)} extrapolated" if self.extrapolated else ""
        return ", ".join(filter(None, (self.beyond, far))) or "measured"

    @property
    def mean(self) -> float | None:
        """Over the seeds; None if one of them has no place, as a mean of the rest would lie."""
        return float(np.mean(self.each)) if self.each and not self.beyond else None


def as_asked(grouped: pd.Series, rows: pd.Series) -> pd.Series:
    """An option's values as the rows have them: beside NaN, pandas makes numbers of whole ones."""
    import pandas as pd

    if not grouped.isna().any():
        return grouped
    known = {value: value for value in rows if value is not None}
    return pd.Series([known.get(one) for one in grouped], index=grouped.index, dtype=object)


def label(point: Point) -> str:
    """``ξ 0.2 · weight decay 1``."""
    return " · ".join(f"{short_name(path)} {value}" for path, value in point.items())


@dataclass(frozen=True, repr=False)
class Outcome(Result):
    """The result of an experiment.

    Attributes:
        experiment: what was done.
        stages: a table a stage, a row a run: hash, status, options, seed, values.
        reads: every crossing of each condition and seed.
    """

    experiment: Experiment
    stages: Mapping[str, pd.DataFrame]
    reads: tuple[Read, ...]

    @property
    def caption(self) -> str:
        """Which experiment, of which seeds, after how many steps."""
        asked = self.experiment
        seeds = f"{asked.seeds} seed{'s' * (asked.seeds > 1)} from 0"
        return f"{asked.name} · {seeds} · {sum(map(len, self.stages.values()))} runs"

    @property
    def note(self) -> str:
        """What is to be known of the numbers; runs that failed."""
        failed = sum(int((rows["status"] != "done").sum()) for rows in self.stages.values())
        words = f"{failed} runs failed and are left out" if failed else ""
        return " · ".join(one for one in (words, self.experiment.note.strip()) if one)

    @property
    def summaries(self) -> tuple[Summary, ...]:
        """Every crossing of each condition over the seeds."""
        return tuple(self._summaries())

    def _summaries(self) -> Iterator[Summary]:
        for one in self.experiment.crossings:
            for condition in self.experiment.conditions:
                every = [
                    read.where
                    for read in self.reads
                    if read.crossing == one and read.condition == condition
                ]
                count = Counter(where.beyond for where in every if where.beyond)
                beyond = [f"{n} of {len(every)} {side}" for side, n in sorted(count.items())]
                yield Summary(
                    one,
                    condition,
                    tuple(where.value for where in every if not where.beyond),
                    min(where.low for where in every),
                    max(where.high for where in every),
                    ", ".join(beyond),
                    sum(where.extrapolated for where in every if not where.beyond),
                )

    def values(self) -> dict[str, float | None]:
        """The mean place of each crossing in each condition; None where a seed has none."""
        return {self._name(one): one.mean for one in self.summaries} | self._means()

    def _name(self, one: Summary) -> str:
        return " ".join(filter(None, (one.crossing.name, label(one.condition))))

    def _means(self) -> dict[str, float | None]:
        """Of stages of one run a condition and seed: the mean of each value."""
        found: dict[str, float | None] = {}
        for stage in self.experiment.stages:
            if stage.axes or stage.bisect is not None:
                continue
            for row in self.table(stage.name).to_dict("records"):
                point = {path: row[path] for path in self.experiment.axes}
                for value in self.experiment.values:
                    name = " ".join(filter(None, (f"{stage.name}.{value}", label(point))))
                    found[name] = None if np.isnan(row[value]) else float(row[value])
        return found

    def table(self, stage: str) -> pd.DataFrame:
        """Means over the seeds of the runs of a stage that finished, a row a place."""
        paths = self.experiment.options_of(stage)
        return self.spread(stage)[[*paths, *self.experiment.values]]

    def spread(self, stage: str) -> pd.DataFrame:
        """As :meth:`table`, with ``<value>_least`` and ``<value>_greatest`` over the seeds."""
        rows, values = self.stages[stage], list(self.experiment.values)
        paths = list(self.experiment.options_of(stage))
        known = rows.assign(**{name: rows[name].astype(float) for name in values})
        grouped = known.groupby(paths, dropna=False) if paths else known.groupby(lambda _: 0)
        ending = {"mean": "", "min": "_least", "max": "_greatest"}
        found = grouped[values].agg(list(ending))
        pairs = product(values, ending)
        found.columns = [f"{name}{ending[how]}" for name, how in pairs]
        found = found.reset_index(drop=not paths)
        for path in paths:
            found[path] = as_asked(found[path], rows[path])
        return found

    def to_pandas(self) -> pd.DataFrame:
        """A row a run of every stage."""
        import pandas as pd

        named = [rows.assign(stage=stage) for stage, rows in self.stages.items()]
        found = pd.concat(named, ignore_index=True)
        return found[["stage", *(one for one in found.columns if one != "stage")]]

    def to_dict(self) -> dict[str, Any]:
        """Plain data: the values, and every crossing with the runs between which it lies."""
        rows = [
            {
                "crossing": one.crossing.name,
                "condition": dict(one.condition),
                "seed": one.seed,
                "low": None if one.where.low == -np.inf else one.where.low,
                "high": None if one.where.high == np.inf else one.where.high,
                "value": None if one.where.beyond else one.where.value,
                "beyond": one.where.beyond or None,
                "extrapolated": one.where.extrapolated,
            }
            for one in self.reads
        ]
        return {**super().to_dict(), "crossings": rows}
