"""The phase diagram of many points: one heat map a panel, which stays smooth at any number."""

from __future__ import annotations

import numpy as np
import plotly.graph_objects as go

from interp.analysis.sweeps.diagram import PhaseDiagram, Point
from interp.analysis.sweeps.vote import POINT_STATES
from interp.figures.diagram.cells import STATE_COLOUR, diagram_caption, state_legend
from interp.figures.diagram.scale import Scale, depth, panel_grid, scales
from interp.figures.diagram.words import described
from interp.figures.expected import expect
from interp.figures.template import styled

_FEW = 2500  # points whose hover labels tell everything


def is_regular(diagram: PhaseDiagram) -> bool:
    """Whether every point lies on the base grid, none on a refinement of it."""
    x, y = scales(diagram)
    return all(depth(point, x, y) == 0 for point in diagram.points)


def dense_phase_diagram(diagram: PhaseDiagram) -> go.Figure:
    """The state of each point as a cell of a heat map; what was not computed stays empty.

    As :func:`interp.figures.phase_diagram`, without the dots of seeds that disagree: the hover
    label tells their votes.

    Args:
        diagram: whose points all lie on its base grid.
    """
    expect(diagram, PhaseDiagram)
    x, y = scales(diagram)
    figure, width = panel_grid(diagram, x, y)
    figure.add_traces(state_legend(diagram))
    for i, panel in enumerate(diagram.panels):
        points = [point for point in diagram.points if point.panel == panel]
        figure.add_trace(_cells(points, diagram, x, y), row=i // width + 1, col=i % width + 1)
    rows = -(-len(diagram.panels) // width)
    figure.update_layout(legend={"orientation": "h", "y": 0, "yref": "container"})
    figure.update_layout(legend={"yanchor": "bottom"})
    styled(
        figure, "Phase diagram", diagram_caption(diagram, None, dots=False), height=186 + 330 * rows
    )
    return figure.update_layout(margin={"t": 112 if diagram.panel else 96, "b": 116})


def _cells(points: list[Point], diagram: PhaseDiagram, x: Scale, y: Scale) -> go.Heatmap:
    columns = {place: i for i, place in enumerate(x.base)}
    rows = {place: i for i, place in enumerate(y.base)}
    shape = (len(rows), len(columns))
    state = np.full(shape, np.nan, dtype=np.float32)
    words = np.full(shape, "", dtype=object)
    few = len(diagram.points) <= _FEW
    for point in points:
        place = rows[y.at(point.y)], columns[x.at(point.x)]
        state[place] = POINT_STATES.index(point.state)
        words[place] = described(point, diagram) if few else _in_short(point)
    return go.Heatmap(
        # Its values, of which plotly draws the cells from halfway to halfway, as ``edges`` are.
        x=list(x.base),
        y=list(y.base),
        z=state,
        zmin=-0.5,
        zmax=len(POINT_STATES) - 0.5,
        colorscale=_steps(),
        showscale=False,
        xgap=1 if shape[1] < 60 else 0,
        ygap=1 if shape[0] < 60 else 0,
        text=words.tolist(),
        hovertemplate=f"%{{text}}<extra>{_place(x, y)}</extra>",
        hoverongaps=False,
    )


def _in_short(point: Point) -> str:
    """Of many points: megabytes of hover labels would make the page slow."""
    tested = "" if point.test is None else f"<br>test accuracy {point.test.mean:.3f}"
    return f"<b>{point.state}</b>, {point.share:.0%} of {point.seeds}{tested}"


def _place(x: Scale, y: Scale) -> str:
    """Where a cell lies, for its hover label; of axes of numbers."""
    numbers = x.names is None and y.names is None
    return f"{x.title} %{{x:.12~g}}<br>{y.title} %{{y:.12~g}}" if numbers else ""


def _steps() -> list[tuple[float, str]]:
    """A colour scale of crisp steps, a state each."""
    colours = [STATE_COLOUR[state] for state in POINT_STATES]
    count = len(colours)
    return [(at / count, colour) for i, colour in enumerate(colours) for at in (i, i + 1)]
