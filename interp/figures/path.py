"""The path of the weights over training: length, distance from the start, and its control."""

from __future__ import annotations

from html import escape

import numpy as np
import plotly.graph_objects as go
from plotly.subplots import make_subplots

from interp.analysis.trajectory.path import Path, PathPart
from interp.figures.expected import expect
from interp.figures.template import CLASS_COLOUR, SPLIT_COLOUR, styled

_LOOKS = {
    "length": ("length so far", "solid", SPLIT_COLOUR["train"]),
    "distance": ("distance from the start", "dash", SPLIT_COLOUR["test"]),
    "walk": ("control: steps in unrelated directions", "dot", CLASS_COLOUR["dead"]),
}
_MOST = 4  # parts in panels of their own


def path(found: Path, title: str | None = None) -> go.Figure:
    """A panel for all weights and one a parameter: length, distance and walk against the step.

    Args:
        found: of the measure ``path``.
        title: of the figure.
    """
    expect(found, Path)
    parts = found.parts[:_MOST]
    columns = min(len(parts), 2)
    rows = -(-len(parts) // columns)
    figure = make_subplots(
        rows=rows,
        cols=columns,
        subplot_titles=[_words(one.part) for one in parts],
        horizontal_spacing=0.12,
        vertical_spacing=0.24 if rows > 1 else 0.0,
    )
    for place, part in enumerate(parts):
        at = {"row": place // columns + 1, "col": place % columns + 1}
        for name in _LOOKS:
            figure.add_trace(_line(found, part, name, not place), **at)
        if at["col"] == 1:
            figure.update_yaxes(title_text="in units of weight", **at)
    figure.update_xaxes(title_text="step", nticks=5)
    figure.update_yaxes(rangemode="tozero")
    height = 190 + 230 * rows
    figure.update_layout(legend={"orientation": "h", "y": -75 / height, "yanchor": "top"})
    more = len(found.parts) - len(parts)
    caption = found.about + (f" · {more} parts more in the table" if more else "")
    styled(figure, title or f"Path of the weights of {escape(found.name)}", caption, height)
    return figure.update_layout(margin={"t": 110, "b": 110})


def _words(part: str) -> str:
    return "all weights" if part == "all" else escape(part)


def _line(found: Path, part: PathPart, name: str, legend: bool) -> go.Scatter:
    words, dash, colour = _LOOKS[name]
    return go.Scatter(
        x=np.array(found.points, dtype=np.int32),
        y=getattr(part, name).astype(np.float32),
        mode="lines",
        name=words,
        legendgroup=name,
        showlegend=legend,
        line={"dash": dash, "color": colour, "width": 2},
        hovertemplate=f"step %{{x}}<br>%{{y:.4g}}<extra>{words}</extra>",
    )
