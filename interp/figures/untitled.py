"""The figure of any result for a page that has its own headings."""

from __future__ import annotations

import plotly.graph_objects as go

from interp.training.display import Result

_TOP, _NAMED_TOP = 28, 44  # pixels above the axes, and where they have names of their own


def untitled(result: Result) -> tuple[go.Figure | None, str]:
    """The figure of a result without its title, and the caption that is to stand above it.

    There is no figure of values that are not numbers, such as that of an event that never came.
    """
    figure = result.plot()
    if not any(trace.x is None or len(trace.x) for trace in figure.data):
        return None, result.caption
    below = figure.layout.title.subtitle.text or ""
    figure.layout.title = None
    figure.update_layout(margin={"t": _NAMED_TOP if figure.layout.annotations else _TOP})
    return figure, _together(result.caption, below.replace("<br>", " · "))


def _together(caption: str, below: str) -> str:
    """Both, without saying the same twice."""
    if not below or below in caption:
        return caption
    return below if caption in below else f"{caption} · {below}"
