"""The figure of any result for a page that has its own headings."""

from __future__ import annotations

import plotly.graph_objects as go

from interp.training.display import Result

_TOP, _NAMED_TOP = 28, 44  # pixels above the axes, and where they have names of their own
_LINE = 18  # of each further line of a name


def untitled(result: Result) -> tuple[go.Figure | None, str]:
    """The figure of a result without its title, and the caption that is to stand above it.

    There is no figure of values that are not numbers, such as that of an event that never came.
    """
    figure = result.plot()
    if not any(trace.x is None or len(trace.x) for trace in figure.data):
        return None, result.caption
    return without_title(figure, result.caption)


def without_title(figure: go.Figure, caption: str) -> tuple[go.Figure, str]:
    """The figure without its title, which is changed, and a caption with what stood below it."""
    below = figure.layout.title.subtitle.text or ""
    figure.layout.title = None
    lines = max((one.text.count("<br>") for one in figure.layout.annotations), default=-1)
    figure.update_layout(margin={"t": _TOP if lines < 0 else _NAMED_TOP + _LINE * lines})
    return figure, _together(caption, below.replace("<br>", " · "))


def _together(caption: str, below: str) -> str:
    """Both, without saying the same twice."""
    if not below or below in caption:
        return caption
    return below if caption in below else f"{caption} · {below}"
