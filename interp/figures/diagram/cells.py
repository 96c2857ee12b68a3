"""The phase diagram of a sweep: states as crisp cells, one panel a value of the third axis."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import plotly.graph_objects as go

from interp.analysis.caption import percent
from interp.analysis.phases.phase import PhaseThresholds
from interp.analysis.sweeps.boundary import Boundary
from interp.analysis.sweeps.diagram import PhaseDiagram, Point
from interp.analysis.sweeps.vote import POINT_STATES, PointState
from interp.figures.diagram.boundary import critical_line
from interp.figures.diagram.scale import Scale, depth, panel_grid, scales
from interp.figures.diagram.words import axis_words, described, seeds_words
from interp.figures.expected import expect
from interp.figures.template import styled

# After Okabe and Ito's palette, lightened and darkened so that no two have the same grey:
# lightness 77, 53, 38, 91, 64, 16. Cold where the network generalizes, warm where it does not.
STATE_COLOUR: Mapping[PointState, str] = {
    "coexistence": "#7CC8F4",
    "partial inversion": "#00916A",
    "full inversion": "#005C99",
    "memorization": "#F5E960",
    "forgetting": "#EC7A2E",
    "confusion": "#3D1A47",
    "budget too short": "#E6E6E6",
    "no test set": "#F4F4F4",
    "failed": "#BDBDBD",
    "tied": "#D9D9D9",
}
_THIN = {"color": "rgba(255, 255, 255, 0.6)", "width": 0.7}
# No phase: grey, with a pattern.
STATE_PATTERN: Mapping[PointState, str] = {
    "budget too short": ".",
    "no test set": "-",
    "failed": "x",
    "tied": "/",
}


def phase_diagram(diagram: PhaseDiagram, boundary: Boundary | None = None) -> go.Figure:
    """The state of each point, a cell a point; what was not computed stays empty.

    Points of the base grid fill their cell; those of a refinement are smaller squares on top. A
    dot in a cell has the colour of what most of the other seeds ended in; two dots, a tie. States
    that are no phase are grey with a pattern.

    Args:
        diagram: from :func:`interp.analysis.sweeps.diagram.phase_diagram`.
        boundary: critical values to draw in, with their intervals.
    """
    expect(diagram, PhaseDiagram)
    if boundary is not None:
        expect(boundary, Boundary)
    x, y = scales(diagram)
    figure, width = panel_grid(diagram, x, y)
    figure.add_traces(state_legend(diagram))
    for i, panel in enumerate(diagram.panels):
        place = {"row": i // width + 1, "col": i % width + 1}
        points = [point for point in diagram.points if point.panel == panel]
        for trace in _cells(points, x, y):
            figure.add_trace(trace, **place)
        figure.add_trace(_marks(points, diagram, x, y), **place)
        if boundary is not None:
            for trace in critical_line(boundary, panel, x, y, first=not i):
                figure.add_trace(trace, **place)
    rows = -(-len(diagram.panels) // width)
    figure.update_layout(
        legend={"orientation": "h", "y": 0, "yref": "container", "yanchor": "bottom"},
        hoverdistance=30,
    )
    styled(figure, "Phase diagram", diagram_caption(diagram, boundary), height=186 + 330 * rows)
    return figure.update_layout(margin={"t": 112 if diagram.panel else 96, "b": 116})


def diagram_caption(diagram: PhaseDiagram, boundary: Boundary | None, dots: bool = True) -> str:
    """The vote, the bounds of the phases and the axes held fixed, in a line or two."""
    limits = PhaseThresholds()
    first = [
        f"vote of {seeds_words(diagram)}",
        f"generalized: test ≥ {limits.test:.2f}",
        f"memorized: train ≥ {limits.train:.2f}",
        f"full inversion: train < {limits.margin:.2f} − ξ",
    ]
    second = axis_words(diagram)
    if dots and any(point.share < 1 for point in diagram.points):
        second.append("dots: votes of seeds that disagree")
    if boundary is not None:
        second.append(f"line: median critical value, {percent(boundary.level)} bootstrap interval")
    return "<br>".join(" · ".join(parts) for parts in (first, second) if parts)


def _cells(points: Sequence[Point], x: Scale, y: Scale) -> list[go.Scatter]:
    """Rectangles, one trace a state and depth, the deeper ones later and so on top."""
    groups: dict[tuple[int, int], list[Point]] = {}
    for point in points:
        key = depth(point, x, y), POINT_STATES.index(point.state)
        groups.setdefault(key, []).append(point)
    traces = []
    for (level, index), members in sorted(groups.items()):
        state = POINT_STATES[index]
        bounds = [(*x.cell(p.x, level), *y.cell(p.y, level)) for p in members]
        corners = [((a, a, b, b, a, np.nan), (c, d, d, c, c, np.nan)) for a, b, c, d in bounds]
        traces.append(
            go.Scatter(
                x=np.ravel([right for right, _ in corners]).astype(np.float32),
                y=np.ravel([up for _, up in corners]).astype(np.float32),
                mode="lines",
                fill="toself",
                fillcolor=STATE_COLOUR[state],
                fillpattern=_pattern(state),
                line={"color": "white", "width": 2} if level == 0 else _THIN,
                name=state,
                legendgroup=state,
                showlegend=False,
                hoverinfo="skip",
            )
        )
    return traces


def _pattern(state: PointState) -> dict[str, Any] | None:
    shape = STATE_PATTERN.get(state)
    if shape is None:
        return None
    return {"shape": shape, "fgcolor": "#6E6E6E", "size": 7, "fillmode": "overlay"}


def state_legend(diagram: PhaseDiagram) -> list[go.Bar]:
    """Bars of nothing, for their squares in the legend: the states that occur, in their order."""
    return [
        go.Bar(
            x=[None],
            y=[None],
            marker={
                "color": STATE_COLOUR[state],
                "pattern": _pattern(state),
                "line": {"color": "#9A9A9A", "width": 0.5},
            },
            name=state,
            legendgroup=state,
        )
        for state in diagram.states
    ]


def _dots(point: Point) -> list[tuple[float, PointState | None]]:
    """Shift in cells and state of each dot: the two of a tie, or what most others ended in.

    Where all seeds agree, one without a state, which is not seen.
    """
    states = list(point.votes)
    if point.state == "tied":
        return [(-0.2, states[0]), (0.2, states[1])]
    return [(0.0, states[1] if len(states) > 1 else None)]


def _marks(points: Sequence[Point], diagram: PhaseDiagram, x: Scale, y: Scale) -> go.Scatter:
    """Dots where seeds disagree, and the hover label of every point, without a dot unseen."""
    marks = [(p, *dot) for p in points for dot in _dots(p)]
    deep = [depth(p, x, y) for p, _, _ in marks]
    width = [np.diff(x.cell(p.x, d))[0] for (p, _, _), d in zip(marks, deep, strict=True)]
    right = [x.at(p.x) + shift * w for (p, shift, _), w in zip(marks, width, strict=True)]
    return go.Scatter(
        x=np.array(right, dtype=np.float32),
        y=np.array([y.at(p.y) for p, _, _ in marks], dtype=np.float32),
        mode="markers",
        marker={
            "color": [STATE_COLOUR[state or p.state] for p, _, state in marks],
            "opacity": np.array([state is not None for _, _, state in marks], dtype=np.float32),
            "size": np.array([max(4, 9 - 3 * d) for d in deep], dtype=np.float32),
            "line": {"color": "white", "width": 1},
        },
        text=[described(p, diagram) for p, _, _ in marks],
        customdata=[[p.panel, p.x, p.y] for p, _, _ in marks],
        hovertemplate="%{text}<extra></extra>",
        showlegend=False,
    )
