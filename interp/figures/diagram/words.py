"""What figures of a phase diagram say in words."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from interp.analysis.sweeps.diagram import QUANTITIES, PhaseDiagram, Point
from interp.words.options import axis_name

QUANTITY_WORDS: Mapping[str, str] = {
    "train": "train accuracy",
    "test": "test accuracy",
    "corrupted": "corrupted accuracy",
    "ipr": "mean IPR",
}


def shown(value: Any) -> str:
    """A value of an axis, 5.0 as 5."""
    return f"{value:.12g}" if isinstance(value, float) else str(value)


def equation(path: str, value: Any) -> str:
    """An axis and its value."""
    return f"{axis_name(path)} = {shown(value)}"


def described(point: Point, diagram: PhaseDiagram) -> str:
    """All that is known of a point, for a hover label."""
    axes = [(diagram.x, point.x), (diagram.y, point.y), (diagram.panel, point.panel)]
    named = [equation(path, value) for path, value in axes if path is not None]
    lines = [f"<b>{point.state}</b>", ", ".join(named[:2]), *named[2:]]
    votes = ", ".join(f"{count} {state}" for state, count in point.votes.items())
    lines.append(f"{_seeds(point.seeds, point.seeds)}: {votes}")
    for name in QUANTITIES:
        spread = getattr(point, name)
        if spread is not None:
            several = f" ({spread.low:.3f} to {spread.high:.3f})" if spread.seeds > 1 else ""
            some = f", {spread.seeds} of {point.seeds} seeds" if spread.seeds < point.seeds else ""
            lines.append(f"{QUANTITY_WORDS[name]} {spread.mean:.3f}{several}{some}")
    return "<br>".join(lines)


def seeds_words(diagram: PhaseDiagram) -> str:
    """How many seeds a point has."""
    counts = [point.seeds for point in diagram.points]
    return f"{_seeds(min(counts), max(counts))} a point"


def axis_words(diagram: PhaseDiagram) -> list[str]:
    """The axis of the panels, and those that are held at one value."""
    panels = [f"panels: {axis_name(diagram.panel)}"] if diagram.panel else []
    return panels + [equation(path, value) for path, value in diagram.fixed.items()]


def _seeds(low: int, high: int) -> str:
    return f"{low} seed{'s' * (low > 1)}" if low == high else f"{low} to {high} seeds"
