"""New points for a sweep where its diagram changes, so that boundaries get sharp cheaply."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any, get_args

import pyarrow as pa

from interp.analysis.phases.phase import PhaseName
from interp.analysis.sweeps.axes import base_values
from interp.analysis.sweeps.vote import Vote, vote
from interp.training.sweep.table.results import Results

PHASES = frozenset(get_args(PhaseName))
Place = tuple[Any, ...]


def refine(
    results: Results,
    x: str = "data.fraction",
    y: str = "data.corruption",
    base: Mapping[str, Sequence[float]] | None = None,
) -> list[dict[str, Any]]:
    """Points in the middle of two neighbours that differ in state, along x and along y.

    Neighbours agree in all other axes and have neither a point nor a value of the base grid
    between them. The second matters from the second round on: in the column that one midpoint
    made, the next point may be far away, with everything between not computed.

    A pair counts where the seeds of both voted for different phases, or for a phase and a tie
    between phases, for a tie lies on a boundary. "failed", "no test set" and "budget too short"
    are no phases: more points would not help there, but another option or a longer budget.

    Repeated k times, a boundary is known to h/2^k on each line of a base grid of spacing h.

    Args:
        results: of a sweep.
        x: an axis of numbers.
        y: another.
        base: values of x and y in the grid that the sweep started from. By default those values
            with at least half as many cells as the value with the most, which after several
            rounds on a small grid can take a refined value for one of the base.

    Returns:
        A mapping a point, from each axis to its value, without seeds. Midpoints have 12
        significant digits; on an axis of integers only those that are integers are given.

    Raises:
        ValueError: if there is no cell, x or y is no axis of numbers, two cells at one point have
            one seed, or no two points lie on a line along x or y, as where these are zipped.
    """
    for axis in (x, y):
        _check_axis(results, axis)
    points = _votes(results)
    lines = {axis: _lines(points, results.axes.index(axis)) for axis in (x, y)}
    if not any(len(line) > 1 for found in lines.values() for line in found):
        raise ValueError(f"expected points that differ in {x} or {y} alone, found none")
    new: dict[Place, None] = {}
    for axis, found in lines.items():
        place = results.axes.index(axis)
        whole = pa.types.is_integer(results.table.schema.field(axis).type)
        grid = (base or {}).get(axis) or base_values(results.table[axis].drop_null().to_pylist())
        for line in found:
            for low, high in pairwise(line):
                middle = _middle(low[place], high[place], whole)
                apart = any(low[place] < value < high[place] for value in grid)
                if middle is None or apart or not _differ(points[low], points[high]):
                    continue
                new[(*low[:place], middle, *low[place + 1 :])] = None
    return [dict(zip(results.axes, values, strict=True)) for values in new]


def _check_axis(results: Results, axis: str) -> None:
    if axis not in results.axes:
        raise ValueError(f"expected one of the axes {', '.join(results.axes)}; got {axis!r}")
    if not len(results):
        raise ValueError("expected results with at least one cell, found none")
    kind = results.table.schema.field(axis).type
    if not (pa.types.is_integer(kind) or pa.types.is_floating(kind)):
        raise ValueError(f"expected an axis of numbers, got {axis}")


def _votes(results: Results) -> dict[Place, Vote]:
    """The vote of the seeds of each point."""
    columns = [results.table[name].to_pylist() for name in (*results.axes, "seed", "state")]
    states: dict[Place, dict[int, str]] = {}
    for *place, seed, state in zip(*columns, strict=True):
        voted = states.setdefault(tuple(place), {})
        if seed in voted:
            where = ", ".join(f"{k} = {v}" for k, v in zip(results.axes, place, strict=True))
            raise ValueError(f"expected one cell at {where}, seed {seed}; found several")
        voted[seed] = state
    return {place: vote(found.values()) for place, found in states.items()}


def _lines(points: Mapping[Place, Vote], axis: int) -> list[list[Place]]:
    """Points that differ in one axis alone, in its order."""
    lines: dict[Place, list[Place]] = {}
    for place in points:
        if place[axis] is not None:
            lines.setdefault((*place[:axis], *place[axis + 1 :]), []).append(place)
    return [sorted(line, key=lambda place: place[axis]) for line in lines.values()]


def _middle(low: float, high: float, whole: bool) -> float | None:
    """The value halfway; None if no other value lies there."""
    if whole:
        return (low + high) // 2 if (low + high) % 2 == 0 else None
    middle = float(f"{(low + high) / 2:.12g}")
    return middle if low < middle < high else None


def _differ(one: Vote, other: Vote) -> bool:
    """Whether a boundary between phases runs between two points."""
    return one.state != other.state and all(
        found.state in PHASES or (found.state == "tied" and PHASES & found.votes.keys())
        for found in (one, other)
    )
