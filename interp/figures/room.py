"""Room for a figure's words in a narrow column: titles in lines, panels further apart.

The same as interp/figures/assets/fit.js does for what it measures on a screen; here the width of
words is estimated, as there is nothing to measure them with.
"""

from __future__ import annotations

from textwrap import wrap

import plotly.graph_objects as go

_LETTER = 0.52  # of the size of type, the mean width of a letter
_TICKS, _TITLE = 26, 14  # pixels beside a panel, of ticks and of a line of a title
_GAP = 18  # between panels at the least: the last tick of one beside the first of the next
_LEAST = 60  # pixels of a line


def break_titles(figure: go.Figure, width: float, size: float) -> None:
    """Breaks the titles of axes, and those above panels, that are longer than their panel.

    Args:
        figure: is changed.
        width: of all panels together, in pixels.
        size: of the type, in pixels.
    """
    width -= max(0.0, _LETTER * size * _longest(figure) - _TICKS)
    margin = figure.layout.margin
    height = (figure.layout.height or 420) - (margin.t or 0) - (margin.b or 0)
    for axes, room in ((figure.select_xaxes(), width), (figure.select_yaxes(), height)):
        for axis in axes:
            if axis.title.text:
                low, high = axis.domain or (0, 1)
                axis.title.text = _broken(axis.title.text, room * (high - low), size)
    panels = [axis.domain[1] - axis.domain[0] for axis in figure.select_xaxes() if axis.domain]
    for note in figure.layout.annotations:
        if note.xref == "paper" and panels and note.showarrow is False:
            note.text = _broken(note.text, width * max(panels) + _GAP, size)


def _longest(figure: go.Figure) -> int:
    """Letters of the longest name of a row, which stand beside the panels."""
    names = [
        line
        for trace in figure.data
        if trace.type in ("scatter", "bar", "box") and trace.y is not None
        for one in trace.y
        if isinstance(one, str)
        for line in one.split("<br>")
    ]
    return max(map(len, names), default=0)


def _broken(text: str, room: float, size: float) -> str:
    letters = int(max(room, _LEAST) / (_LETTER * size))
    return "<br>".join("<br>".join(wrap(line, letters)) for line in text.split("<br>"))


def spread_columns(figure: go.Figure, width: float) -> None:
    """Moves columns of panels apart, until the words of one do not run into the next.

    Args:
        figure: its axes and what stands above panels are changed.
        width: of all panels together, in pixels.
    """
    named = [axis for axis in figure.select_xaxes() if axis.domain]
    starts = sorted({axis.domain[0] for axis in named})
    ends = [max(a.domain[1] for a in named if a.domain[0] == start) for start in starts]
    if len(starts) < 2 or any(b < a for a, b in zip(ends, starts[1:], strict=False)):
        return
    gaps = [starts[0]]
    for place, start in enumerate(starts[1:], start=1):
        needed = _beside(figure, [axis for axis in named if axis.domain[0] == start])
        gaps.append(max(start - ends[place - 1], needed / width))
    scale = (ends[-1] - sum(gaps)) / sum(b - a for a, b in zip(starts, ends, strict=True))
    moved, at = [], 0.0
    for gap, start, end in zip(gaps, starts, ends, strict=True):
        moved.append(at + gap)
        at = moved[-1] + scale * (end - start)

    def place_of(x: float) -> float:
        column = max((i for i, start in enumerate(starts) if x >= start - 1e-9), default=0)
        return moved[column] + scale * (x - starts[column])

    for axis in named:
        axis.domain = [min(1.0, place_of(x)) for x in axis.domain]
    for note in figure.layout.annotations:
        if note.xref == "paper":
            note.x = place_of(note.x)


def _beside(figure: go.Figure, column: list[go.layout.XAxis]) -> float:
    """Pixels that ticks and titles of the panels' vertical axes take."""
    found = [float(_GAP)]
    for axis in column:
        beside = figure.layout[(axis.anchor or "y").replace("y", "yaxis", 1)]
        ticks = 0 if beside.showticklabels is False else _TICKS
        found.append(ticks + (_TITLE if beside.title.text else 0) + 4)
    return max(found)
