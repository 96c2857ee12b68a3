"""The continuous quantities of a phase diagram, beside its states."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import plotly.graph_objects as go

from interp.analysis.fourier.conventions import CONVENTIONS
from interp.analysis.sweeps.diagram import QUANTITIES, PhaseDiagram, Point
from interp.figures.diagram.scale import Scale, depth, panel_grid, scales
from interp.figures.diagram.words import QUANTITY_WORDS, axis_words, described, seeds_words
from interp.figures.expected import expect
from interp.figures.template import styled

_COLOURS = {"ipr": "Cividis"}
_ROW_PIXELS = 190


def phase_scores(diagram: PhaseDiagram) -> go.Figure:
    """Train, test and corrupted accuracy and mean IPR, means over seeds; nothing interpolated.

    Args:
        diagram: from :func:`interp.analysis.sweeps.diagram.phase_diagram`.
    """
    expect(diagram, PhaseDiagram)
    x, y = scales(diagram)
    figure, width = panel_grid(diagram, x, y, list(QUANTITY_WORDS.values()))
    for row, name in enumerate(QUANTITIES, start=1):
        drawn = _Row(name, f"coloraxis{row}", diagram, x, y)
        for column, panel in enumerate(diagram.panels, start=1):
            for trace in drawn.traces(panel):
                figure.add_trace(trace, row=row, col=column)
        values = [getattr(p, name).mean for p in diagram.points if getattr(p, name)]
        figure.update_layout({f"coloraxis{row}": _colour_axis(figure, name, row, width, values)})
    convention = diagram.convention
    if convention is not None and convention in CONVENTIONS:
        convention = CONVENTIONS[convention].words
    parts = [_seeds_of_means(diagram), *axis_words(diagram)]
    if convention is not None:
        parts.append(f"IPR: {convention}")
    styled(figure, "Scores of the phase diagram", " · ".join(parts), height=150 + 4 * _ROW_PIXELS)
    return figure.update_layout(margin={"t": 104 if diagram.panel else 84, "r": 90})


def _seeds_of_means(diagram: PhaseDiagram) -> str:
    """Of how many seeds the means are; those of runs that failed have no scores."""
    every = [(point, getattr(point, name)) for point in diagram.points for name in QUANTITIES]
    lacking = any(spread is not None and spread.seeds < point.seeds for point, spread in every)
    left_out = ", those without a score left out" if lacking else ""
    return f"mean of {seeds_words(diagram)}{left_out}"


@dataclass(frozen=True)
class _Row:
    """A row of panels: one quantity, in the colours and on the axes of all its panels."""

    name: str
    colours: str
    diagram: PhaseDiagram
    x: Scale
    y: Scale

    def value(self, point: Point) -> float:
        """Mean over the seeds of a point."""
        mean: float = getattr(point, self.name).mean
        return mean

    def traces(self, panel: Any) -> list[go.Heatmap | go.Scatter]:
        """A panel: the base grid as a heatmap, refined points as squares on it."""
        points = [p for p in self.diagram.points if p.panel == panel and getattr(p, self.name)]
        base = [point for point in points if not depth(point, self.x, self.y)]
        refined = [point for point in points if depth(point, self.x, self.y)]
        return [self.heatmap(base), *([self.squares(refined)] if refined else [])]

    def heatmap(self, points: Sequence[Point]) -> go.Heatmap:
        """Points of the base grid; what was not computed stays empty."""
        x, y = self.x, self.y
        size = len(y.base), len(x.base)
        values = np.full(size, np.nan, dtype=np.float32)
        text = np.full(size, "", dtype=object)
        for point in points:
            at = y.base.index(y.at(point.y)), x.base.index(x.at(point.x))
            values[at], text[at] = self.value(point), described(point, self.diagram)
        return go.Heatmap(
            z=values,
            x=x.edges.astype(np.float32),
            y=y.edges.astype(np.float32),
            coloraxis=self.colours,
            zsmooth=False,
            xgap=1.5,
            ygap=1.5,
            hoverongaps=False,
            customdata=text,
            hovertemplate="%{customdata}<extra></extra>",
        )

    def squares(self, points: Sequence[Point]) -> go.Scatter:
        """Points between those of the base grid, the smaller the finer."""
        pixels = 0.6 * _ROW_PIXELS / len(self.y.base)
        depths = [depth(p, self.x, self.y) for p in points]
        return go.Scatter(
            x=np.array([self.x.at(p.x) for p in points], dtype=np.float32),
            y=np.array([self.y.at(p.y) for p in points], dtype=np.float32),
            mode="markers",
            marker={
                "symbol": "square",
                "color": np.array([self.value(p) for p in points], dtype=np.float32),
                "coloraxis": self.colours,
                "size": [max(4.0, 1.6 * pixels / 2**halvings) for halvings in depths],
                "line": {"color": "rgba(255, 255, 255, 0.6)", "width": 0.7},
                "opacity": 1,  # plotly's 0.7 would mix the colours of two points
            },
            text=[described(p, self.diagram) for p in points],
            hovertemplate="%{text}<extra></extra>",
            showlegend=False,
        )


def _colour_axis(
    figure: go.Figure, name: str, row: int, width: int, values: Sequence[float]
) -> dict[str, object]:
    """One scale and one bar a quantity: accuracies from 0 to 1, the IPR over what occurs."""
    axis = figure.layout[f"yaxis{(row - 1) * width + 1 if row > 1 else ''}"].domain
    low, high = (min(values), max(values)) if name == "ipr" and values else (0.0, 1.0)
    return {
        "colorscale": _COLOURS.get(name, "Viridis"),
        "cmin": low,
        "cmax": high if high > low else low + 1,
        "colorbar": {
            "len": axis[1] - axis[0],
            "y": (axis[0] + axis[1]) / 2,
            "x": 1.01,
            "thickness": 12,
            "outlinewidth": 0,
            "nticks": 5,
        },
    }
