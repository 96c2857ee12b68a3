"""Where a phase ends: the critical corruption at each data fraction, with its uncertainty."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict, dataclass
from itertools import pairwise
from math import inf, nan
from typing import TYPE_CHECKING, Any, get_args

import numpy as np
from jaxtyping import Float, Int

from interp.analysis.caption import percent
from interp.analysis.measure import measure
from interp.analysis.phases.phase import PhaseName
from interp.analysis.sweeps.axes import Axes, Plane, base_values, plane
from interp.analysis.sweeps.bootstrap import Bootstrap, interval, median
from interp.analysis.sweeps.critical_value import CriticalValue
from interp.training.arguments import word
from interp.training.display import Result
from interp.training.sweep.table.results import Results, distinct

if TYPE_CHECKING:
    import pandas as pd

GENERALIZED: frozenset[PhaseName] = frozenset(
    {"coexistence", "partial inversion", "full inversion"}
)


@dataclass(frozen=True, repr=False)
class Boundary(Result):
    """The critical values of a sweep; ``rows`` are sorted by panel and x."""

    x: str
    y: str
    panel: str | None
    inside: frozenset[str]
    level: float
    draws: int
    rows: tuple[CriticalValue, ...]

    @property
    def caption(self) -> str:
        """What is critical, and the interval."""
        inside = ", ".join(sorted(self.inside))
        return (
            f"{self.y} up to which runs end in {inside} · {percent(self.level)} bootstrap interval"
        )

    def values(self) -> dict[str, float | str | None]:
        """The critical value at each x (and panel), or on which side of the grid it lies."""
        return {
            f"{self.x}={row.x}" + ("" if self.panel is None else f", {self.panel}={row.panel}"): (
                row.censored or row.value
            )
            for row in self.rows
        }

    def to_pandas(self) -> pd.DataFrame:
        """A row a critical value; what is undefined is NaN."""
        import pandas as pd

        table = pd.DataFrame([asdict(row) for row in self.rows])
        numbers = ["value", "low", "high", "bracket_low", "bracket_high"]
        table[numbers] = table[numbers].astype(float)
        if self.panel is None:
            table = table.drop(columns="panel")
        return table.rename(columns={"x": self.x, "panel": self.panel or "panel"})


def critical(
    results: Results,
    inside: Collection[str] = GENERALIZED,
    axes: Axes = Axes(),
    base: Mapping[str, Sequence[float]] | None = None,
    bootstrap: Bootstrap = Bootstrap(),
) -> Boundary:
    """The value of y up to which runs end inside a set of phases, at each x of each panel.

    For each seed, y is followed upwards from its lowest value until the first run outside. The
    last value inside and the first outside bracket the critical value, which is their middle.
    A run counts by its phase, whether or not its budget was long enough. Columns that a refinement
    put between those of the base grid are too short to be followed and are left out; its points in
    other columns make brackets narrower. The result is the median over seeds; between two middle
    ones it is their mean, or the lower one where a middle one is off the grid, so that more than
    half of the seeds are inside below the result.

    The interval is the percentile interval of a bootstrap over seeds: seeds are drawn with
    replacement, the same ones for all x of a panel. It knows the spread between seeds, not the
    spacing of the grid, which the bracket shows. With n seeds there are few different draws (3
    with n = 2, 10 with n = 3) and the interval is at most the range of the seeds: with two or
    three seeds it is coarse and covers less often than its level says.

    Args:
        results: of a sweep.
        inside: phases that count as inside (default: the three with test accuracy ≥ 0.90).
        axes: x, at whose values to look; y, an axis of numbers to follow upwards; and what else
            makes a plane.
        base: values of x and y in the grid that the sweep started from (default: those with at
            least half as many cells as the value with the most).
        bootstrap: level of the interval, and the draws.

    Raises:
        ValueError: if a phase is unknown or none is named, y is no axis of numbers, or the axes
            do not fit the results.
    """
    _check(inside)
    x, y = axes.x, axes.y
    found = plane(results, axes, ("phase",))
    if not all(isinstance(row[y], int | float) for row in found.rows):
        raise ValueError(f"expected y to be an axis of numbers, got {y}")
    grid = {
        axis: (base or {}).get(axis) or base_values(r[axis] for r in found.rows) for axis in (x, y)
    }
    panels: dict[Any, list[Mapping[str, Any]]] = {}
    for row in found.rows:
        panels.setdefault(found.place(row)[0], []).append(row)
    rows: list[CriticalValue] = []
    for part, value in enumerate(distinct(panels)):
        cells = panels[value]
        seeds = distinct(row["seed"] for row in cells)
        drawn = bootstrap.samples(part, len(seeds))
        for at in distinct(grid[x]):
            column = _column(found, cells, at, grid[y])
            brackets = _brackets(column, seeds, frozenset(inside))
            rows.append(_critical_value(value, at, brackets, drawn, bootstrap.level))
    level, draws = bootstrap.level, bootstrap.draws
    return Boundary(x, y, found.panel, frozenset(inside), level, draws, tuple(rows))


@measure(
    "boundary",
    reads="sweep",
    source="bootstrap over seeds of the corruption at which generalizing ends",
)
def boundary(
    results: Results,
    *,
    x: str = "data.fraction",
    y: str = "data.corruption",
    panel: str | None = None,
    level: float = 0.95,
) -> Boundary:
    """The critical corruption at each data fraction, with its bootstrap interval over seeds.

    Args:
        results: of a sweep.
        x: axis at whose values to look.
        y: axis of numbers to follow upwards.
        panel: a third axis.
        level: of the interval.
    """
    return critical(results, axes=Axes(x, y, panel), bootstrap=Bootstrap(level))


def _check(inside: Collection[str]) -> None:
    if isinstance(inside, str) or not inside:
        raise ValueError(f"inside: expected a set of phases, got {inside!r}")
    for name in inside:
        word(name, get_args(PhaseName), "inside")


def _column(
    found: Plane, cells: Sequence[Mapping[str, Any]], x: Any, grid: Sequence[float]
) -> dict[float, dict[int, str | None]]:
    """Phase by y, rising, and seed: at each y of the grid, and where else there are cells."""
    column: dict[float, dict[int, str | None]] = {value: {} for value in grid}
    for row in cells:
        if row[found.x] == x:
            column.setdefault(row[found.y], {})[row["seed"]] = row["phase"]
    return dict(sorted(column.items()))


def _brackets(
    column: Mapping[Any, Mapping[int, str | None]], seeds: list[int], inside: frozenset[str]
) -> Float[np.ndarray, "seed 2"]:
    """Last y inside and first y outside for each seed; NaN for a seed that does not count."""
    brackets = np.full((len(seeds), 2), nan)
    edges = [-inf, *column, inf]
    for i, seed in enumerate(seeds):
        for last, here in pairwise(edges):
            phase = column[here].get(seed) if here != inf else "past the last"
            if phase is None:
                break
            if phase not in inside:
                brackets[i] = last, here
                break
    return brackets


def _critical_value(
    panel: Any,
    x: Any,
    brackets: Float[np.ndarray, "seed 2"],
    drawn: Int[np.ndarray, "draw seed"],
    level: float,
) -> CriticalValue:
    values = brackets.sum(axis=-1) / 2
    count = int((~np.isnan(values)).sum())
    value = float(median(values)) if count else None
    low, high = interval(values[drawn], level) if count > 1 else (None, None)
    bracket_low, bracket_high = _middle(brackets, values) if count else (None, None)
    return CriticalValue(
        panel,
        x,
        value,
        low,
        high,
        bracket_low,
        bracket_high,
        seeds=count,
        left_out=len(values) - count,
        below=int((values == -inf).sum()),
        above=int((values == inf).sum()),
        censored={-inf: "below the grid", inf: "above the grid", None: "no seed"}.get(value, ""),
    )


def _middle(
    brackets: Float[np.ndarray, "seed 2"], values: Float[np.ndarray, " seed"]
) -> tuple[float, float]:
    """Bracket of the one or two seeds whose values make the median."""
    count = int((~np.isnan(values)).sum())
    middle = brackets[np.argsort(values, kind="stable")][[(count - 1) // 2, count // 2]]
    if not np.isfinite(middle).all():
        middle = middle[:1]
    low, high = middle.mean(axis=0)
    return float(low), float(high)
