"""The phase diagram of a sweep: the state of each point, by the vote of its seeds."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from interp.analysis.measure import measure
from interp.analysis.sweeps.axes import Axes, plane
from interp.analysis.sweeps.vote import POINT_STATES, PointState, vote
from interp.training.display import Result
from interp.training.sweep.table.results import Results, distinct

if TYPE_CHECKING:
    import pandas as pd

# Column of the results behind each continuous quantity of a point.
QUANTITIES: Mapping[str, str] = {
    "train": "train_accuracy",
    "test": "test_accuracy",
    "corrupted": "corrupted_accuracy",
    "ipr": "mean_ipr",
}


@dataclass(frozen=True)
class Spread:
    """Mean, least and greatest value over the seeds that have one."""

    mean: float
    low: float
    high: float
    seeds: int


@dataclass(frozen=True)
class Point:
    """A place in the diagram: cells that differ by seed only.

    Attributes:
        x: value on the first axis.
        y: value on the second.
        panel: value on the third; None without one.
        state: by the vote of the seeds, see :class:`Vote`.
        share: of seeds that agree with it.
        votes: number of seeds by state.
        seeds: number of seeds that voted, those that failed included.
        train: accuracy over the seeds that are done; None where none has one.
        test: the same.
        corrupted: the same, against the given label.
        ipr: mean IPR of the neurons, the same.
    """

    x: Any
    y: Any
    panel: Any
    state: PointState
    share: float
    votes: Mapping[PointState, int]
    seeds: int
    train: Spread | None
    test: Spread | None
    corrupted: Spread | None
    ipr: Spread | None


@dataclass(frozen=True, repr=False)
class PhaseDiagram(Result):
    """The points of a sweep over two axes and, where there is one, a third.

    Attributes:
        x: dotted path of the first axis.
        y: of the second.
        panel: of the third; None without one.
        fixed: axes that were held at one value.
        convention: of the IPR; None if no cell has one.
        points: by panel, x and y.
    """

    x: str
    y: str
    panel: str | None
    fixed: Mapping[str, Any]
    convention: str | None
    points: tuple[Point, ...]

    @property
    def caption(self) -> str:
        """The axes, and those that are held fixed."""
        held = [f"{path} = {value}" for path, value in self.fixed.items()]
        axes = [f"x: {self.x}", f"y: {self.y}", *([f"panel: {self.panel}"] if self.panel else [])]
        return " · ".join([*axes, *held])

    def values(self) -> dict[str, float]:
        """Share of the points in each state."""
        counts = Counter(point.state for point in self.points)
        return {state: counts[state] / len(self.points) for state in self.states}

    @property
    def panels(self) -> list[Any]:
        """Values of the third axis; [None] without one."""
        return distinct(point.panel for point in self.points)

    @property
    def states(self) -> list[PointState]:
        """The states that occur, in their fixed order."""
        found = {point.state for point in self.points}
        return [state for state in POINT_STATES if state in found]

    def to_pandas(self) -> pd.DataFrame:
        """A row a point: axes, state, share, seeds, votes by state, means and ranges."""
        import pandas as pd

        voted = {state for point in self.points for state in point.votes}
        counted = [state for state in POINT_STATES if state in voted]
        return pd.DataFrame([self._row(point, counted) for point in self.points])

    def _row(self, point: Point, counted: Iterable[PointState]) -> dict[str, Any]:
        row = {self.x: point.x, self.y: point.y}
        if self.panel is not None:
            row[self.panel] = point.panel
        row |= {"state": point.state, "share": point.share, "seeds": point.seeds}
        row |= {f"votes.{state}": point.votes.get(state, 0) for state in counted}
        for name, column in QUANTITIES.items():
            spread: Spread | None = getattr(point, name)
            row[column] = spread.mean if spread else float("nan")
            row[f"{column}_low"] = spread.low if spread else float("nan")
            row[f"{column}_high"] = spread.high if spread else float("nan")
        return row


def phase_diagram(
    results: Results,
    x: str = "data.fraction",
    y: str = "data.corruption",
    panel: str | None = None,
    where: Mapping[str, Any] | None = None,
) -> PhaseDiagram:
    """The state of each point of a sweep. Nothing is interpolated: a point without cells is absent.

    Args:
        results: of a sweep.
        x: axis to the right.
        y: axis upwards.
        panel: a third axis; may be left out where only one other axis has several values.
        where: values at which further axes are held.

    Raises:
        ValueError: if an axis does not exist, the panel is not clear, two cells at one place
            have one seed, a state is unknown, or cells differ in the convention of the IPR.
    """
    columns = ("status", "state", "ipr_convention", *QUANTITIES.values())
    found = plane(results, Axes(x, y, panel, {} if where is None else where), columns)
    cells: dict[tuple[Any, Any, Any], list[Mapping[str, Any]]] = {}
    for row in found.rows:
        cells.setdefault(found.place(row), []).append(row)
    points = [_point(place, rows) for place, rows in cells.items()]
    return PhaseDiagram(
        found.x, found.y, found.panel, found.fixed, _convention(found.rows), _in_order(points)
    )


@measure("phase_diagram", reads="sweep", source="Doshi et al. 2024 (arXiv 2310.13061), figure 3")
def diagram(
    results: Results,
    *,
    x: str = "data.fraction",
    y: str = "data.corruption",
    panel: str | None = None,
) -> PhaseDiagram:
    """The state of each point of a sweep, by the vote of its seeds.

    Args:
        results: of a sweep.
        x: axis to the right.
        y: axis upwards.
        panel: a third axis; may be left out where only one other axis has several values.
    """
    return phase_diagram(results, x, y, panel)


def _point(place: tuple[Any, Any, Any], rows: list[Mapping[str, Any]]) -> Point:
    panel, x, y = place
    voted = vote(row["state"] for row in rows)
    done = [row for row in rows if row["status"] == "done"]
    spreads = {name: _spread(row[column] for row in done) for name, column in QUANTITIES.items()}
    return Point(x, y, panel, voted.state, voted.share, voted.votes, len(rows), **spreads)


def _spread(values: Iterable[float | None]) -> Spread | None:
    known = [value for value in values if value is not None]
    if not known:
        return None
    return Spread(sum(known) / len(known), min(known), max(known), len(known))


def _in_order(points: list[Point]) -> tuple[Point, ...]:
    order = {
        word: {value: i for i, value in enumerate(distinct(getattr(p, word) for p in points))}
        for word in ("panel", "x", "y")
    }

    def place(point: Point) -> list[int]:
        return [found[getattr(point, word)] for word, found in order.items()]

    return tuple(sorted(points, key=place))


def _convention(rows: Iterable[Mapping[str, Any]]) -> str | None:
    found = sorted({row["ipr_convention"] for row in rows} - {None})
    if len(found) > 1:
        raise ValueError(f"expected one convention of the IPR in all cells, got {', '.join(found)}")
    return found[0] if found else None
