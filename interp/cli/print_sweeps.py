"""Sweeps as text on standard output, and as plain data."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from rich.table import Table

from interp.cli.print_runs import say
from interp.cli.progress import duration
from interp.cli.terminal import show

if TYPE_CHECKING:
    from interp.analysis.sweeps.boundary import Boundary
    from interp.analysis.sweeps.diagram import PhaseDiagram
    from interp.analysis.sweeps.estimate import Plan
    from interp.training.sweep.table.results import Results
    from interp.training.sweep.table.status import SweepStatus

_LISTED = 20  # values of an axis
_LETTERS = {
    "coexistence": "C",
    "partial inversion": "P",
    "full inversion": "F",
    "memorization": "M",
    "forgetting": "f",
    "confusion": "c",
    "budget too short": "?",
    "no test set": "n",
    "failed": "x",
    "tied": "=",
}


def print_plan(name: str, plan: Plan) -> None:
    """The axes and the number of cells of a sweep, its estimated time and disk."""
    sizes = " × ".join(f"{path} {len(values)}" for path, values in plan.axes.items())
    of_all = f" of {plan.every}" if plan.cells < plan.every else ""
    say(f"{name}: {plan.cells}{of_all} cells ({sizes or 'no axes'}; {len(plan.seeds)} seeds)")
    shown = Table("axis", "values")
    for path, values in {**plan.axes, "seed": plan.seeds}.items():
        shown.add_row(path, _listed(values))
    show(shown)
    if math.prod(map(len, plan.axes.values())) * len(plan.seeds) != plan.every:
        say("not every combination of these values is a cell of its own")
    if plan.invalid:
        say(f"{len(plan.invalid)} cells cannot be run, the first: {plan.invalid[0]}")
    if plan.done:
        say(f"{plan.done} cells are done already")
    if plan.problem is not None:
        say(f"the time cannot be estimated; the median cell: {plan.problem}")
        return
    if plan.seconds is None or plan.probe is None:
        say("nothing is left to do")
        return
    say(
        f"estimated: {duration(plan.seconds)} with {plan.workers} at once, "
        f"{plan.disk / 2**20:.1f} MiB of disk"
    )
    say(
        f"measured on the median cell: {plan.probe.step * 1000:.1f} ms a step, "
        f"{plan.probe.evaluation * 1000:.1f} ms an evaluation"
    )


def _listed(values: Sequence[Any]) -> str:
    """The values of an axis in a line; of very many the first and the last."""
    if len(values) <= _LISTED:
        return ", ".join(map(str, values))
    return f"{', '.join(map(str, values[: _LISTED - 1]))}, … {values[-1]} ({len(values)} values)"


def print_status(place: str, status: SweepStatus) -> None:
    """How far a sweep is."""
    running = {True: "running", False: "not running", None: "whether it runs cannot be known"}
    ended = sum(status.status.values())
    failed = ended - status.status["done"]
    say(f"{place}: {running[status.running]}")
    say(
        f"{status.status['done']} of {status.total} cells done, {failed} failed, {status.left} left"
    )
    if status.rate and status.left:
        text = f"{status.rate:.2f} runs/s"
        if status.running:
            text += f", {duration(status.left / status.rate)} left"
        say(text)
    for state, count in status.states.most_common():
        say(f"  {state:<20}{count:>7}")
    for cell, error in status.errors:
        say(f"  {cell}: {error}")


def counts_of(results: Results) -> dict[str, Any]:
    """Cells by status and by state."""
    return {
        "cells": len(results),
        "status": dict(Counter(results.table["status"].to_pylist())),
        "states": dict(Counter(_states(results))),
    }


def counted(results: Results) -> str:
    """Cells by state, in words that follow a colon; nothing if there is none."""
    counts = Counter(_states(results)).most_common()
    words = ", ".join(f"{count} {state}" for state, count in counts)
    return f": {words}" if words else ""


def _states(results: Results) -> list[str]:
    if "state" not in results.table.column_names:
        return []
    return [state or "done" for state in results.table["state"].to_pylist()]


def print_phases(place: str, diagram: PhaseDiagram, boundary: Boundary) -> None:
    """The diagram in letters, a block a panel, with the critical value under each column."""
    from interp.analysis.caption import percent
    from interp.figures.diagram.words import shown
    from interp.training.sweep.table.results import distinct

    for panel in diagram.panels:
        points = {(point.x, point.y): point for point in diagram.points if point.panel == panel}
        xs = distinct(x for x, _ in points)
        title = f"{place}" if panel is None else f"{diagram.panel} = {panel}"
        letters = Table(diagram.y, *map(shown, xs))
        letters.title, letters.title_justify = f"{title} ({diagram.x} →)", "left"
        for y in reversed(distinct(y for _, y in points)):
            row = [points.get((x, y)) for x in xs]
            letters.add_row(shown(y), *(_letter(point) for point in row))
        found = {row.x: row for row in boundary.rows if row.panel == panel}
        letters.add_section()
        letters.add_row("critical", *(_critical(found.get(x)) for x in xs))
        show(letters)
    used = [state for state in _LETTERS if any(point.state == state for point in diagram.points)]
    say(" · ".join(f"{_LETTERS[state]} {state}" for state in used))
    say(
        "by the vote of the seeds; a number: the share that agrees, where not all do. "
        f"critical: {boundary.y} up to which test accuracy ≥ 0.90, median over seeds, "
        f"{percent(boundary.level)} bootstrap interval"
    )


def _letter(point: Any) -> str:
    if point is None:
        return ""
    share = "" if point.share == 1 else f" {point.share:.2f}"
    return f"{_LETTERS[point.state]}{share}"


def _critical(row: Any) -> str:
    if row is None or row.value is None:
        return "–"
    if row.censored:
        return {"below the grid": "<", "above the grid": ">"}.get(row.censored, "–")
    if row.low is None or row.low == row.high:
        return f"{row.value:g}"
    return f"{row.value:g} ({row.low:g}–{row.high:g})"


def phases_summary(diagram: PhaseDiagram, boundary: Boundary) -> dict[str, Any]:
    """The diagram and its boundary as plain data; infinities as words, what is missing as null."""
    points = diagram.to_pandas().astype(object)
    rows = boundary.to_pandas().astype(object)
    return {
        "x": diagram.x,
        "y": diagram.y,
        "panel": diagram.panel,
        "points": [_plain(row) for row in points.to_dict("records")],
        "critical": [_plain(row) for row in rows.to_dict("records")],
    }


def _plain(row: dict[Any, Any]) -> dict[str, Any]:
    return {str(key): _value(value) for key, value in row.items()}


def _value(value: Any) -> Any:
    if isinstance(value, float):
        if value != value:
            return None
        if value in (float("inf"), float("-inf")):
            return "above" if value > 0 else "below"
    return value.item() if hasattr(value, "item") else value
