"""Ticks of logarithmic axes: whole decades, or 1, 2 and 5 of few of them; labels never touch."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import plotly.graph_objects as go

_MOST = 6  # labels of decades
_FEW = 2  # decades below which 2 and 5 are labelled too
_LEAST = 0.5  # of a decade; plotly's own ticks of a shorter axis are evenly spaced numbers


def log_ticks(figure: go.Figure) -> None:
    """Sets the ticks of every logarithmic axis that has none of its own.

    Plotly's own are 1, 2, 5, 10, 2, 5, 100, of which the small ones say nothing.

    Args:
        figure: its axes are changed.
    """
    for name, axis in _axes(figure):
        if axis.type == "log" and axis.dtick is None and axis.tickvals is None:
            decades = _decades(figure, name, axis)
            if decades is None or decades < _LEAST:
                continue
            if decades < _FEW:
                axis.update(dtick="D2", minorloglabels="complete")
            else:
                axis.update(dtick=int(np.ceil(decades / _MOST)))


def _axes(figure: go.Figure) -> Iterator[tuple[str, go.layout.XAxis | go.layout.YAxis]]:
    """Each axis with the name that traces call it by, such as ``x2``."""
    for letter, found in (("x", figure.select_xaxes()), ("y", figure.select_yaxes())):
        for axis in found:
            yield letter + axis.plotly_name.removeprefix(f"{letter}axis"), axis


def _decades(figure: go.Figure, name: str, axis: go.layout.XAxis | go.layout.YAxis) -> float | None:
    """How many powers of ten the axis spans; None where it has no number."""
    if axis.range is not None:
        return float(abs(axis.range[1] - axis.range[0]))
    letter = name[0]
    parts = [
        _positive(values)
        for trace in figure.data
        if getattr(trace, f"{letter}axis", None) in (name, None if name == letter else name)
        and (values := getattr(trace, letter, None)) is not None
    ]
    known = np.concatenate([*parts, np.empty(0)])
    return float(np.log10(known.max() / known.min())) if len(known) else None


def _positive(values: object) -> np.ndarray:
    """The numbers above zero, which alone have a place on the axis."""
    try:
        numbers = np.asarray(values, dtype=float).ravel()
    except (TypeError, ValueError):  # names of categories
        return np.empty(0)
    return numbers[np.isfinite(numbers) & (numbers > 0)]
