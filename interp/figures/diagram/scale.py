"""Axes of a phase diagram: where a value is drawn, and how large its cell is."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from math import ceil
from typing import Any

import numpy as np
import plotly.graph_objects as go
from plotly.subplots import make_subplots

from interp.analysis.sweeps.axes import base_values
from interp.analysis.sweeps.diagram import PhaseDiagram, Point
from interp.figures.diagram.words import equation, shown
from interp.training.sweep.table.results import distinct
from interp.words.options import axis_name

_DEEPEST = 8  # halvings of the base grid that are told apart


@dataclass(frozen=True)
class Scale:
    """One axis.

    Attributes:
        title: its name in words, or its dotted path.
        base: places of the values of the base grid, rising.
        names: the values, where they are no numbers; drawn at 0, 1, 2…
    """

    title: str
    base: tuple[float, ...]
    names: tuple[Any, ...] | None

    def at(self, value: Any) -> float:
        """Where a value is drawn."""
        return float(value) if self.names is None else float(self.names.index(value))

    @property
    def edges(self) -> np.ndarray:
        """Bounds of the cells of the base grid: halfway between its values."""
        if len(self.base) == 1:
            return np.array([self.base[0] - 0.5, self.base[0] + 0.5])
        base = np.array(self.base)
        middle = (base[1:] + base[:-1]) / 2
        return np.concatenate([[2 * base[0] - middle[0]], middle, [2 * base[-1] - middle[-1]]])

    def depth(self, value: Any) -> int:
        """How often the base grid must be halved to hold a value; 0 for its own values."""
        place = self.at(value)
        if place in self.base or not self.base[0] < place < self.base[-1]:
            return 0 if place in self.base else _DEEPEST
        i = int(np.searchsorted(self.base, place))
        part = (place - self.base[i - 1]) / (self.base[i] - self.base[i - 1])
        exact = (d for d in range(_DEEPEST) if abs(part * 2**d - round(part * 2**d)) < 1e-6)
        return next(exact, _DEEPEST)

    def cell(self, value: Any, depth: int) -> tuple[float, float]:
        """Bounds of a value's cell: of the base grid at depth 0, half as wide at each further."""
        place = self.at(value)
        edges = self.edges
        i = int(np.clip(np.searchsorted(edges, place) - 1, 0, len(edges) - 2))
        if not depth:
            return float(edges[i]), float(edges[i + 1])
        half = float(edges[i + 1] - edges[i]) / 2 ** (depth + 1)
        return place - half, place + half

    def ticks(self, most: int) -> dict[str, Any]:
        """Settings of a plotly axis with at most so many labels, each at a value of the grid."""
        places = self.base[:: ceil(len(self.base) / most)]
        low, high = self.edges[[0, -1]]
        return {
            "tickvals": list(places),
            "ticktext": [shown(v if self.names is None else self.names[int(v)]) for v in places],
            "range": [float(low), float(high)],
            "showgrid": False,
        }


def scales(diagram: PhaseDiagram) -> tuple[Scale, Scale]:
    """The scales of x and y."""
    points = diagram.points
    return (
        _scale(diagram.x, [point.x for point in points]),
        _scale(diagram.y, [point.y for point in points]),
    )


def depth(point: Point, x: Scale, y: Scale) -> int:
    """0 for a point of the base grid, k for one that the k-th round of a refinement made."""
    return max(x.depth(point.x), y.depth(point.y))


def panel_grid(
    diagram: PhaseDiagram, x: Scale, y: Scale, rows: Sequence[str] = ()
) -> tuple[go.Figure, int]:
    """Empty panels, one for each value of the third axis, and how many stand in a row.

    Args:
        diagram: whose panels to draw.
        x: the axis to the right.
        y: the axis upwards.
        rows: words for rows of panels; without any, more than five panels are wrapped.
    """
    count = len(diagram.panels)
    height = len(rows) or ceil(count / 5)
    width = count if rows else ceil(count / height)
    panel = diagram.panel
    titles = (
        [equation(panel.rpartition(".")[2], value) for value in diagram.panels] if panel else []
    )
    figure = make_subplots(
        rows=height,
        cols=width,
        shared_xaxes=True if rows else "all",
        shared_yaxes="all",
        horizontal_spacing=0.03 if width < 4 else 0.02,
        vertical_spacing=0.05 if rows else 0.13,
        subplot_titles=titles,
    )
    figure.update_annotations(font={"size": 12})
    figure.update_xaxes(**x.ticks(max(3, 14 // width)))
    figure.update_yaxes(**y.ticks(6 if rows else 11), ticks="", showline=False)
    figure.update_yaxes(ticks="outside", showline=True, col=1)
    for i in range(count):
        row = height if rows else i // width + 1
        if row == height or i + width >= count:
            figure.update_xaxes(title_text=x.title, showticklabels=True, row=row, col=i % width + 1)
    for row in range(1, height + 1):
        title = f"{rows[row - 1]}<br>{y.title}" if rows else y.title
        figure.update_yaxes(title_text=title, row=row, col=1)
    return figure, width


def _scale(path: str, values: Iterable[Any]) -> Scale:
    values = list(values)
    if all(isinstance(value, int | float) and not isinstance(value, bool) for value in values):
        return Scale(axis_name(path), tuple(float(value) for value in base_values(values)), None)
    names = tuple(distinct(values))
    return Scale(axis_name(path), tuple(float(i) for i in range(len(names))), names)
