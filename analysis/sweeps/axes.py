"""The plane of two axes of a sweep, one panel a value of a third."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from interp.training.arguments import as_text, of_kind, shown
from interp.training.sweep.table.results import Results, distinct


@dataclass(frozen=True)
class Axes:
    """Axes of a sweep that make a plane.

    Attributes:
        x: axis to the right.
        y: axis upwards.
        panel: a third axis; may be left out where only one other axis has several values.
        where: values at which further axes are held.
    """

    x: str = "data.fraction"
    y: str = "data.corruption"
    panel: str | None = None
    where: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Plane:
    """Cells of a sweep on a plane.

    Attributes:
        x: dotted path of the axis that is drawn to the right.
        y: of the axis that is drawn upwards.
        panel: of the axis with a panel a value; None if there is no third axis.
        fixed: axes that were held at one value.
        rows: a mapping a cell: its axes, its seed, and the columns that were asked for.
    """

    x: str
    y: str
    panel: str | None
    fixed: Mapping[str, Any]
    rows: tuple[Mapping[str, Any], ...]

    def place(self, row: Mapping[str, Any]) -> tuple[Any, Any, Any]:
        """Panel value, x and y of a cell."""
        return (row[self.panel] if self.panel else None, row[self.x], row[self.y])


def plane(results: Results, axes: Axes, columns: Sequence[str]) -> Plane:
    """Lays the cells of a sweep out on two axes.

    Args:
        results: of a sweep.
        axes: of the plane.
        columns: of the results to keep.

    Raises:
        ValueError: if an axis does not exist or is named twice, no cell is left, the panel is not
            clear, or a place on the plane holds cells that differ in another option.
    """
    of_kind(results, Results, "the results of a sweep, such as interp.sweep(grid, folder)")
    fixed = dict(of_kind(axes.where, Mapping, "where as axes with their values"))  # type: ignore[type-abstract]
    _check_axes(results.axes, axes)
    names = list(dict.fromkeys((*results.axes, "seed", *columns)))
    known = [name for name in names if name in results.table.column_names]
    nothing = dict.fromkeys(columns)  # such as scores, where no cell has any
    rows = [{**nothing, **row} for row in results.table.select(known).to_pylist()]
    for axis, value in fixed.items():
        there = distinct(row[axis] for row in rows)
        rows = [row for row in rows if _is(row[axis], value)]
        if not rows:
            raise ValueError(f"expected a cell with {axis} = {value}; there are {_listed(there)}")
    if not rows:
        raise ValueError("expected results with at least one cell, found none")
    panel = axes.panel
    if panel is None:
        others = [axis for axis in results.axes if axis not in {axes.x, axes.y, *fixed}]
        panel = _panel(others, rows)
    found = Plane(axes.x, axes.y, panel, fixed, tuple(rows))
    _check_places(found, results.axes)
    return found


def _is(there: Any, value: Any) -> bool:
    """Whether a cell has the value that was asked for, also where it was typed as text.

    An axis whose values are not of one kind is a column of their JSON.
    """
    if there == value:
        return True
    if isinstance(there, str):
        return there == json.dumps(value)
    if isinstance(value, str) and there is not None:
        try:
            return bool(there == float(value))
        except ValueError:
            return False
    return False


def base_values(values: Iterable[Any]) -> list[Any]:
    """The values of an axis that make its grid: those with at least half as many cells as the most.

    A number that a refinement put between two others holds only the cells near a boundary. One
    beyond all others is of the grid, however few cells it has, and so is what is no number.
    """
    counts = Counter(values)
    numbers = {v: n for v, n in counts.items() if isinstance(v, int | float)}
    most = max(numbers.values(), default=0)
    found = {value for value, count in numbers.items() if 2 * count >= most}
    # From the outside in: a refinement's own, which lie inside, have fewer cells.
    for outwards in (sorted(numbers), sorted(numbers, reverse=True)):
        beyond = 0
        for value in outwards:
            if value in found:
                break
            if numbers[value] >= beyond:
                found, beyond = found | {value}, numbers[value]
    return distinct([*found, *(value for value in counts if value not in numbers)])


def _listed(values: Iterable[Any]) -> str:
    return ", ".join(str(value) for value in values)


def _check_axes(known: Sequence[str], axes: Axes) -> None:
    """Every name is an axis, and x, y and panel are three of them."""
    drawn = {"x": axes.x, "y": axes.y, "panel": axes.panel}
    for word in ("x", "y"):
        as_text(drawn[word], f"{word} as the name of an axis,")
    for word, path in (drawn | {f"where {shown(path)}": path for path in axes.where}).items():
        if path is not None and (not isinstance(path, str) or path not in known):
            raise ValueError(
                f"expected {word} to be one of the axes {_listed(known)}; got {shown(path)}"
            )
    named = [path for path in drawn.values() if path is not None]
    if len(set(named)) < len(named):
        raise ValueError(f"expected x, y and panel to be different axes; got {_listed(named)}")


def _panel(others: Sequence[str], rows: Sequence[Mapping[str, Any]]) -> str | None:
    """The only other axis, or the only one with several values."""
    varied = [axis for axis in others if len({row[axis] for row in rows}) > 1]
    if len(varied) > 1:
        raise ValueError(
            f"expected panel to name one of the axes {_listed(varied)}, "
            "and where to hold the others at one value"
        )
    if varied:
        return varied[0]
    return others[0] if len(others) == 1 else None


def _check_places(found: Plane, axes: Sequence[str]) -> None:
    """At each place on the plane all cells agree in the other axes, and differ in the seed."""
    rest = [axis for axis in axes if axis not in (found.x, found.y, found.panel)]
    first: dict[tuple[Any, ...], Mapping[str, Any]] = {}
    seeds: set[tuple[Any, ...]] = set()
    for row in found.rows:
        place = found.place(row)
        other = first.setdefault(place, row)
        differing = [axis for axis in rest if row[axis] != other[axis]]
        if differing:
            raise ValueError(
                f"expected where to hold {_listed(differing)} at one value; "
                f"cells at {found.x} = {row[found.x]}, {found.y} = {row[found.y]} differ in it"
            )
        if (*place, row["seed"]) in seeds:
            raise ValueError(
                f"expected one cell at {found.x} = {row[found.x]}, {found.y} = {row[found.y]}, "
                f"seed {row['seed']}; found several that differ in an option that is no axis"
            )
        seeds.add((*place, row["seed"]))
