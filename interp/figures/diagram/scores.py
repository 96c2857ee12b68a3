"""The continuous quantities of a phase diagram, beside its states."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import plotly.graph_objects as go

from interp.analysis.fourier.conventions import CONVENTIONS
from interp.analysis.sweeps.diagram import QUANTITIES, PhaseDiagram, Point
from interp.figures.diagram.scale import Scale, depth, panel_grid, scales
from interp.figures.diagram.words import QUANTITY_WORDS, axis_words, described, seeds_words
from interp.figures.template import styled

_COLOURS = {"ipr": "Cividis"}
_ROW_PIXELS = 190


def phase_scores(diagram: PhaseDiagram) -> go.Figure:
    """Train, test and corrupted accuracy and mean IPR, means over seeds; nothing interpolated.

    Args:
        diagram: from :func:`interp.analysis.sweeps.diagram.phase_diagram`.
    """
    x, y = scales(diagram)
    figure, width = panel_grid(diagram, x, y, list(QUANTITY_WORDS.values()))
    for row, name in enumerate(QUANTITIES, start=1):
        for column, panel in enumerate(diagram.panels, start=1):
            points = [p for p in diagram.points if p.panel == panel and getattr(p, name)]
            for trace in _traces(points, name, row, diagram, x, y):
                figure.add_trace(trace, row=row, col=column)
        values = [getattr(p, name).mean for p in diagram.points if getattr(p, name)]
        figure.update_layout({f"coloraxis{row}": _colour_axis(figure, name, row, width, values)})
    convention = diagram.convention
    if convention is not None and convention in CONVENTIONS:
        convention = CONVENTIONS[convention].words
    parts = [f"mean of {seeds_words(diagram)}", *axis_words(diagram)]
    if convention is not None:
        parts.append(f"IPR: {convention}")
    styled(figure, "Scores of the phase diagram", " · ".join(parts), height=150 + 4 * _ROW_PIXELS)
    return figure.update_layout(margin={"t": 104 if diagram.panel else 84, "r": 90})


def _traces(
    points: Sequence[Point], name: str, row: int, diagram: PhaseDiagram, x: Scale, y: Scale
) -> list[go.Heatmap | go.Scatter]:
    """The base grid as a heatmap, refined points as squares on it."""
    size = len(y.base), len(x.base)
    values = np.full(size, np.nan, dtype=np.float32)
    text = np.full(size, "", dtype=object)
    refined = []
    for point in points:
        if depth(point, x, y):
            refined.append(point)
            continue
        at = y.base.index(y.at(point.y)), x.base.index(x.at(point.x))
        values[at], text[at] = getattr(point, name).mean, described(point, diagram)
    heatmap = go.Heatmap(
        z=values,
        x=x.edges.astype(np.float32),
        y=y.edges.astype(np.float32),
        coloraxis=f"coloraxis{row}",
        zsmooth=False,
        xgap=1.5,
        ygap=1.5,
        hoverongaps=False,
        customdata=text,
        hovertemplate="%{customdata}<extra></extra>",
    )
    if not refined:
        return [heatmap]
    pixels = 0.6 * _ROW_PIXELS / len(y.base)
    squares = go.Scatter(
        x=np.array([x.at(p.x) for p in refined], dtype=np.float32),
        y=np.array([y.at(p.y) for p in refined], dtype=np.float32),
        mode="markers",
        marker={
            "symbol": "square",
            "color": np.array([getattr(p, name).mean for p in refined], dtype=np.float32),
            "coloraxis": f"coloraxis{row}",
            "size": [max(4.0, 1.6 * pixels / 2 ** depth(p, x, y)) for p in refined],
            "line": {"color": "rgba(255, 255, 255, 0.6)", "width": 0.7},
            "opacity": 1,  # plotly's 0.7 would mix the colours of two points
        },
        text=[described(p, diagram) for p in refined],
        hovertemplate="%{text}<extra></extra>",
        showlegend=False,
    )
    return [heatmap, squares]


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
