"""Words above a panel, where no curve runs through them."""

from __future__ import annotations

from typing import Any

import numpy as np
import plotly.graph_objects as go

from interp.analysis.phases.events import Interval
from interp.figures.template import INK

LINE = 14  # pixels of a line of such words
_SIZE = 11


def above(share: float, place: int = 0) -> dict[str, Any]:
    """How words stand above a panel, at a place of its axis.

    Args:
        share: of the axis, from 0 at its beginning to 1 at its end; the words stay inside.
        place: of several lines, the lowest is 0.
    """
    anchor = "left" if share < 0.3 else "right" if share > 0.7 else "center"
    return {
        "y": 1.0,
        "yanchor": "bottom",
        "yshift": LINE * place,
        "xanchor": anchor,
        "showarrow": False,
        "font": {"size": _SIZE},
    }


def mark_interval(figure: go.Figure, interval: Interval, words: str, place: int = 0) -> None:
    """A band between two evaluations, through all rows; the words stand above the first.

    Args:
        figure: with steps on a logarithmic axis; it is changed, but not its margin.
        interval: between which two steps something happened.
        words: what happened.
        place: of several, the first is 0.
    """
    start = max(interval.after, 1)
    figure.add_vrect(x0=start, x1=interval.by, fillcolor=INK, opacity=0.18, line_width=0)
    steps = [np.max(trace.x) for trace in figure.data if trace.x is not None and len(trace.x)]
    last = max([*steps, interval.by, 2])
    figure.add_annotation(
        x=np.log10(start),
        xref="x",
        yref="y domain",
        text=f"{words} by step {interval.by}",
        **above(float(np.log10(start) / np.log10(last)), place),
    )


def make_room(figure: go.Figure, lines: int) -> go.Figure:
    """Widens a figure's upper margin for so many lines above its panels; one has room already."""
    return figure.update_layout(margin={"t": (figure.layout.margin.t or 84) + LINE * (lines - 1)})
