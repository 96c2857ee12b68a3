"""Runs an experiment: a sweep a stage, later ones from the runs of earlier ones."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from interp.analysis.sweeps.measured import asked_of
from interp.analysis.sweeps.sweep import sweep
from interp.experiments.crossings import crossed
from interp.experiments.outcome import Outcome
from interp.experiments.plan import Bisect, Experiment, Point, Stage, find_experiment
from interp.experiments.readings import at, readings, told
from interp.training.arguments import as_function, as_path, whole
from interp.training.config.plain_data import flattened, read_config, with_overrides
from interp.training.config.run_config import parse_config
from interp.training.sweep.executors.machine import MachineLike, as_machine
from interp.training.sweep.plan.cell import content_hash
from interp.training.sweep.plan.grid import Grid, parse_grid
from interp.training.sweep.store import RUNS

# A condition, and what one of its runs has besides.
Place = tuple[Point, Point]

if TYPE_CHECKING:
    import pandas as pd

    from interp.training.sweep.table.tally import Tally

_WORTH_WORKERS = 8  # runs: fewer are done before workers have started
_START = "start.run"
_DIGITS = 6  # of a place that is tried between two others


def experiment(
    name: str | Path | Experiment,
    out: Path | str = "experiment",
    base: Mapping[str, Any] | Path | str | None = None,
    seeds: int | None = None,
    machine: MachineLike = "auto",
    watch: Callable[[Tally], None] | None = None,
) -> Outcome:
    """Trains what is missing of an experiment, stage by stage, and reads it off.

    It can be killed at any moment and started again: what is done is never done twice.

    Args:
        name: as ``interp experiment`` lists them, the path of a ``.yaml`` file of one's own, or
            the experiment itself.
        out: folder; the sweep of each stage is in ``out/name/stage``.
        base: a configuration, or its file, over the experiment's own base; conditions and stages
            keep what they set.
        seeds: another number of seeds.
        machine: where and how to train, as :func:`interp.sweep` takes it.
        watch: called after every run.

    Raises:
        ValueError: for an unknown experiment, or a stage that starts from a run that failed.
    """
    asked = name if isinstance(name, Experiment) else find_experiment(str(as_path(name, "a name")))
    as_function(watch, "watch")
    machine = as_machine(machine)
    if seeds is not None:
        asked = asked.model_copy(update={"seeds": whole(seeds, "seeds", least=1)})
    if base is not None:
        given = base if isinstance(base, Mapping) else read_config(base)
        merged = with_overrides(asked.base, flattened(given))
        asked = asked.model_copy(update={"base": merged})
    place = as_path(out, "a folder") / asked.name
    found: dict[str, pd.DataFrame] = {}
    for stage in asked.stages:
        trainer = _Trainer(asked, stage, place, machine, watch)
        found[stage.name] = trainer.of_all(found)
    return Outcome(asked, found, tuple(readings(asked, found)))


@dataclass(frozen=True)
class _Trainer:
    """Trains the runs of one stage.

    Attributes:
        asked, stage: what is done.
        place: folder of the experiment.
        machine, watch: as for a sweep.
    """

    asked: Experiment
    stage: Stage
    place: Path
    machine: MachineLike
    watch: Callable[[Tally], None] | None

    def of_all(self, before: Mapping[str, pd.DataFrame]) -> pd.DataFrame:
        """A row a run; columns of conditions, axes, seed and values."""
        if self.stage.bisect is not None:
            return self._searched(self.stage.bisect)
        seeds = list(range(self.asked.seeds))
        places = [(one, own) for one in self.asked.conditions for own in self.stage.points]
        if self.stage.start is None:
            return self._trained(places, seeds)
        # Of each seed another run is the start, so that each is a sweep of its own.
        rows = [
            self._trained(
                [(one, {**own, _START: self._start(one, seed, before)}) for one, own in places],
                [seed],
            )
            for seed in seeds
        ]
        return _together(rows)

    def _searched(self, bisect: Bisect) -> pd.DataFrame:
        """Both ends, then the middle of the interval of each condition."""
        conditions, seeds = self.asked.conditions, list(range(self.asked.seeds))
        ends = [(one, {bisect.along: x}) for one in conditions for x in (bisect.low, bisect.high)]
        found = self._trained(ends, seeds)
        for _ in range(bisect.rounds):
            points = []
            for one in conditions:
                low, high = self._interval(found, one, bisect)
                middle = round((low + high) / 2, _DIGITS)
                if low < middle < high:
                    points.append((one, {bisect.along: middle}))
            if not points:
                break
            found = _together([found, self._trained(points, seeds)])
        return found

    def _interval(
        self, found: pd.DataFrame, condition: Point, bisect: Bisect
    ) -> tuple[float, float]:
        """In which most seeds come to the level; of no width where they do beyond the ends."""
        rows = found[at(found, condition)]
        shares = rows.groupby(bisect.along)[bisect.value].apply(
            lambda values: float((values >= bisect.level).mean())
        )
        one = crossed(list(shares.index), list(shares), 0.5)
        return (one.low, one.high) if not one.beyond else (0.0, 0.0)

    def _start(self, condition: Point, seed: int, before: Mapping[str, pd.DataFrame]) -> str:
        """The folder of the run that a run begins with."""
        first = str(self.stage.start)
        rows = before[first]
        row = rows[at(rows, condition) & (rows["seed"] == seed)].iloc[0]
        if row["status"] != "done":
            raise ValueError(
                f"stage {self.stage.name}: expected a finished run of stage {first}, seed {seed}, "
                f"to start from; got {row['status']}: {row['error']}"
            )
        return str(row["run"])

    def _trained(self, places: Sequence[Place], seeds: list[int]) -> pd.DataFrame:
        """A row for each place and seed; what the stage sets, it sets in every condition."""
        points = [
            {path: v for path, v in one.items() if path not in self.stage.set} | dict(own)
            for one, own in places
        ]
        each = [point for i, point in enumerate(points) if point not in points[:i]]
        base = with_overrides(self.asked.base, self.stage.set)
        values: dict[str, Any] = {"base": base, "seeds": seeds, "measures": self.asked.measures}
        grid: Grid = parse_grid(values | ({"points": each} if each != [{}] else {}))
        machine = as_machine(self.machine)
        if machine.executor == "auto" and grid.count < _WORTH_WORKERS:
            machine = replace(machine, executor="serial")
        swept = sweep(grid, self.place / self.stage.name, machine, watch=self.watch)
        names = zip(asked_of(grid), grid.measures, strict=True)
        named = {f"{one.label}.": f"{name}." for one, name in names}
        table = swept.to_pandas().set_index("hash", drop=False)
        found = self._checked(table.rename(columns=partial(_by_measure, named)))
        kept = ["hash", "status", "error", "seed", *self.asked.columns]
        unset = {path for parts in places for one in parts for path, v in one.items() if v is None}
        unset |= {p for one in self.asked.conditions for p, value in one.items() if value is None}
        rows = []
        for (condition, own), point in zip(places, points, strict=True):
            cells = [parse_config(with_overrides(base, {**point, "seed": seed})) for seed in seeds]
            of_place = found.loc[[content_hash(one.identity()) for one in cells], kept]
            options = {**condition, **own}
            known = {path: told(value) for path, value in options.items() if path != _START}
            folders = [str(self.place / self.stage.name / RUNS / one) for one in of_place["hash"]]
            columns = {
                path: _column(value, len(seeds), path in unset) for path, value in known.items()
            }
            rows.append(of_place.assign(run=folders, **columns))
        return _together(rows)

    def _checked(self, rows: pd.DataFrame) -> pd.DataFrame:
        """The rows, if one of them has the values that are asked for."""
        if not (rows["status"] == "done").any():
            raise ValueError(
                f"stage {self.stage.name}: expected a run that finishes, got none; the first one: "
                f"{rows['error'].iloc[0]}"
            )
        for name in self.asked.columns:
            if name not in rows.columns:
                raise ValueError(
                    f"experiment {self.asked.name}: expected columns of the row of a run, got "
                    f"{name!r}"
                )
        return rows


def _column(value: Any, count: int, with_unset: bool) -> Any:
    """A value of some rows; beside rows without one numbers stay as they are."""
    return np.array([value] * count, dtype=object) if with_unset else value


def _by_measure(named: Mapping[str, str], column: str) -> str:
    """The column of a measure's value without the measure's options."""
    for label, name in named.items():
        if column.startswith(label):
            return f"{name}{column.removeprefix(label)}"
    return column


def _together(frames: Sequence[pd.DataFrame]) -> pd.DataFrame:
    import pandas as pd

    return pd.concat(frames, ignore_index=True)
