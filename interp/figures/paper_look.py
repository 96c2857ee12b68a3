"""The look of a figure in a paper: sized to a column, small type, thin lines, no title."""

from __future__ import annotations

from typing import Any, Literal

import plotly.graph_objects as go

from interp.figures.expected import expect
from interp.figures.room import break_titles, spread_columns
from interp.training.arguments import shown, whole

PIXELS_PER_INCH = 96  # of CSS, so of SVG and PDF
_POINT = PIXELS_PER_INCH / 72
_INCHES = {1: 3.4, 2: 7.0}  # 86 and 178 mm: a column, and two with their gap
_TEXT, _SMALL = 8 * _POINT, 7 * _POINT
_BAR = 52  # pixels of a bar of colours with its ticks and title
_UNDER_AXIS = 40  # pixels of the axis' ticks and title, below which a bar lies
_SMALL_LINE = 12  # pixels of a line of small type
_THINNER = 0.6
_SCREEN_WIDTH = 1000  # pixels that a figure's height on a screen is meant for


def paper(figure: go.Figure, columns: Literal[1, 2] = 1) -> go.Figure:
    """A copy of a figure as a paper prints it: 8 point type, no title (the caption says it).

    Args:
        figure: any figure of the toolkit; not changed.
        columns: 1 for a column of 3.4 inches (86 mm), 2 for both, 7.0 inches (178 mm).

    Raises:
        ValueError: if there is no such number of columns.
    """
    expect(figure, go.Figure)
    if whole(columns, "columns") not in _INCHES:
        raise ValueError(f"columns: expected 1 or 2, got {shown(columns)}")
    drawn = go.Figure([t for t in figure.data if t.visible != "legendonly"], figure.layout)
    width = _INCHES[columns] * PIXELS_PER_INCH
    rows = _legend_rows(drawn, width - 24)
    tall = 0.62 if columns == 2 else 0.56
    drawn.update_layout(
        title=None,
        width=round(width),
        height=round(tall * (figure.layout.height or 420)) + 18 * rows,
        font={"family": "Arial, Helvetica, Liberation Sans, sans-serif", "size": _TEXT},
        margin={"l": 44, "r": 12, "t": 8, "b": 40 + 18 * rows},
        legend={
            "orientation": "h",
            "x": 0,
            "xanchor": "left",
            "y": 0,
            "yref": "container",
            "yanchor": "bottom",
            "font": {"size": _SMALL},
            "itemwidth": 30,
            "tracegroupgap": 0,
        },
    )
    drawn.layout.updatemenus = ()  # buttons are for a screen
    spread_columns(drawn, width - 56)
    break_titles(drawn, width - 56, _TEXT)
    _lift(drawn)
    _stretch(drawn)
    _lay_bars(drawn)
    _shrink(drawn, 5 if columns == 1 else 8)
    return drawn


def _lift(figure: go.Figure) -> None:
    """Room at the top for words above the panels."""
    notes = [note for note in figure.layout.annotations if note.showarrow is False]
    words = [note for note in notes if _is_above(note)]
    if words:
        lines = max(note.text.count("<br>") for note in words)
        more = 16 + max(note.yshift or 0 for note in words) + _SMALL_LINE * lines
        figure.update_layout(
            margin={"t": figure.layout.margin.t + more}, height=figure.layout.height + more
        )


def _stretch(figure: go.Figure) -> None:
    """Room for rows of words beside the axis, and for a bar of colours below it."""
    layout = figure.layout
    words = {str(one) for trace in figure.data for one in _words_of(trace.y)}
    needed = layout.margin.t + layout.margin.b + 13 * sum(1.4 + w.count("<br>") for w in words)
    below = _BAR if any(_lies(trace) for trace in figure.data) else 0
    figure.update_layout(
        height=round(max(layout.height, needed)) + below,
        margin={"b": layout.margin.b + below},
    )


def _lay_bars(figure: go.Figure) -> None:
    """Bars of colours as far below the axes as words need, so that none runs into the legend."""
    margin = figure.layout.margin
    high = figure.layout.height - margin.t - margin.b
    for trace in filter(_lies, figure.data):
        if trace.colorbar.yref != "container":  # which has a place of its own
            trace.update(colorbar={"y": -_UNDER_AXIS / high, "yanchor": "top"})


def _words_of(values: Any) -> list[str]:
    """The names of rows, where a trace has names."""
    return [] if values is None else [one for one in values if isinstance(one, str)]


def _lies(trace: Any) -> bool:
    """Whether a bar of colours lies below the axes."""
    bar = getattr(trace, "colorbar", None)
    return bar is not None and bar.orientation == "h"


def _shrink(figure: go.Figure, ticks: int) -> None:
    """Type, ticks and lines for a figure of a third of the size."""
    small = {"font": {"size": _TEXT}, "standoff": 4}
    for update in (figure.update_xaxes, figure.update_yaxes):
        update(title=small, tickfont={"size": _SMALL}, ticklen=3, linewidth=0.8, tickwidth=0.8)
    figure.update_xaxes(nticks=ticks)
    figure.update_annotations(font={"size": _SMALL})
    for trace in figure.data:
        _thin(trace)


def _is_above(note: go.layout.Annotation) -> bool:
    """Whether words stand above a panel."""
    return (
        note.yref is not None and note.yref.endswith(("paper", "domain")) and (note.y or 0) > 0.99
    )


def _legend_rows(figure: go.Figure, width: float) -> int:
    """About how many rows the legend takes at a width."""
    if figure.layout.showlegend is False:
        return 0
    names = [t.name or "" for t in figure.data if t.showlegend is not False]
    names += [one.name or "" for one in figure.layout.shapes if one.showlegend]
    if len(names) < 2 and figure.layout.showlegend is not True:
        return 0
    taken, rows = 0.0, 1
    for name in names:
        entry = 48 + 0.55 * _SMALL * len(name)
        if taken and taken + entry > width:
            taken, rows = 0.0, rows + 1
        taken += entry
    return rows


def _thin(trace: Any) -> None:
    """Lines and markers for a figure of a third of the size."""
    line = getattr(trace, "line", None)
    if line is not None and line.width:
        line.width *= _THINNER
    marker = getattr(trace, "marker", None)
    if marker is not None and isinstance(getattr(marker, "size", None), int | float):
        marker.size *= _THINNER
    if trace.type == "heatmap" and trace.showscale is not False:
        trace.update(colorbar={"thickness": 8, "tickfont": {"size": _SMALL}})
        trace.update(colorbar={"title": {"font": {"size": _SMALL}}})
